package api_test

import (
	"testing"

	"waybill/domain"
	"waybill/domain/rules"
)

// TestPreview: an application and a product are shown as they would be submitted, nothing of it is kept, and what was found goes with the
// submission to its owner, the reviewer and the auditor.
func TestPreview(t *testing.T) {
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	applicant := w.enterprise()
	application := with(with(w.profile(), "name", " 三亚另一\u200b家公司 "), "phone", "０８９８-88271234")
	const path = "/api/v1/provider/application"

	key := []string{"Idempotency-Key", "preview-1"}
	seen := w.do(applicant, "POST", path+"?mode=preview", application, key...).is(200)
	if seen.text("profile", "name") != "三亚另一家公司" || seen.text("profile", "phone") != "0898-88271234" || seen.count("images") != 1 {
		t.Errorf("not as it would be stored: %s", seen.body)
	}
	if seen.text("findings", 0, "code") != "differs_from_certified" || seen.text("findings", 0, "field") != "/name" ||
		seen.text("findings", 0, "text", "zh") != "企业名称与认证信息不一致" || seen.at("rules") != float64(rules.Version) {
		t.Errorf("found %s", seen.body)
	}
	if seen.position() != "" || seen.header.Get("ETag") != "" {
		t.Errorf("a preview has no place in the log: %v", seen.header)
	}
	w.do(applicant, "GET", path, nil).refuses(404, "not_found")

	sent := w.do(applicant, "POST", path, application, key...).is(201)
	w.do(applicant, "POST", path+"?mode=preview", application, key...).refuses(409, "already_applied")
	again := w.do(applicant, "POST", path, application, key...).is(201)
	if again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the key was not that of the submission")
	}
	own := w.do(applicant, "GET", path, nil, "Waybill-Position", sent.position()).is(200)
	inReview := w.do(reviewer, "GET", "/api/v1/review/providers/"+applicant.id.String(), nil, "Waybill-Position", sent.position()).is(200)
	for name, got := range map[string]any{
		"owner": own.at("findings", 0, "code"), "reviewer": inReview.at("item", "findings", 0, "code"),
	} {
		if got != "differs_from_certified" {
			t.Errorf("the %s sees %v", name, got)
		}
	}
	if own.at("rules") != float64(rules.Version) || inReview.at("item", "rules") != float64(rules.Version) || inReview.count("images") != 1 {
		t.Errorf("owner: %s\nreviewer: %s", own.body, inReview.body)
	}
	history := w.do(auditor, "GET", "/api/v1/audit/events?type=provider-applied.v1&order=desc", nil, "Waybill-Position", sent.position()).is(200)
	changes := map[any]any{}
	for i := range history.count("items", 0, "changes") {
		changes[history.at("items", 0, "changes", i, "field")] = history.at("items", 0, "changes", i, "after")
	}
	if changes["/rules"] != float64(rules.Version) || changes["/findings"] == nil {
		t.Errorf("the history has %v", changes)
	}

	w.do(applicant, "PUT", path+"?mode=preview", w.profile(), "If-Match", `"7"`).refuses(412, "precondition_failed")
	if revised := w.do(applicant, "PUT", path+"?mode=preview", w.profile()).is(200); revised.count("findings") != 0 {
		t.Errorf("found %s", revised.body)
	}

	owner := w.provider(reviewer)
	const products = "/api/v1/provider/products"
	seen = w.do(owner, "POST", products+"?mode=preview", with(content(), "tags", []string{" 拼箱", "拼箱", ""})).is(200)
	if seen.count("content", "tags") != 1 || seen.count("findings") != 0 || seen.at("place") == nil {
		t.Errorf("not as it would be stored: %s", seen.body)
	}
	id := w.do(owner, "POST", products, content()).is(201).text("id")
	w.do(owner, "PUT", products+"/"+id+"?mode=preview", with(content(), "name", "改名")).is(200)
	w.do(owner, "PUT", products+"/"+id+"?mode=preview", with(content(), "name", "")).refuses(422, "invalid_input")
	other := w.provider(reviewer)
	w.do(other, "PUT", products+"/"+id+"?mode=preview", content()).refuses(404, "not_found")
	last := w.do(owner, "PUT", products+"/"+id, content()).is(200)
	shown := w.do(owner, "GET", products+"/"+id, nil, "Waybill-Position", last.position()).is(200)
	if shown.at("revision") != float64(2) || shown.text("content", "name") == "改名" || shown.at("rules") != float64(rules.Version) {
		t.Errorf("a preview was kept: %s", shown.body)
	}
	if got := w.do(owner, "POST", products+"?mode=look", content()).refuses(422, "invalid_input").mistakes(); got["mode"] != "unknown_value" {
		t.Errorf("another mode: %v", got)
	}
}
