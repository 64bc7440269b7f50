package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
)

// item is one item of the feed.
type item struct {
	Position, Previous int64
	ID, Type, Kind     string
	ObjectID           string `json:"object_id"`
	Data               json.RawMessage
}

// feed is all that a caller sees, a few items at a time, each after the one before.
func (w *world) feed(who as, query string, position ...string) []item {
	w.t.Helper()
	var all []item
	after := int64(0)
	for {
		var headers []string
		if len(position) > 0 {
			headers = []string{"Waybill-Position", position[0]}
		}
		a := w.do(who, "GET", fmt.Sprintf("/api/v1/events?after=%d&limit=3%s", after, query), nil, headers...).is(200)
		var page struct {
			Items []item
			After int64
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			w.t.Fatal(err)
		}
		if fmt.Sprint(page.After) != a.position() {
			w.t.Errorf("after %d, Waybill-Position %s", page.After, a.position())
		}
		if len(page.Items) == 0 {
			return all
		}
		for _, i := range page.Items {
			if i.Previous != after {
				w.t.Errorf("%s at %d is after %d, and came after %d", i.Type, i.Position, i.Previous, after)
			}
			after = i.Position
		}
		all = append(all, page.Items...)
	}
}

func types(list []item) string {
	var b strings.Builder
	for _, i := range list {
		b.WriteString(strings.TrimSuffix(i.Type, ".v1") + " ")
	}
	return strings.TrimSpace(b.String())
}

