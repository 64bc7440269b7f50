package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
)

// TestEveryListCounts: total=true gives the number of rows of the whole list, with the same filters, on whatever page. A new list or
// filter is a row.
func TestEveryListCounts(t *testing.T) {
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	first, _ := w.listed(owner, reviewer)
	rail := with(with(content(), "mode", "rail"), "name", "中老铁路ＦＣＬ专列")
	w.do(owner, "POST", "/api/v1/provider/products", rail).is(201)
	second := w.do(owner, "POST", "/api/v1/provider/products", with(content(), "name", "三亚至海口陆运")).is(201).text("id")
	w.do(reviewer, "POST", "/api/v1/review/products/"+second+"/approve", m{"revision": 1}).is(200)
	ask := func(product string) string {
		return w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")
	}
	ask(first)
	answered, read := ask(first), ask(second)
	for _, id := range []string{answered, read} {
		w.do(owner, "POST", "/api/v1/provider/bookings/"+id+"/reply", m{"text": "可以。"}).is(200)
	}
	position := w.do(enterprise, "PUT", "/api/v1/bookings/"+read+"/read", nil).is(200).position()

	events := w.do(auditor, "GET", "/api/v1/audit/events?limit=100", nil, "Waybill-Position", position).is(200).count("items")
	nobody := uuid.NewString()
	for _, row := range []struct {
		who   as
		path  string
		query url.Values
		want  int
	}{
		{as{}, "/api/v1/products", nil, 2},
		{as{}, "/api/v1/products", url.Values{"mode": {"sea"}}, 2},
		{as{}, "/api/v1/products", url.Values{"mode": {"air"}}, 0},
		{as{}, "/api/v1/products", url.Values{"country": {"越南"}}, 2},
		{as{}, "/api/v1/products", url.Values{"city": {"海防"}}, 2},
		{as{}, "/api/v1/products", url.Values{"tag": {"冷链"}}, 2},
		{as{}, "/api/v1/products", url.Values{"q": {"陆运"}}, 1},
		{as{}, "/api/v1/products", url.Values{"q": {"三亚"}, "mode": {"sea"}, "tag": {"冷链"}}, 2},
		{as{}, "/api/v1/products", url.Values{"q": {"没有"}}, 0},
		{owner, "/api/v1/provider/products", nil, 3},
		{owner, "/api/v1/provider/products", url.Values{"review": {"pending"}}, 1},
		{owner, "/api/v1/provider/products", url.Values{"display": {"listed"}}, 2},
		{owner, "/api/v1/provider/products", url.Values{"mode": {"rail"}}, 1},
		{owner, "/api/v1/provider/products", url.Values{"q": {"fcl"}}, 1},
		{owner, "/api/v1/provider/products", url.Values{"q": {"铁\u200b路　专列"}}, 1},
		{owner, "/api/v1/provider/products", url.Values{"q": {"海防"}, "mode": {"sea"}}, 2},
		{owner, "/api/v1/provider/products", url.Values{"q": {"a b c d e f g h 海防"}}, 0},
		{owner, "/api/v1/provider/products", url.Values{"q": {"%"}}, 0},
		{enterprise, "/api/v1/bookings", nil, 3},
		{enterprise, "/api/v1/bookings", url.Values{"state": {"replied"}}, 2},
		{enterprise, "/api/v1/bookings", url.Values{"product_id": {first}}, 2},
		{enterprise, "/api/v1/bookings", url.Values{"product_id": {nobody}}, 0},
		{enterprise, "/api/v1/bookings", url.Values{"product_id": {uuid.Nil.String()}}, 0},
		{enterprise, "/api/v1/bookings", url.Values{"unread": {"true"}}, 1},
		{enterprise, "/api/v1/bookings", url.Values{"unread": {"false"}}, 2},
		{enterprise, "/api/v1/bookings", url.Values{"unread": {"true"}, "product_id": {second}}, 0},
		{owner, "/api/v1/provider/bookings", nil, 3},
		{owner, "/api/v1/provider/bookings", url.Values{"product_id": {second}}, 1},
		{owner, "/api/v1/provider/bookings", url.Values{"unread": {"true"}, "state": {"replied"}}, 1},
		{reviewer, "/api/v1/review/queue", nil, 1},
		{reviewer, "/api/v1/review/queue", url.Values{"state": {"decided"}}, 3},
		{reviewer, "/api/v1/review/queue", url.Values{"state": {"approved"}, "kind": {"provider"}}, 1},
		{auditor, "/api/v1/audit/events", nil, events},
		{auditor, "/api/v1/audit/events", url.Values{"stream": {"product-" + first}}, 3},
		{auditor, "/api/v1/audit/events", url.Values{"stream": {"product-" + strings.Repeat("f", 36)}}, 0},
		{auditor, "/api/v1/audit/events", url.Values{"type": {"booking-replied.v1"}}, 2},
	} {
		query := url.Values{"limit": {"1"}}
		for name, values := range row.query {
			query[name] = values
		}
		name := row.path + "?" + row.query.Encode()
		if got := w.do(row.who, "GET", row.path+"?"+query.Encode(), nil, "Waybill-Position", position).is(200); got.at("total") != nil || got.at("total_is_lower_bound") != nil {
			t.Errorf("%s: counted though nobody asked: %s", name, got.body)
		}
		query.Set("total", "true")
		rows := 0
		for page := 0; page < 200; page++ { // every page says the same total
			got := w.do(row.who, "GET", row.path+"?"+query.Encode(), nil, "Waybill-Position", position).is(200)
			if got.at("total") != float64(row.want) || got.at("total_is_lower_bound") != false {
				t.Errorf("%s, page %d: want %d\n%s", name, page, row.want, got.body)
			}
			rows += got.count("items")
			if query.Set("cursor", got.text("next_cursor")); query.Get("cursor") == "" {
				break
			}
		}
		if rows != row.want {
			t.Errorf("%s: %d rows, want %d", name, rows, row.want)
		}
	}
	for _, wrong := range []string{"1", "TRUE", "yes", ""} {
		w.do(as{}, "GET", "/api/v1/products?total="+wrong, nil).refuses(422, "invalid_input")
	}
	for _, r := range w.routes() { // every page of a list can be counted
		lists := false
		counts := false
		for _, p := range r.op.Parameters {
			lists, counts = lists || p.Value.Name == "cursor", counts || p.Value.Name == "total"
		}
		if lists != counts {
			t.Errorf("%s is a list without total", r)
		}
	}
	for _, query := range []string{"type=product-approved.v9", "kind=invoice", "actor_role=nobody"} {
		if got := w.do(auditor, "GET", "/api/v1/audit/events?"+query, nil); got.status != 422 {
			t.Errorf("%s: %d, and not what there is none of", query, got.status)
		}
	}
}

