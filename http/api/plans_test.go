package api_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/postgres"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections"
	"waybill/projections/modeltest"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

// asked are values of query parameters: of a crowded world's tables something that is common, something that is rare, and something
// that is not there. A parameter that has none here is one of which nobody knows whether it walks.
func (c *crowded) asked() map[string][]string {
	owner, nobody := c.owner.id.String(), uuid.NewString()
	early, middle, late := "2019-01-01T03:30:00Z", "2022-01-20T00:00:00Z", "2036-01-01T00:00:00Z"
	return map[string][]string{
		"mode": {"sea", "rail", "air"}, "country": {"越南", "老挝", "没有"}, "city": {"海防", "万象", "没有"}, "tag": {"冷链", "少见", "没有"},
		"q": {"海运", "旧货", "少见", "没有"}, "provider": {owner, md5ID("v1"), nobody}, "limit": {"100"}, "total": {"true"},
		"state": {"awaiting_reply", "closed", "replied"}, "product_id": {c.product, c.rare, md5ID("foreign"), nobody}, "unread": {"true", "false"},
		"review": {"approved", "rejected", "pending"}, "display": {"listed", "unlisted"},
		"kind": {"product", "provider"}, "older_than": {early, middle}, "younger_than": {middle, late}, "due_before": {early, middle, late},
		"due_after": {early, middle, late}, "overdue": {"true", "false"}, "submitter": {owner, md5ID("a1"), nobody}, "subject": {c.product, nobody},
		"provider_type": {"logistics", "customs"}, "flag": {
			"mismatch", "finding", "resubmitted", "first_approved", "revoked", "taken_down", "claimed", "unclaimed", "mine",
		},
		"stream": {"product-" + c.product, "product-" + nobody}, "actor": {owner, nobody}, "role": {"provider", "auditor"}, "type": {"product-approved.v1"},
		"decision": {"approved", "rejected"}, "reason": {"picture"}, "event_id": {md5ID("l1")}, "correlation_id": {md5ID("q1")}, "request_id": {"r1"},
		"from": {c.now().AddDate(0, 0, -300).Format(time.DateOnly), c.now().AddDate(0, 0, -1).Format(time.DateOnly)},
		"to":   {"2019-01-31", "2022-01-31"}, "from_position": {"20"}, "to_position": {"20"}, "from_at": {late}, "to_at": {late}, "as_of": {"20"}, "format": {"json", "csv"},
		"from_day": {"2019-01-02", "2022-01-20"}, "to_day": {"2019-01-02", "2022-01-20"},
		"order": {"asc", "desc"}, "standing": {"active", "suspended", "closed"}, "uscc": {"U1", "U40000", "none"}, "owner": {owner, md5ID("v1"), nobody},
		"as": {"operator"}, "after": {"0", "20"}, "revision": {"1"}, "position": {"20"}, "at": {"2036-01-01T00:00:00Z"},
		"by": {"all"}, "bbox": {"-180,-80,180,80", "106,20,107,21"}, "zoom": {"3", "14"},
		"cursor": nil, // every first page leads to one
	}
}

// askedOf are those that a parameter has in one operation alone.
func (c *crowded) askedOf() map[string][]string {
	var later, laterDays []string
	for _, hours := range []time.Duration{1, many / 2, 2 * many} {
		later = append(later, c.now().Add(hours*time.Hour).UTC().Format(time.RFC3339))
		laterDays = append(laterDays, c.now().Add(hours*time.Hour).UTC().Format(time.DateOnly))
	}
	return map[string][]string{
		"getReviewQueue state": {"pending", "approved", "rejected", "superseded", "decided"}, "listAccounts state": {"open", "closed"},
		"listWebhooks state": {"active", "paused", "removed"}, "listOwnWebhooks state": {"active", "paused", "removed"},
		"listWebhookDeliveries state": {"due", "done", "given_up", "skipped"}, "listOwnWebhookDeliveries state": {"due", "done", "given_up", "skipped"},
		"listAuditEvents from": later, "listAuditEvents to": later, "listAuditEvents from_day": laterDays, "listAuditEvents to_day": laterDays,
		"recordChanges from": {"1"}, "recordChanges to": {"2"},
		"listAccounts role": {"enterprise", "auditor", "reviewer", "operator"}, "listEvents wait": {"1"},
	}
}

// Operations that are about no table, and those that read all of what they send.
var unlisted = map[string]string{
	"searchPlaces": "the gazetteer is in memory", "findNearestPlaces": "the gazetteer is in memory", "getApplicationForm": "in memory",
	"exportAuditEvents": "it sends all that it reads; what it reads is as of listAuditEvents", "getImage": "pictures are looked up by digest",
}

