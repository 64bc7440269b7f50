package api_test

import (
	"strings"
	"testing"

	"waybill/domain"
)

// TestPinLimit: an operator says how many products a provider may pin; without that there is no limit (Q14).
func TestPinLimit(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	a, _ := w.listed(owner, reviewer)
	b, _ := w.listed(owner, reviewer)
	pin := func(id string) answer { return w.do(owner, "PUT", "/api/v1/provider/products/"+id+"/pin", nil) }
	pinned := pin(a).is(200) // before there is a limit
	at := "/api/v1/operator/providers/" + owner.id.String()
	w.do(owner, "GET", "/api/v1/provider/products", nil, "Waybill-Position", pinned.position()).is(200)

	for body, mistake := range map[string]string{
		`{"reason":"首页位置有限"}`:             "/limit required",
		`{"limit":-1,"reason":"首页位置有限"}`:  "/limit out_of_range",
		`{"limit":101,"reason":"首页位置有限"}`: "/limit out_of_range",
		`{"limit":"3","reason":"首页位置有限"}`: "/limit wrong_type",
		`{"limit":3}`:                   "/reason required",
		`{"limit":3,"reason":"\u3164"}`: "/reason required",
	} {
		for pointer, code := range w.do(operator, "POST", at+"/limit-pins", body).refuses(422, "invalid_input").mistakes() {
			if pointer+" "+code != mistake {
				t.Errorf("%s: %s %s, want %s", body, pointer, code, mistake)
			}
		}
	}
	w.do(owner, "POST", at+"/limit-pins", m{"limit": 3, "reason": "自己来"}).refuses(403, "forbidden")

	limited := w.do(operator, "POST", at+"/limit-pins", m{"limit": 1, "reason": "首页位置有限"}).is(200)
	if limited.at("pin_limit") != 1.0 {
		t.Errorf("limited %s", limited.body)
	}
	pin(b).refuses(409, "pin_limit_reached")
	pin(a).is(200)
	application := w.do(owner, "GET", "/api/v1/provider/application", nil, "Waybill-Position", limited.position()).is(200)
	if application.at("pin_limit") != 1.0 {
		t.Errorf("application %s", application.body)
	}
	w.do(owner, "DELETE", "/api/v1/provider/products/"+a+"/pin", nil).is(200)
	pin(b).is(200)
	pin(a).refuses(409, "pin_limit_reached")

	// None at all is not the same as no limit.
	if none := w.do(operator, "POST", at+"/limit-pins", m{"limit": 0, "reason": "暂停置顶"}).is(200); none.at("pin_limit") != 0.0 {
		t.Errorf("limited to none %s", none.body)
	}
	pin(a).refuses(409, "pin_limit_reached")
	lifted := w.do(operator, "POST", at+"/lift-pin-limit", m{"reason": "不再限制"}).is(200)
	if lifted.at("pin_limit") != nil {
		t.Errorf("lifted %s", lifted.body)
	}
	last := pin(a).is(200)

	auditor := w.staff(domain.RoleAuditor)
	history := w.do(auditor, "GET", "/api/v1/audit/events?type=provider-pin-limit-set.v1", nil, "Waybill-Position", last.position()).is(200)
	if history.count("items") != 3 || history.at("items", 2, "changes", 0, "before") != 0.0 || history.at("items", 2, "changes", 0, "after") != nil ||
		history.text("items", 0, "reasons", 0, "note") != "首页位置有限" {
		t.Errorf("history %s", history.body)
	}
	// The reviewers' tag keeps up with the provider's stream.
	item := w.do(reviewer, "GET", "/api/v1/review/providers/"+owner.id.String(), nil, "Waybill-Position", last.position()).is(200)
	if tag := item.header.Get("ETag"); !strings.HasPrefix(tag, strings.TrimSuffix(lifted.header.Get("ETag"), `"`)+"-") {
		t.Errorf("ETag %s of the review, %s of the provider", tag, lifted.header.Get("ETag"))
	}
}
