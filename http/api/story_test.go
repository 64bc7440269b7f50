package api_test

import (
	"testing"

	"waybill/domain"
)

// TestStory is the manual's, from the application to the audit history.
func TestStory(t *testing.T) {
	w := start(t)
	reviewer, auditor, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	applicant := w.enterprise()

	// A missing licence is named; the rest of the form is fine.
	refused := w.do(applicant, "POST", "/api/v1/provider/application", with(w.profile(), "licence", "")).refuses(422, "invalid_input")
	if got := refused.text("errors", 0, "detail"); got != "请上传营业执照" || refused.count("errors") != 1 {
		t.Errorf("got %s", refused.body)
	}
	w.do(applicant, "POST", "/api/v1/provider/products", content()).refuses(403, "provider_not_approved")

	applied := w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	if got := applied.text("standing"); got != "applicant" {
		t.Errorf("standing %q", got)
	}
	application := w.do(applicant, "GET", "/api/v1/provider/application", nil, "Waybill-Position", applied.position()).is(200)
	if got := application.text("review"); got != "pending" {
		t.Errorf("review %q", got)
	}
	queue := w.do(reviewer, "GET", "/api/v1/review/queue?kind=provider", nil, "Waybill-Position", applied.position()).is(200)
	if queue.count("items") != 1 || queue.text("items", 0, "id") != applicant.id.String() {
		t.Errorf("queue %s", queue.body)
	}
	w.do(reviewer, "GET", "/api/v1/review/providers/"+applicant.id.String(), nil).is(200)

	// Rejected with a reason, resubmitted, approved.
	reject := m{"revision": 1, "reasons": []m{{"code": "image_unclear", "field": "/licence", "note": "请重新拍摄"}}}
	rejected := w.do(reviewer, "POST", "/api/v1/review/providers/"+applicant.id.String()+"/reject", reject).is(200)
	application = w.do(applicant, "GET", "/api/v1/provider/application", nil, "Waybill-Position", rejected.position()).is(200)
	if application.text("review") != "rejected" || application.text("reasons", 0, "text", "zh") != "图片不清晰" {
		t.Errorf("application %s", application.body)
	}
	w.do(applicant, "PUT", "/api/v1/provider/application", w.profile(), "If-Match", application.header.Get("ETag")).is(200)
	w.do(reviewer, "POST", "/api/v1/review/providers/"+applicant.id.String()+"/approve", m{"revision": 1}).refuses(409, "stale_revision")
	w.do(reviewer, "POST", "/api/v1/review/providers/"+applicant.id.String()+"/approve", m{"revision": 2}).is(200)
	if me := w.do(applicant, "GET", "/api/v1/me", nil).is(200); me.text("standing") != "active" || me.text("roles", 1) != "provider" {
		t.Errorf("me %s", me.body)
	}

	// A product: submitted, revised while pending, approved and thereby listed.
	submitted := w.do(applicant, "POST", "/api/v1/provider/products", content()).is(201)
	id := submitted.text("id")
	product, review := "/api/v1/provider/products/"+id, "/api/v1/review/products/"+id
	if got := submitted.header.Get("Location"); got != product {
		t.Errorf("Location %q", got)
	}
	w.do(applicant, "PUT", product+"/listing", nil).refuses(409, "product_not_approved")
	w.do(applicant, "PUT", product, with(content(), "brief", "每周三开航")).is(200)
	approved := w.do(reviewer, "POST", review+"/approve", m{"revision": 2}).is(200)
	if approved.text("display") != "listed" {
		t.Errorf("approved %s", approved.body)
	}
	page := w.do(as{}, "GET", "/api/v1/products?country=越南&q=海", nil, "Waybill-Position", approved.position()).is(200)
	if page.count("items") != 1 || page.text("items", 0, "id") != id || page.text("items", 0, "brief") != "每周三开航" {
		t.Errorf("listing %s", page.body)
	}
	pinned := w.do(applicant, "PUT", product+"/pin", nil).is(200)
	detail := w.do(as{}, "GET", "/api/v1/products/"+id, nil, "Waybill-Position", pinned.position()).is(200)
	if detail.at("pinned") != true || detail.text("provider", "introduction") == "" {
		t.Errorf("detail %s", detail.body)
	}
	w.do(as{}, "GET", "/api/v1/products/"+id, nil, "If-None-Match", detail.header.Get("ETag")).is(304)

	// Another enterprise books, the provider replies, the enterprise reads.
	enterprise := w.enterprise()
	w.do(applicant, "POST", "/api/v1/bookings", inquiry(id)).refuses(409, "own_product")
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(id)).is(201)
	booking := booked.text("id")
	inbox := w.do(applicant, "GET", "/api/v1/provider/bookings?state=awaiting_reply", nil, "Waybill-Position", booked.position()).is(200)
	if inbox.count("items") != 1 || inbox.text("items", 0, "inquiry", "phone") != "13876543210" {
		t.Errorf("inbox %s", inbox.body)
	}
	w.do(applicant, "GET", "/api/v1/provider/bookings/"+booking, nil).is(200)
	w.do(applicant, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": " "}).refuses(422, "invalid_input")
	replied := w.do(applicant, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": "可安排周六班次。"}).is(200)
	w.do(applicant, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": "再来一次"}).refuses(409, "already_replied")
	mine := w.do(enterprise, "GET", "/api/v1/bookings/"+booking, nil, "Waybill-Position", replied.position()).is(200)
	if mine.text("state") != "replied" || mine.text("replies", 0, "text") != "可安排周六班次。" {
		t.Errorf("booking %s", mine.body)
	}
	if read := w.do(enterprise, "PUT", "/api/v1/bookings/"+booking+"/read", nil).is(200); read.at("read") != true {
		t.Errorf("read %s", read.body)
	}
	w.do(enterprise, "GET", "/api/v1/bookings?state=replied", nil).is(200)

	// Suspended: nothing is public, and nothing can be offered; reinstated, it is as before.
	suspended := w.do(operator, "POST", "/api/v1/operator/providers/"+applicant.id.String()+"/suspend", m{"reason": "执照过期"}).is(200)
	w.do(as{}, "GET", "/api/v1/products/"+id, nil, "Waybill-Position", suspended.position()).refuses(404, "not_found")
	w.do(applicant, "POST", "/api/v1/provider/products", content()).refuses(403, "provider_suspended")
	w.do(applicant, "GET", "/api/v1/provider/products", nil).is(200)
	reinstated := w.do(operator, "POST", "/api/v1/operator/providers/"+applicant.id.String()+"/reinstate", m{"reason": "已补交"}).is(200)
	w.do(as{}, "GET", "/api/v1/products/"+id, nil, "Waybill-Position", reinstated.position()).is(200)

	// Deleted: gone from every read path, but not from history.
	deleted := w.do(applicant, "DELETE", product, nil).is(200)
	for _, path := range []string{"/api/v1/products/" + id, product, review} {
		who := map[string]as{product: applicant, review: reviewer}[path]
		w.do(who, "GET", path, nil, "Waybill-Position", deleted.position()).refuses(404, "not_found")
	}
	events := "/api/v1/audit/events?stream=product-" + id + "&limit=100"
	history := w.do(auditor, "GET", events, nil, "Waybill-Position", deleted.position()).is(200)
	var types []string
	for i := range history.count("items") {
		types = append(types, history.text("items", i, "type"))
	}
	want := []string{"product-submitted.v1", "product-revised.v1", "product-approved.v1", "product-listed.v1", "product-pinned.v1", "product-deleted.v1"}
	if len(types) != len(want) {
		t.Fatalf("history %v, want %v", types, want)
	}
	for i := range want {
		if types[i] != want[i] {
			t.Errorf("history %v, want %v", types, want)
		}
	}
	w.do(operator, "GET", "/api/v1/operator/read-models", nil).is(200)
	w.do(operator, "POST", "/api/v1/operator/providers/"+applicant.id.String()+"/close", m{"reason": "注销"}).is(200)
	w.do(applicant, "GET", "/api/v1/provider/products", nil).is(200)
	w.do(applicant, "POST", "/api/v1/provider/products", content()).refuses(403, "provider_closed")
}
