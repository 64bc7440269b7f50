package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/events"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/feed"
	"waybill/projections/modeltest"
)

// items are all of a scope, a few at a time.
func items(t modeltest.Fataler, pool *pgxpool.Pool, s feed.Scope) []feed.Item {
	t.Helper()
	var all []feed.Item
	after := domain.Position(0)
	for {
		next, err := feed.Queries{DB: pool}.Items(context.Background(), s, after, 3)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if len(next) == 0 {
			return all
		}
		all, after = append(all, next...), next[len(next)-1].Position
	}
}

// line is an item in short.
func line(i feed.Item) string {
	return fmt.Sprintf("%d<%d %s %s", i.Position, i.Previous, i.Type, i.Data)
}

func lines(list []feed.Item) string {
	var b strings.Builder
	for _, i := range list {
		b.WriteString(line(i) + "\n")
	}
	return b.String()
}

// TestFeed: each scope has what it may see, each item names the one before it, and what was said of a deleted product is gone.
func TestFeed(t *testing.T) {
	v, other, e := domaintest.ID("v"), domaintest.ID("other"), domaintest.ID("e")
	p, b := domaintest.ID("p"), domaintest.ID("b")
	note := []domain.Reason{{Code: "other", Field: "/name", Note: "请补充"}}
	h := modeltest.NewHistory()
	h.Add("account", e, account.Opened{DisplayName: "海丰"}, account.Certified{Enterprise: domaintest.Enterprise, Source: "operator"})
	h.Activate(v)     // 3, 4
	h.Activate(other) // 5, 6
	h.Add("product", p, product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("海运专线")},
		product.Rejected{Revision: 1, Reasons: note}, product.Revised{Revision: 2, Content: domaintest.Content("空运专线")},
		product.Approved{Revision: 2}, product.Listed{}) // 7 to 11
	requested := domaintest.Requested(p)
	requested.ProviderID, requested.EnterpriseID = v, e
	h.Add("booking", b, requested, booking.Replied{Number: 1, Text: "好"})                // 12, 13
	h.Add("product", p, product.TakenDown{Revision: 2, Reason: "投诉"}, product.Deleted{}) // 14, 15
	h.Add("booking", b, booking.Closed{Reason: booking.ProductDeleted})                  // 16
	h.Add("provider", v, provider.Suspended{Reason: "停业"})                               // 17
	booked := fmt.Sprintf(`{"product_id":%q,"product_revision":%d,"provider_id":%q,"enterprise_id":%q}`, p, requested.ProductRevision, v, e)
	want := map[feed.Scope]string{
		feed.Enterprise(e): `2<0 account-certified.v1 {"source":"operator"}
12<2 booking-requested.v1 ` + booked + `
13<12 booking-replied.v1 {"number":1}
16<13 booking-closed.v1 {"reason":"product_deleted"}
`,
		feed.Provider(other): `5<0 provider-applied.v1 {"revision":1}
6<5 provider-approved.v1 {"revision":1}
`,
		feed.Provider(v): `3<0 provider-applied.v1 {"revision":1}
4<3 provider-approved.v1 {"revision":1}
7<4 product-submitted.v1 {"provider_id":"` + v.String() + `","revision":1}
8<7 product-rejected.v1 {"revision":1,"reasons":[{"code":"other","field":"/name"}]}
9<8 product-revised.v1 {"revision":2}
10<9 product-approved.v1 {"revision":2}
11<10 product-listed.v1 {}
12<11 booking-requested.v1 ` + booked + `
13<12 booking-replied.v1 {"number":1}
14<13 product-taken-down.v1 {"revision":2}
15<14 product-deleted.v1 {}
16<15 booking-closed.v1 {"reason":"product_deleted"}
17<16 provider-suspended.v1 {"reason":"停业"}
`,
		feed.Provider(e): "",
	}
	for _, cuts := range [][]int{nil, {8}, {7, 9, 14}} {
		pool := modeltest.Tables(t)
		modeltest.Project(t, pool, h.Log, cuts...)
		for scope, want := range want {
			modeltest.Equal(t, fmt.Sprint(scope, cuts), lines(items(t, pool, scope)), want)
		}
		all := items(t, pool, feed.All())
		if len(all) != len(h.Log) {
			t.Errorf("%d items of all, want %d", len(all), len(h.Log))
		}
		q := feed.Queries{DB: pool}
		var after []feed.Item
		for at := domain.Position(0); ; {
			next, err := q.After(t.Context(), at, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(next) == 0 {
				break
			}
			at = next[len(next)-1].Position
			after = append(after, next...)
		}
		var each []feed.Item
		for _, e := range h.Log {
			at, err := q.At(t.Context(), e.Position)
			if err != nil {
				t.Fatal(err)
			}
			each = append(each, at...)
		}
		modeltest.Equal(t, "all scopes", lines(after), lines(each))
	}
}