// bound is how many rows and blocks a page may look at. Totals are counted up to 10,000; the public list walks up to 12,000
// products before it looks up what is rare; a report reads its days.
func bound(op string, query url.Values) (rows, blocks float64) {
	switch {
	case query.Has("total"):
		return 25_000, 45_000
	case op == "getBadges":
		return 30_000, 30_000
	case query.Has("q") && op != "listAuditEvents" && op[:5] != "count":
		return 15_000, 30_000
	case op == "browseProducts" || op == "countProducts" || op == "mapProducts":
		return 15_000, 30_000
	case op == "getWorkload":
		return 20_000, 40_000
	case strings.Contains(op, "udit") || strings.HasPrefix(op, "record"):
		return 9_000, 6_000 // the days of the log, and a page of each of its classes
	}
	return 2_000, 6_000
}

// TestNoListGrowsWithTheLog: whatever one filter of a list asks for, or two, what a page of it looks at has a bound, wherever in the list
// it is and in both directions. The lists and their filters are those of the specification.
func TestNoListGrowsWithTheLog(t *testing.T) {
	c := crowd(t)
	t.Run("lists", c.lists)
	t.Run("node", c.nodesAsk)
}

func (c *crowded) lists(t *testing.T) {
	recorder := &modeltest.Recorder{}
	ask := c.through(recorder)
	plans := []*modeltest.Plans{modeltest.NewPlans(t, c.pool, false), modeltest.NewPlans(t, c.pool, true)}
	everywhere, alone := c.asked(), c.askedOf()
	for _, r := range c.routes() {
		op := r.op.OperationID
		if r.method != "GET" || unlisted[op] != "" {
			continue
		}
		var names []string
		values := map[string][]string{}
		for _, p := range r.op.Parameters {
			if p.Value.In != "query" {
				continue
			}
			of, ok := alone[op+" "+p.Value.Name]
			if !ok {
				of, ok = everywhere[p.Value.Name]
			}
			if !ok {
				t.Errorf("%s: nobody knows whether %s walks the log: give it values", op, p.Value.Name)
			}
			if len(of) > 0 {
				names, values[p.Value.Name] = append(names, p.Value.Name), of
			}
		}
		for _, who := range c.callers(r) {
			var queries []url.Values
			for i, one := range names {
				for _, v := range values[one] {
					queries = append(queries, url.Values{one: {v}})
					if op == "listAuditEvents" {
						continue // TestNoPairOfFiltersWalksTheLog
					}
					for _, two := range names[i+1:] {
						for _, w := range values[two] {
							queries = append(queries, url.Values{one: {v}, two: {w}})
						}
					}
				}
			}
			all := c.page(t, r, who, url.Values{}, ask, recorder, plans)
			c.furtherPages(t, r, who, url.Values{}, cursors(t, all), 0, ask, recorder, plans)
			for turn, query := range queries {
				first := c.page(t, r, who, query, ask, recorder, plans)
				if len(query) > 1 {
					continue
				}
				if first == "" {
					first = all
				}
				further := cursors(t, first)
				if op == "browseProducts" && query.Has("q") && len(further) > 0 {
					further = further[1:] // what is common is looked up in all of the list when no page of it is left (decision 67)
				}
				c.furtherPages(t, r, who, query, further, turn, ask, recorder, plans)
			}
		}
	}
}

// callers are those who may ask, with much and with little of their own.
func (c *crowded) callers(r route) []as {
	if slices.Contains(r.roles, "public") {
		return []as{{}}
	}
	all := map[string][]as{
		"reviewer": {c.reviewer}, "auditor": {c.auditor}, "operator": {c.operator}, "provider": {c.owner}, "enterprise": {c.enterprise, c.other},
		"any": {c.owner},
	}
	return all[r.roles[0]]
}

// furtherPages asks for the pages behind cursors, in both directions; with a filter for one of them, as its turn is.
func (c *crowded) furtherPages(t *testing.T, r route, who as, query url.Values, behind []string, turn int, ask func(as, string) answer,
	recorder *modeltest.Recorder, plans []*modeltest.Plans,
) {
	t.Helper()
	ways := []string{""}
	if !query.Has("order") && r.op.Parameters.GetByInAndName("query", "order") != nil {
		ways = []string{"asc", "desc"}
	}
	if n := len(behind); n > 0 && len(query) > 0 {
		behind, ways = behind[turn%n:][:1], ways[turn/n%len(ways):][:1]
	}
	for _, cursor := range behind {
		for _, way := range ways {
			further := maps.Clone(query)
			further.Set("cursor", cursor)
			if way != "" {
				further.Set("order", way)
			}
			c.page(t, r, who, further, ask, recorder, plans)
		}
	}
}

