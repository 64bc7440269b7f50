package api_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
)

// TestTakeDown: an operator hides one product; its provider sees why, and can list it again only after a later revision is approved.
func TestTakeDown(t *testing.T) {
	w := start(t)
	reviewer, operator, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator), w.staff(domain.RoleAuditor)
	owner := w.provider(reviewer)
	kept, _ := w.listed(owner, reviewer)
	id, _ := w.listed(owner, reviewer)
	own, public := "/api/v1/provider/products/"+id, "/api/v1/products/"+id
	review, takeDown := "/api/v1/review/products/"+id, "/api/v1/operator/products/"+id+"/take-down"
	w.do(operator, "POST", takeDown, m{}).refuses(422, "invalid_input")
	w.do(operator, "POST", takeDown, m{"reason": " "}).refuses(422, "invalid_input")
	w.do(owner, "PUT", own, content()).is(200) // a revision is pending when it happens: that one does not end it

	down := w.do(operator, "POST", takeDown, m{"reason": "封面图涉嫌侵权"}, "Idempotency-Key", "down").is(200)
	if down.text("display") != "unlisted" || down.text("taken_down_reason") != "封面图涉嫌侵权" {
		t.Errorf("taken down: %s", down.body)
	}
	if again := w.do(operator, "POST", takeDown, m{"reason": "封面图涉嫌侵权"}, "Idempotency-Key", "down").is(200); string(again.body) != string(down.body) {
		t.Errorf("sent again: %s", again.body)
	}
	w.do(as{}, "GET", public, nil, "Waybill-Position", down.position()).refuses(404, "not_found")
	w.do(as{}, "GET", "/api/v1/products/"+kept, nil).is(200)
	w.do(w.enterprise(), "POST", "/api/v1/bookings", inquiry(id)).is(409)
	for path, who := range map[string]as{own: owner, "/api/v1/operator/products/" + id: operator} {
		shown := w.do(who, "GET", path, nil, "Waybill-Position", down.position()).is(200)
		if shown.text("taken_down_reason") != "封面图涉嫌侵权" || shown.text("taken_down_at") == "" || shown.text("display") != "unlisted" {
			t.Errorf("%s: %s", path, shown.body)
		}
	}
	if list := w.do(owner, "GET", "/api/v1/provider/products?display=unlisted", nil).is(200); list.text("items", 0, "taken_down_reason") == "" {
		t.Errorf("own products: %s", list.body)
	}
	w.do(owner, "PUT", own+"/listing", nil).refuses(409, "product_taken_down")
	w.do(owner, "PUT", own+"/pin", nil).refuses(409, "product_taken_down")
	if shown := w.do(reviewer, "GET", review, nil, "Waybill-Position", down.position()).is(200); shown.text("taken_down_reason") != "封面图涉嫌侵权" {
		t.Errorf("for review: %s", shown.body)
	}
	early := w.do(reviewer, "POST", review+"/approve", m{"revision": 2}).is(200)
	if early.text("display") != "unlisted" || early.text("taken_down_reason") == "" {
		t.Errorf("approved what was there before: %s", early.body)
	}
	w.do(owner, "PUT", own+"/listing", nil).refuses(409, "product_taken_down")

	w.do(owner, "PUT", own, with(content(), "brief", "已更换封面")).is(200)
	approved := w.do(reviewer, "POST", review+"/approve", m{"revision": 3}).is(200)
	if approved.text("display") != "unlisted" || approved.at("taken_down_reason") != nil {
		t.Errorf("approved: %s", approved.body)
	}
	listed := w.do(owner, "PUT", own+"/listing", nil).is(200)
	w.do(as{}, "GET", public, nil, "Waybill-Position", listed.position()).is(200)
	if shown := w.do(owner, "GET", own, nil, "Waybill-Position", listed.position()).is(200); shown.at("taken_down_reason") != nil || shown.at("taken_down_at") != nil {
		t.Errorf("listed again: %s", shown.body)
	}
	events := w.do(auditor, "GET", "/api/v1/audit/events?type=product-taken-down.v1", nil, "Waybill-Position", listed.position()).is(200)
	if events.count("items") != 1 || events.text("items", 0, "reasons", 0, "note") != "封面图涉嫌侵权" || events.text("items", 0, "actor", "id") != operator.id.String() {
		t.Errorf("history: %s", events.body)
	}

	never := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(operator, "POST", "/api/v1/operator/products/"+never+"/take-down", m{"reason": "投诉"}).refuses(409, "product_never_public")
	deleted := w.do(owner, "DELETE", own, nil).is(200)
	w.do(operator, "POST", takeDown, m{"reason": "投诉"}).refuses(404, "not_found")
	w.do(operator, "GET", "/api/v1/operator/products/"+id, nil, "Waybill-Position", deleted.position()).refuses(404, "not_found")
}