// TestEventsOfEverybody: who asks sees what is its own in the role that it names, in order and without a gap.
func TestEventsOfEverybody(t *testing.T) {
	w := start(t)
	reviewer, auditor, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	one, other, asks := w.provider(reviewer), w.provider(reviewer), w.enterprise()
	product, _ := w.listed(one, reviewer)
	booked := w.do(asks, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	last := w.do(one, "POST", "/api/v1/provider/bookings/"+booked.text("id")+"/reply", m{"text": "好"}).is(200).position()

	own := "account-certified provider-applied provider-approved"
	for _, c := range []struct {
		who         as
		query, want string
	}{
		{one, "", "account-certified"},
		{one, "&as=provider", "provider-applied provider-approved product-submitted product-approved product-listed booking-requested booking-replied"},
		{other, "&as=provider", "provider-applied provider-approved"},
		{asks, "", "account-certified booking-requested booking-replied"},
		{asks, "&as=provider", ""},
	} {
		if got := types(w.feed(c.who, c.query, last)); got != c.want {
			t.Errorf("%s: %s, want %s (all of its own: %s)", c.query, got, c.want, own)
		}
	}
	everything := w.feed(operator, "", last)
	if got := w.feed(auditor, "&as=auditor", last); fmt.Sprint(got) != fmt.Sprint(everything) || len(got) < 20 {
		t.Errorf("an auditor sees %d items, an operator %d", len(got), len(everything))
	}
	seen := w.feed(reviewer, "", last)
	for _, i := range seen {
		if !slices.Contains([]string{"provider", "product", "claim"}, i.Kind) || i.Type == "product-listed.v1" {
			t.Errorf("a reviewer sees %s", i.Type)
		}
		if strings.Contains(string(i.Data), reviewer.id.String()) {
			t.Errorf("%s says who decided: %s", i.Type, i.Data)
		}
	}
	if len(seen) < 6 {
		t.Errorf("a reviewer sees %s", types(seen))
	}
	both := w.token(reviewer.id, valid, domain.RoleReviewer)
	if got := types(w.feed(both, "&as=reviewer", last)); got != types(seen) {
		t.Errorf("by name: %s", got)
	}
}

// TestEventsRefused: what the feed does not give is refused, with the reason.
func TestEventsRefused(t *testing.T) {
	w := start(t)
	reviewer, asks := w.staff(domain.RoleReviewer), w.enterprise()
	const events = "/api/v1/events"
	w.do(as{}, "GET", events, nil).refuses(401, "unauthorized")
	w.do(reviewer, "GET", events+"?as=auditor", nil).refuses(403, "forbidden")
	w.do(asks, "GET", events+"?as=operator", nil).refuses(403, "forbidden")
	w.do(asks, "GET", events+"?after=1000000", nil).refuses(503, "read_model_behind")
	w.do(asks, "GET", events, nil, "Last-Event-ID", "1000000").refuses(503, "read_model_behind")
	w.do(asks, "GET", events+"?after=9223372036854775807", nil).refuses(503, "read_model_behind")
	for query, want := range map[string]string{
		"after=-1": "out_of_range", "after=x": "out_of_range", "limit=0": "out_of_range", "limit=1001": "out_of_range", "wait=26": "out_of_range", "wait=0": "out_of_range",
		"as=nobody": "unknown_value", "types=product-listed.v1": "unknown_parameter", "after=1&after=2": "repeated_parameter",
	} {
		a := w.do(asks, "GET", events+"?"+query, nil).is(422)
		if name, _, _ := strings.Cut(query, "="); a.mistakes()[name] != want {
			t.Errorf("%s: %v, want %s", query, a.mistakes(), want)
		}
	}
	w.do(asks, "POST", events, nil).is(405)
	w.do(asks, "GET", events, "{}").is(400)
	w.do(asks, "HEAD", events, nil).is(200)
	a := w.do(asks, "HEAD", events, nil, "Accept", "text/event-stream").is(200)
	if a.header.Get("Content-Type") != "text/event-stream" || a.header.Get("Content-Length") != "" {
		t.Errorf("HEAD of a stream: %v", a.header)
	}
	w.do(asks, "GET", events, nil, "If-None-Match", "*").is(200)
}

// TestEventsWait: a page that would be empty waits for what comes, also beyond the time that other answers have.
func TestEventsWait(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	asks := w.enterprise()
	last := w.feed(asks, "", w.do(asks, "POST", "/api/v1/provider/application", w.profile()).is(201).position())
	path := fmt.Sprintf("/api/v1/events?as=provider&wait=25&after=%d", w.feed(asks, "&as=provider")[0].Position)
	got := make(chan answer)
	go func() { got <- w.do(asks, "GET", path, nil) }()
	w.eventually("somebody waits", func() bool { return w.measured("waybill_feed_readers") == 1 })
	w.do(reviewer, "POST", "/api/v1/review/providers/"+asks.id.String()+"/approve", m{"revision": 1}).is(200)
	if a := (<-got).is(200); a.text("items", 0, "type") != "provider-approved.v1" || a.count("items") != 1 {
		t.Errorf("waited for %s", a.body)
	}
	a := w.do(asks, "GET", fmt.Sprintf("/api/v1/events?wait=1&after=%d", last[len(last)-1].Position), nil).is(200)
	if a.count("items") != 0 || a.position() != fmt.Sprint(last[len(last)-1].Position) {
		t.Errorf("nothing came, and it says %s", a.body)
	}
}

// TestEventsWaitOfNoMoreUse: what comes while a page waits is shown to nobody whose token ended meanwhile.
func TestEventsWaitOfNoMoreUse(t *testing.T) {
	w := start(t)
	opened, err := w.commands.OpenAccount(t.Context(), w.request(), "工作人员")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.commands.GrantRole(t.Context(), w.request(), opened.ID, domain.RoleAuditor); err != nil {
		t.Fatal(err)
	}
	who, token, err := w.issued(opened.ID, domain.RoleAuditor)
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/events?wait=25&after=" + w.head()
	got := make(chan answer)
	go func() { got <- w.do(who, "GET", path, nil) }()
	w.eventually("somebody waits", func() bool { return w.measured("waybill_feed_readers") == 1 })
	if _, err := w.commands.RevokeToken(t.Context(), w.request(), opened.ID, token, "遗失"); err != nil {
		t.Fatal(err)
	}
	(<-got).refuses(401, "token_revoked")
}

// measured is the value of a metric without labels.
func (w *world) measured(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	w.t.Fatalf("there is no metric %s", name)
	return 0
}
