package api_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/canned"
	"waybill/domain/rules"
)

// TestCannedTexts: an operator sets what reviewers pick for a reason, and nobody overwrites unseen what another set.
func TestCannedTexts(t *testing.T) {
	w := start(t)
	reviewer, operator, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator), w.staff(domain.RoleAuditor)
	const list, unclear = "/api/v1/review/texts", "/api/v1/operator/review-texts/image_unclear"
	one := m{"zh": "图片不清晰，请重新上传", "en": "The image cannot be read; upload it again"}
	two := m{"zh": "请上传原件照片", "en": "Upload a picture of the original"}

	// Every reason is there from the start, in the rule book's order.
	before := w.do(reviewer, "GET", list, nil).is(200)
	if before.count("items") != len(rules.Reasons) || before.header.Get("ETag") != "" {
		t.Errorf("before: %s", before.body)
	}
	of := func(a answer, code string) int {
		i := slices.IndexFunc(rules.Reasons, func(r rules.Rule) bool { return r.Code == code })
		if a.text("items", i, "code") != code || a.text("items", i, "text", "en") == "" {
			t.Errorf("%s is not at %d: %s", code, i, a.body)
		}
		return a.count("items", i, "texts")
	}

	set := w.do(operator, "PUT", unclear, m{"texts": []m{one, two, one}}, "Idempotency-Key", "a").is(200)
	if set.text("code") != "image_unclear" || set.count("texts") != 2 || set.text("texts", 0, "zh") != one["zh"] {
		t.Errorf("set: %s", set.body)
	}
	again := w.do(operator, "PUT", unclear, m{"texts": []m{one, two, one}}, "Idempotency-Key", "a").is(200)
	if string(again.body) != string(set.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	shown := w.do(reviewer, "GET", list, nil).is(200)
	if of(shown, "image_unclear") != 2 || of(shown, "other") != 0 {
		t.Errorf("shown: %s", shown.body)
	}
	tag := shown.header.Get("ETag")
	w.do(operator, "GET", list, nil, "If-None-Match", tag).is(304)
	w.do(operator, "PUT", "/api/v1/operator/review-texts/other", m{"texts": []m{two}}, "If-Match", tag).is(200)
	w.do(operator, "PUT", unclear, m{"texts": []m{}}, "If-Match", tag).refuses(412, "precondition_failed")
	w.do(operator, "PUT", unclear, m{"texts": []m{}}).is(200)
	if shown = w.do(reviewer, "GET", list, nil).is(200); of(shown, "image_unclear") != 0 || of(shown, "other") != 1 {
		t.Errorf("taken away: %s", shown.body)
	}

	// What is refused.
	w.do(operator, "PUT", "/api/v1/operator/review-texts/ugly", m{"texts": []m{one}}).refuses(404, "not_found")
	w.do(operator, "PUT", "/api/v1/operator/review-texts/provider_closed", m{"texts": []m{one}}).refuses(404, "not_found")
	for at, body := range map[string]any{
		"/texts":      m{"texts": slices.Repeat([]m{one}, canned.MaxTexts+1)},
		"/texts/0/en": m{"texts": []m{{"zh": "只有中文", "en": " "}}},
		"/texts/1/zh": m{"texts": []m{one, {"zh": strings.Repeat("长", canned.MaxText+1), "en": "long"}}},
	} {
		if got := w.do(operator, "PUT", unclear, body).refuses(422, "invalid_input").mistakes(); got[at] == "" {
			t.Errorf("%s: %v", at, got)
		}
	}
	// What a client forgot to send takes nothing away.
	w.do(operator, "PUT", unclear, m{"texts": []m{one}}).is(200)
	for _, body := range []m{{}, {"texts": nil}} {
		if got := w.do(operator, "PUT", unclear, body).refuses(422, "invalid_input").mistakes(); got["/texts"] != "required" {
			t.Errorf("%v: %v", body, got)
		}
	}
	if kept := w.do(reviewer, "GET", list, nil).is(200); of(kept, "image_unclear") != 1 {
		t.Errorf("kept: %s", kept.body)
	}
	w.do(operator, "PUT", unclear, m{"texts": []m{}}).is(200)
	w.do(reviewer, "PUT", unclear, m{"texts": []m{one}}).refuses(403, "forbidden")
	w.do(auditor, "GET", list, nil).refuses(403, "forbidden")

	// The history has who set what, and a text can be given as the note of a rejection.
	owner := w.provider(reviewer)
	id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	rejected := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/reject", m{"revision": 1, "reasons": []m{
		{"code": "other", "note": shown.text("items", 9, "texts", 0, "zh")},
	}}).is(200)
	if rejected.text("reasons", 0, "note") != two["zh"] {
		t.Errorf("rejected: %s", rejected.body)
	}
	events := w.do(auditor, "GET", "/api/v1/audit/events?type=canned-texts-set.v1", nil, "Waybill-Position", rejected.position()).is(200)
	if events.count("items") != 5 || events.text("items", 0, "actor", "id") != operator.id.String() {
		t.Errorf("history: %s", events.body)
	}
}
