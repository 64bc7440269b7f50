package api_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/domain"
)

// pending is a product of the owner's that awaits a decision, once the queue shows it.
func (w *world) pending(owner as) string {
	w.t.Helper()
	submitted := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	w.do(w.staff(domain.RoleReviewer), "GET", "/api/v1/review/queue", nil, "Waybill-Position", submitted.position()).is(200)
	return submitted.text("id")
}

func TestClaiming(t *testing.T) {
	w := start(t)
	ann, ben, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(ann)
	id := w.pending(owner)
	product := "/api/v1/review/products/" + id
	claim, back, over := product+"/claim", product+"/hand-back", "/api/v1/operator/products/"+id+"/take-over-claim"

	w.do(ann, "POST", claim, m{"revision": 0}).refuses(422, "invalid_input")
	w.do(ann, "POST", claim, m{"revision": 2}).refuses(409, "stale_revision")
	w.do(ann, "POST", back, nil).refuses(409, "not_claimed")
	w.do(operator, "POST", over, m{"reason": "请假"}).refuses(409, "not_claimed")
	held := w.do(ann, "POST", claim, m{"revision": 1}, "Idempotency-Key", "k").is(200)
	until, err := time.Parse(time.RFC3339, held.text("until"))
	if err != nil || time.Until(until) > 30*time.Minute || time.Until(until) < 29*time.Minute || held.text("kind") != "product" ||
		held.text("id") != id || held.text("reviewer") != ann.id.String() || held.header.Get("ETag") != "" {
		t.Errorf("got %s, %v", held.body, held.header)
	}
	if again := w.do(ann, "POST", claim, m{"revision": 1, "claim": held.text("claim")}).is(200); !bytes.Equal(again.body, held.body) {
		t.Errorf("renewed at once: %s", again.body)
	}

	for _, try := range []struct {
		path string
		body any
	}{{claim, m{"revision": 1}}, {back, nil}, {product + "/approve", m{"revision": 1}}, {product + "/reject", m{"revision": 1, "reasons": []m{{"code": "inconsistent"}}}}} {
		refused := w.do(ben, "POST", try.path, try.body).refuses(409, "case_claimed")
		if refused.text("claim", "reviewer") != ann.id.String() || refused.text("claim", "reviewer_name") != "工作人员" ||
			refused.text("claim", "until") != held.text("until") || !strings.Contains(refused.text("messages", "zh"), "工作人员") {
			t.Errorf("%s: %s", try.path, refused.body)
		}
	}
	w.do(operator, "POST", over, m{"reason": " "}).refuses(422, "invalid_input")
	got := w.do(operator, "POST", over, m{"reason": "请假", "reviewer": operator.id}).refuses(422, "invalid_input").mistakes()
	if got["/reviewer"] != "not_a_reviewer" {
		t.Errorf("mistakes %v", got)
	}
	w.do(operator, "POST", over, m{"reason": "请假", "claim": ben.id}).refuses(409, "claim_lost")
	given := w.do(operator, "POST", over, m{"reason": "请假", "claim": held.text("claim"), "reviewer": ben.id}).is(200)
	if given.text("reviewer") != ben.id.String() || given.text("claim") == held.text("claim") {
		t.Errorf("got %s", given.body)
	}
	w.do(ann, "POST", product+"/approve", m{"revision": 1}).refuses(409, "case_claimed")
	if released := w.do(ben, "POST", back, nil).is(200); released.text("ended") != "released" {
		t.Errorf("got %s", released.body)
	}
	w.do(ann, "POST", claim, m{"revision": 1, "claim": held.text("claim")}).refuses(409, "claim_lost")
	w.do(ann, "POST", product+"/approve", m{"revision": 1}).is(200)
	w.do(ben, "POST", claim, m{"revision": 1}).refuses(409, "already_decided")
	// The first request is answered as it was.
	again := w.do(ann, "POST", claim, m{"revision": 1}, "Idempotency-Key", "k").is(200)
	if !bytes.Equal(again.body, held.body) || again.position() != held.position() || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeated: %s, %v", again.body, again.header)
	}
	w.do(ann, "POST", claim, m{"revision": 2}, "Idempotency-Key", "k").refuses(409, "idempotency_key_reused")
}