// TestOperatorsFindProvidersAndAccounts: a filter is a row.
func TestOperatorsFindProvidersAndAccounts(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	active := w.provider(reviewer)
	code, name := w.uscc(), w.profile()["name"].(string) //nolint:forcetypeassert // profile says so
	// Its new name is not approved yet: it is found by both.
	w.do(active, "PUT", "/api/v1/provider/application", with(w.profile(), "name", "海风国际ＣＯ")).is(200)
	suspended := w.provider(reviewer)
	w.do(operator, "POST", "/api/v1/operator/providers/"+suspended.id.String()+"/suspend", m{"reason": "复核"}).is(200)
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", with(w.profile(), "contact", "羊小燕")).is(201)
	closed := w.enterprise()
	_, err := w.commands.CloseAccount(context.Background(), w.request(), closed.id, "企业注销")
	if err != nil {
		t.Fatal(err)
	}
	position := w.do(applicant, "PUT", "/api/v1/provider/application", with(w.profile(), "contact", "羊小燕")).is(200).position()

	find := func(path string, query url.Values, want ...as) {
		t.Helper()
		full := url.Values{"total": {"true"}, "limit": {"1"}}
		for k, v := range query {
			full[k] = v
		}
		var found []string
		for range 20 {
			got := w.do(operator, "GET", path+"?"+full.Encode(), nil, "Waybill-Position", position).is(200)
			if got.at("total") != float64(len(want)) {
				t.Errorf("%s?%s: want %d\n%s", path, query.Encode(), len(want), got.body)
			}
			for i := range got.count("items") {
				found = append(found, got.text("items", i, "id"))
			}
			if full.Set("cursor", got.text("next_cursor")); full.Get("cursor") == "" {
				break
			}
		}
		var expected []string
		for _, a := range want {
			expected = append(expected, a.id.String())
		}
		if strings.Join(found, " ") != strings.Join(expected, " ") {
			t.Errorf("%s?%s: found %v, want %v", path, query.Encode(), found, expected)
		}
	}
	const providers, accounts = "/api/v1/operator/providers", "/api/v1/operator/accounts"
	for _, row := range []struct {
		path  string
		query url.Values
		want  []as
	}{
		{providers, nil, []as{applicant, suspended, active}},
		{providers, url.Values{"standing": {"suspended"}}, []as{suspended}},
		{providers, url.Values{"standing": {"closed"}}, nil},
		{providers, url.Values{"uscc": {strings.ToLower(code)}}, []as{active}},
		{providers, url.Values{"uscc": {"91350100M000100Y43"}}, nil},
		{providers, url.Values{"q": {name}}, []as{active}},
		{providers, url.Values{"q": {"国际co"}}, []as{active}},
		{providers, url.Values{"q": {"羊 小燕"}}, []as{applicant}},
		{providers, url.Values{"q": {"三亚测试"}, "standing": {"active"}}, []as{active}},
		{accounts, nil, []as{closed, applicant, suspended, active, operator, reviewer}},
		{accounts, url.Values{"state": {"closed"}}, []as{closed}},
		{accounts, url.Values{"state": {"open"}, "role": {"enterprise"}}, []as{applicant, suspended, active}},
		{accounts, url.Values{"role": {"enterprise"}}, []as{applicant, suspended, active}},
		{accounts, url.Values{"state": {"closed"}, "role": {"enterprise"}}, nil}, // it holds none any more
		{accounts, url.Values{"role": {"reviewer"}}, []as{reviewer}},
		{accounts, url.Values{"role": {"auditor"}}, nil},
		{accounts, url.Values{"uscc": {code}}, []as{active}},
		{accounts, url.Values{"q": {code[5:]}}, []as{active}},
		{accounts, url.Values{"q": {"工作人员"}}, []as{operator, reviewer}},
	} {
		find(row.path, row.query, row.want...)
	}
	one := w.do(operator, "GET", providers+"/"+active.id.String(), nil).is(200)
	if one.text("profile", "name") != "海风国际ＣＯ" || one.text("live_profile", "name") != name || one.text("certified", "name") != name {
		t.Errorf("provider: %s", one.body)
	}
	w.do(operator, "GET", providers+"/"+active.id.String(), nil, "If-None-Match", one.header.Get("ETag")).is(304)
	if got := w.do(operator, "GET", accounts+"/"+closed.id.String(), nil).is(200); got.text("state") != "closed" || got.text("close_reason") != "企业注销" || got.count("roles") != 0 {
		t.Errorf("closed account: %s", got.body)
	}
	if got := w.do(operator, "GET", accounts+"/"+active.id.String(), nil).is(200); got.text("roles", 0) != "enterprise" || got.text("certified", "uscc") != code {
		t.Errorf("account: %s", got.body)
	}
	for _, path := range []string{providers, accounts} {
		w.do(operator, "GET", path+"/"+uuid.NewString(), nil).refuses(404, "not_found")
	}
}