// TestWhatTheFeedShows: every event type is in the table of docs/feed.md with who sees it and which of its fields; no other field gets
// out, whatever is in it.
func TestWhatTheFeedShows(t *testing.T) {
	document, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range events.Types {
		fact := filled(t, name, domaintest.ID)
		sees, fields := feed.Shown(fact)
		if sees == nil {
			continue // hidden: the table says nothing of it
		}
		audiences := make([]string, len(sees))
		for i, a := range sees {
			audiences[i] = string(a)
		}
		text, err := feed.Data(fact, false)
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := leaves(value, "")
		slices.Sort(got)
		want := []string{}
		for _, f := range strings.Fields(fields) {
			switch f {
			case "due":
				want = append(want, "due_at")
			case "reasons":
				want = append(want, "reasons.code", "reasons.field", "reasons.note")
			default:
				want = append(want, f)
			}
		}
		slices.Sort(want)
		modeltest.Equal(t, name, fmt.Sprint(got), fmt.Sprint(want))
		for _, never := range []string{"reviewer", "note", "seen", "claim", "text", "content", "profile", "phone", "inquiry", "name", "url", "secret", "usc"} {
			for _, f := range strings.Fields(fields) {
				if f == never {
					t.Errorf("%s shows %s", name, never)
				}
			}
		}
		row := fmt.Sprintf("| `%s` | %s | %s |", name, strings.Join(audiences, ", "), strings.ReplaceAll(fields, "due", "due_at"))
		if fields == "" {
			row = fmt.Sprintf("| `%s` | %s | |", name, strings.Join(audiences, ", "))
		}
		if !strings.Contains(string(document), row) {
			t.Errorf("docs/feed.md lacks: %s", row)
		}
	}
}

// TestNobodySeesWhatIsAnothers: with one event of every type about A and one about B, neither's feed has anything of the other.
func TestNobodySeesWhatIsAnothers(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	category := map[string]string{}
	for name := range events.Types {
		category[name] = categoryOf(name)
	}
	names := make([]string, 0, len(category))
	for name := range category {
		names = append(names, name)
	}
	// What says whose an object is comes first.
	slices.SortFunc(names, func(a, b string) int {
		first := func(n string) int {
			switch n {
			case product.Submitted{}.EventType(), booking.Requested{}.EventType():
				return 0
			case product.Deleted{}.EventType():
				return 2
			}
			return 1
		}
		if d := first(a) - first(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	of := map[uuid.UUID]string{} // whose an event is, by its id
	for _, name := range names {
		for _, who := range []string{"A", "B"} {
			own := domaintest.ID(who)
			object := own
			if c := category[name]; c != "provider" && c != "account" {
				object = domaintest.ID(who + c)
			}
			h.AddAt(domain.Stream(category[name], object), h.At, filled(t, name, func(string) uuid.UUID { return own }))
			of[h.Log[len(h.Log)-1].ID] = who
		}
	}
	for _, batch := range [][]projections.Event{h.Log[:len(h.Log)/2], h.Log[len(h.Log)/2:]} {
		if err := modeltest.Apply(t.Context(), pool, feed.Model, batch); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []string{"A", "B"} {
		for _, scope := range []feed.Scope{feed.Provider(domaintest.ID(who)), feed.Enterprise(domaintest.ID(who))} {
			list := items(t, pool, scope)
			if len(list) < 5 {
				t.Errorf("%s has %d items only", scope, len(list))
			}
			for _, i := range list {
				other := domaintest.ID(map[string]string{"A": "B", "B": "A"}[who])
				if of[i.EventID] != who || strings.Contains(string(i.Data), other.String()) {
					t.Errorf("%s of %s shows %s", who, scope, line(i))
				}
			}
		}
	}
	var text strings.Builder
	for _, i := range items(t, pool, feed.All()) {
		for _, h := range feed.Hidden {
			if i.Type == h.EventType() {
				t.Errorf("%s is shown", i.Type)
			}
		}
		fmt.Fprintln(&text, i.Type, string(i.Data))
	}
	for _, never := range []string{"/seen", "/note", "/content", "/profile", "/inquiry", "/secret", "/url", "/display_name", "/enterprise", "/label"} {
		for l := range strings.Lines(text.String()) {
			if strings.Contains(strings.ReplaceAll(l, "text of /reasons/note", ""), "text of "+never) {
				t.Errorf("shown: %s", l)
			}
		}
	}
}

// categoryOf is the category of the streams that events of a type are in.
func categoryOf(name string) string {
	switch what, _, _ := strings.Cut(name, "-"); what {
	case "case", "decision":
		return "claim"
	case "dead":
		return "operation"
	case "record", "history":
		return "audit"
	case "review":
		return "digest"
	default:
		return what
	}
}