// cursors are those of the rows near both ends of a crowded list and in its middle, where many rows are of one time, by one of its
// cursors; none when that is empty. The first is near the oldest.
func cursors(t *testing.T, next string) []string {
	t.Helper()
	if next == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil {
		t.Fatal(err)
	}
	list := projections.List(b[0])
	var all []string
	for _, i := range []int64{5, many / 2, many - 5} {
		c, err := projections.DecodeCursor(next, list)
		if err != nil {
			t.Fatal(err)
		}
		at := sqlBegin.Add(time.Duration(i) * time.Hour).UnixMicro()
		switch list {
		case projections.ListHistory:
			c.At = 1000 + i
		case projections.ListDeliveries:
			c.At = i
		case projections.ListReviewQueue:
			c.At, c.Then = at+(24*time.Hour).Microseconds(), at
		default:
			c.At = at
		}
		if c.Pinned = false; c.ID != uuid.Nil {
			c.ID = uuid.UUID{0x80} // amid those of one time
		}
		all = append(all, c.Encode(list))
	}
	return all
}

// page asks for a page, and returns the cursor of the next.
func (c *crowded) page(t *testing.T, r route, who as, query url.Values, ask func(as, string) answer, recorder *modeltest.Recorder,
	plans []*modeltest.Plans,
) (next string) {
	t.Helper()
	mostRows, mostBlocks := bound(r.op.OperationID, query)
	path := strings.NewReplacer("{kind}", "product", "{id}", c.ofRoute(r), "{event}", md5ID("l1"), "{year}", "2026", "{code}", "not_found").Replace(r.path)
	if required := map[string]string{"mapProducts": "bbox=-180,-80,180,80"}[r.op.OperationID]; required != "" && !query.Has("bbox") {
		path += "?" + required + "&" + query.Encode()
	} else {
		path += "?" + query.Encode()
	}
	recorder.Take()
	got := ask(who, path)
	if got.status != 200 && got.status != 404 && got.status != 422 && got.status != 303 || got.status == 422 && (len(query) == 1 || query.Has("cursor") && !query.Has("state")) {
		t.Errorf("%s: %d %s", path, got.status, got.body)
	}
	statements := recorder.Take()
	for _, p := range plans {
		if p.Generic && len(query) > 1 {
			continue
		}
		var total, most modeltest.Work
		var sql string
		for _, s := range statements {
			if !s.Planned() {
				continue
			}
			w := p.Work(s)
			total.Rows, total.Blocks = total.Rows+w.Rows, total.Blocks+w.Blocks
			if w.Blocks >= most.Blocks {
				most, sql = w, s.SQL
			}
		}
		if total.Rows > mostRows || total.Blocks > mostBlocks {
			t.Errorf("%s, generic %t: %.0f rows, %.0f blocks\n%s\n%s", path, p.Generic, total.Rows, total.Blocks, sql, most.Plan)
		}
	}
	var page struct {
		Next string `json:"next_cursor"`
	}
	if got.status == 200 && strings.Contains(string(got.body), `"next_cursor"`) {
		if err := json.Unmarshal(got.body, &page); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	return page.Next
}

// ofRoute is the id that a path is asked with.
func (c *crowded) ofRoute(r route) string {
	switch {
	case strings.Contains(r.path, "webhooks"):
		return c.hook
	case strings.Contains(r.path, "bookings"):
		return c.booking
	case strings.Contains(r.path, "providers"):
		return c.owner.id.String()
	case strings.Contains(r.path, "accounts"):
		return c.enterprise.id.String()
	case strings.Contains(r.path, "exports"):
		return c.export
	case strings.Contains(r.path, "places"):
		return "1"
	}
	return c.product
}

// through is the API on connections whose queries are recorded.
func (c *crowded) through(recorder *modeltest.Recorder) func(who as, path string) answer {
	c.t.Helper()
	pool := recorder.Pool(c.t, c.pool)
	web, err := http.New(http.Deps{Tokens: postgres.NewTokens(pool), Logger: c.web.Logger, Registry: prometheus.NewRegistry(), Clock: c.now})
	if err != nil {
		c.t.Fatal(err)
	}
	deps := c.deps
	deps.Queries = pool
	deps.Webhooks = &api.Webhooks{
		Secrets: postgres.NewWebhookSecrets(pool), Test: c.deps.Webhooks.Test,
		Deliveries: runtime.NewDeliveries(pool, c.store, reactions.Webhooks, reactions.WebhooksStored),
	}
	if err := api.Mount(web, deps); err != nil {
		c.t.Fatal(err)
	}
	return func(who as, path string) answer {
		r := httptest.NewRequest("GET", path, nil)
		if who.token != "" {
			r.Header.Set("Authorization", "Bearer "+who.token)
		}
		w := httptest.NewRecorder()
		web.ServeHTTP(w, r)
		return answer{t: c.t, what: "GET " + path, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	}
}