// TestWhoMayNotClaim: the owner, a closed provider's, and whoever is no reviewer any more, each by its own code.
func TestWhoMayNotClaim(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	id := w.pending(owner)
	claim := "/api/v1/review/products/" + id + "/claim"
	if _, err := w.commands.GrantRole(t.Context(), w.request(), owner.id, domain.RoleReviewer); err != nil {
		t.Fatal(err)
	}
	own := w.token(owner.id, time.Hour, domain.RoleReviewer)
	w.do(own, "POST", claim, m{"revision": 1}).refuses(403, "own_case")
	w.do(own, "POST", "/api/v1/review/next", m{}).is(204)

	leaves, closes := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	w.do(leaves, "POST", claim, m{"revision": 1}).is(200)
	if _, err := w.commands.RevokeRole(t.Context(), w.request(), leaves.id, domain.RoleReviewer, "调岗"); err != nil {
		t.Fatal(err)
	}
	w.do(leaves, "POST", claim, m{"revision": 1}).refuses(403, "role_not_held")
	w.do(leaves, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).refuses(403, "role_not_held")
	// What such a reviewer holds is over with the lease, or taken over before.
	w.do(reviewer, "POST", claim, m{"revision": 1}).refuses(409, "case_claimed")
	operator := w.staff(domain.RoleOperator)
	w.do(operator, "POST", "/api/v1/operator/products/"+id+"/take-over-claim", m{"reason": "调岗"}).is(200)
	w.do(closes, "POST", claim, m{"revision": 1}).is(200)
	if _, err := w.commands.CloseAccount(t.Context(), w.request(), closes.id, "离职"); err != nil {
		t.Fatal(err)
	}
	w.do(closes, "POST", "/api/v1/review/products/"+id+"/hand-back", nil).refuses(403, "account_closed")
	w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/close", m{"reason": "注销"}).is(200)
	if got := w.do(reviewer, "POST", claim, m{"revision": 1}); got.text("code") != "provider_closed" && got.text("code") != "already_decided" {
		t.Errorf("got %s", got.body) // its review ends with it, a moment later
	}
}

func TestTheNextCase(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	const next = "/api/v1/review/next"
	w.do(reviewer, "POST", next, nil).refuses(400, "empty_body")
	w.do(reviewer, "POST", next, m{"kind": "booking"}).refuses(422, "invalid_input")
	for sent, want := range map[string]string{strings.Repeat("长", 21): "too_long", "a\u0000": "control_characters"} {
		if got := w.do(reviewer, "POST", next, m{"provider_type": sent}).refuses(422, "invalid_input").mistakes(); got["/provider_type"] != want {
			t.Errorf("%q: %v, want %s", sent, got, want)
		}
	}
	w.do(reviewer, "POST", next, m{}).is(204)
	var products []string
	for range 12 {
		products = append(products, w.pending(owner))
	}
	applicant := w.enterprise()
	applied := w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	w.do(reviewer, "GET", "/api/v1/review/queue", nil, "Waybill-Position", applied.position()).is(200)

	first := w.do(reviewer, "POST", next, m{"kind": "product"}, "Idempotency-Key", "first").is(200)
	if first.text("id") != products[0] {
		t.Errorf("got %s, want the one that has waited longest", first.body)
	}
	w.do(reviewer, "GET", "/api/v1/review/queue", nil, "Waybill-Position", first.position()).is(200)
	again := w.do(reviewer, "POST", next, m{"kind": "product"}, "Idempotency-Key", "first").is(200)
	if !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeated: %s", again.body)
	}
	w.do(reviewer, "POST", next, m{"provider_type": "no-such-type"}).is(204)
	application := w.do(reviewer, "POST", next, m{"kind": "provider", "provider_type": "logistics"}).is(200)
	if application.text("id") != applicant.id.String() || application.text("kind") != "provider" {
		t.Errorf("got %s", application.body)
	}
	var all sync.WaitGroup
	given := make([]answer, 11)
	for i := range given {
		who := w.staff(domain.RoleReviewer)
		all.Go(func() { given[i] = w.do(who, "POST", next, m{}) })
	}
	all.Wait()
	seen := map[string]bool{first.text("id"): true}
	for _, g := range given {
		if id := g.is(200).text("id"); seen[id] {
			t.Errorf("%s was given twice", id)
		} else {
			seen[id] = true
		}
	}
	w.do(w.staff(domain.RoleReviewer), "POST", next, m{}).is(204)
}