// TestTheClosedCanReadAndChangeNothing: a closed provider reads what was its own, and so does a closed account.
func TestTheClosedCanReadAndChangeNothing(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner, buyer := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booking := w.do(buyer, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")
	w.do(owner, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": "可以。"}).is(200)
	position := w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/close", m{"reason": "注销"}).is(200).position()
	for _, id := range []uuid.UUID{owner.id, buyer.id} {
		if _, err := w.commands.CloseAccount(context.Background(), w.request(), id, "注销"); err != nil {
			t.Fatal(err)
		}
	}
	for path, who := range map[string]as{
		"/api/v1/me": owner, "/api/v1/me/badges": owner, "/api/v1/provider/application": owner, "/api/v1/provider/products": owner,
		"/api/v1/provider/products/" + product: owner, "/api/v1/provider/bookings": owner, "/api/v1/provider/bookings/" + booking: owner,
		"/api/v1/bookings": buyer, "/api/v1/bookings/" + booking: buyer,
	} {
		w.do(who, "GET", path, nil, "Waybill-Position", position).is(200)
	}
	if me := w.do(owner, "GET", "/api/v1/me", nil).is(200); me.at("closed") != true || me.text("standing") != "closed" {
		t.Errorf("me: %s", me.body)
	}
	tried := 0
	for _, r := range w.routes() {
		if r.method == "GET" || (!strings.Contains(r.path, "/provider/") && !strings.Contains(r.path, "/bookings")) || strings.Contains(r.path, "/operator/") {
			continue
		}
		tried++
		id := product
		if strings.Contains(r.path, "/bookings") {
			id = booking
		}
		for name, who := range map[string]as{"provider": owner, "enterprise": buyer} {
			if got := w.do(who, r.method, r.with(id), r.example()); got.status != 403 {
				t.Errorf("%s by a closed %s: %d\n%s", r, name, got.status, got.body)
			}
		}
	}
	if tried < 8 {
		t.Errorf("only %d writes were tried", tried)
	}
	w.do(buyer, "PUT", "/api/v1/bookings/"+booking+"/read", nil).refuses(403, account.ErrClosed.Code)
}