func TestBadges(t *testing.T) {
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	booking := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")
	replied := w.do(owner, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": "可以。"}).is(200).position()

	check := func(who as, position string, want m) answer {
		t.Helper()
		got := w.do(who, "GET", "/api/v1/me/badges", nil, "Waybill-Position", position).is(200)
		for group, counts := range want {
			if counts == nil {
				if got.at(group) != nil {
					t.Errorf("%s is there: %s", group, got.body)
				}
				continue
			}
			for name, n := range counts.(map[string]int) {
				if got.at(group, name, "total") != float64(n) {
					t.Errorf("%s.%s: want %d\n%s", group, name, n, got.body)
				}
			}
		}
		return got
	}
	check(enterprise, replied, m{"enterprise": map[string]int{"awaiting_reply": 1, "unread_replies": 1}, "provider": nil, "reviewer": nil})
	check(owner, replied, m{
		"enterprise": map[string]int{"awaiting_reply": 0, "unread_replies": 0},
		"provider":   map[string]int{"pending_products": 1, "approved_products": 1, "rejected_products": 0, "awaiting_reply": 1},
	})
	check(reviewer, replied, m{"reviewer": map[string]int{"pending_products": 1, "pending_providers": 0}, "enterprise": nil})
	check(auditor, replied, m{"reviewer": nil, "enterprise": nil, "provider": nil})
	read := w.do(enterprise, "PUT", "/api/v1/bookings/"+booking+"/read", nil).is(200).position()
	check(enterprise, read, m{"enterprise": map[string]int{"awaiting_reply": 1, "unread_replies": 0}})
}

// TestABookingNamesItsProvider: as the enterprise saw it, on both sides.
func TestABookingNamesItsProvider(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	name := w.profile()["name"]
	enterprise := w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	for path, who := range map[string]as{"/api/v1/bookings/": enterprise, "/api/v1/provider/bookings/": owner} {
		got := w.do(who, "GET", path+booked.text("id"), nil, "Waybill-Position", booked.position()).is(200)
		if got.at("provider_name") != name {
			t.Errorf("%s: want %v\n%s", path, name, got.body)
		}
	}
}
