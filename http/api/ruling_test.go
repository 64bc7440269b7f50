package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	filestore "waybill/adapters/media"
	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// stored is one event's bytes, by its place in its stream, counted from the end below zero.
func (w *world) stored(category, id string, at int) json.RawMessage {
	w.t.Helper()
	var all []json.RawMessage
	stream := domain.Stream(category, uuid.MustParse(id))
	for e, err := range postgres.NewEventStore(w.pool).ReadStream(w.t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e.Data)
	}
	if at < 0 {
		at += len(all)
	}
	return all[at]
}

// TestWhatWasSeenIsWhatTheDeskShowed: the record of a decision, replayed, leads to the very bytes that the desk's read showed at that
// moment, whatever was submitted since.
func TestWhatWasSeenIsWhatTheDeskShowed(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	applicant := w.enterprise()
	applied := w.do(applicant, "POST", "/api/v1/provider/application", with(w.profile(), "introduction", "<专注>\n东南亚 & 非洲")).is(201)
	submitted := w.do(owner, "POST", "/api/v1/provider/products", with(content(), "brief", "每周三 <周六> & \"周日\" 开航")).is(201)
	for _, c := range []struct{ kind, id, position, field, revise, at string }{
		{product.Category, submitted.text("id"), submitted.position(), "content", "/api/v1/provider/products/" + submitted.text("id"), "products"},
		{provider.Category, applicant.id.String(), applied.position(), "profile", "/api/v1/provider/application", "providers"},
	} {
		desk := "/api/v1/review/" + c.at + "/" + c.id
		shown := w.do(reviewer, "GET", desk, nil, "Waybill-Position", c.position).is(200)
		var read map[string]json.RawMessage
		if err := json.Unmarshal(shown.body, &read); err != nil {
			t.Fatal(err)
		}
		digest := shown.text("digest")
		if sum := sha256.Sum256(read[c.field]); hex.EncodeToString(sum[:]) != digest {
			t.Errorf("%s: the digest is not that of what is shown: %s", c.kind, read[c.field])
		}
		w.do(reviewer, "POST", desk+"/approve", m{"revision": 1, "digest": strings.Repeat("0", 64)}).refuses(409, "content_differs")
		if got := w.do(reviewer, "POST", desk+"/approve", m{"revision": 1, "digest": "F00"}).refuses(422, "invalid_input").mistakes(); got["/digest"] != "bad_digest" {
			t.Errorf("got %v", got)
		}
		w.do(reviewer, "POST", desk+"/approve", m{"revision": 1, "digest": digest, "note": "电话核实过"}).is(200)
		who := owner
		body := with(content(), "name", "改名后的专线")
		if c.kind == provider.Category {
			who, body = applicant, w.profile()
		}
		w.do(who, "PUT", c.revise, body).is(200)

		var approved decision.Record
		approvedAt := -2 // the last but one: the revision came after it
		if c.kind == product.Category {
			approvedAt = -3 // and the listing
		}
		if err := json.Unmarshal(w.stored(c.kind, c.id, approvedAt), &approved); err != nil || approved.Seen == nil {
			t.Fatalf("%+v (%v)", approved, err)
		}
		var first map[string]json.RawMessage
		if err := json.Unmarshal(w.stored(c.kind, c.id, 0), &first); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(first[c.field])
		if !bytes.Equal(first[c.field], read[c.field]) || approved.Seen.Digest != hex.EncodeToString(sum[:]) || approved.Note != "电话核实过" {
			t.Errorf("%s: seen %s of\n%s\nshown %s of\n%s", c.kind, approved.Seen.Digest, first[c.field], digest, read[c.field])
		}
	}
}

// TestNotesStayAmongColleagues: whatever whoever submitted can read has no note of any decision; auditors read all of them.
func TestNotesStayAmongColleagues(t *testing.T) {
	w := startOn(t, func(*filestore.Library) commands.Sources {
		s := domaintest.Sources()
		s.SecondApprover = true
		return s
	})
	first, second, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	const secret = "内部备注原文"
	owner := w.enterprise()
	var answers []answer
	hear := func(a answer) answer { answers = append(answers, a); return a }
	hear(w.do(owner, "POST", "/api/v1/provider/application", w.profile()).is(201))
	at := "/api/v1/review/providers/" + owner.id.String()
	body := func(revision int) m {
		return m{"revision": revision, "note": secret, "reasons": []m{{"code": "incomplete"}}}
	}
	approval := func(revision int) m { return m{"revision": revision, "note": secret} }
	w.do(first, "POST", at+"/reject", body(1)).is(200)
	hear(w.do(owner, "PUT", "/api/v1/provider/application", w.profile()).is(200))
	begun := w.do(first, "POST", at+"/approve", approval(2)).is(200)
	if begun.text("review") != "pending" || begun.text("standing") != "applicant" || begun.text("first_approval", "reviewer") != first.id.String() {
		t.Errorf("after the first approval: %s", begun.body)
	}
	w.do(first, "POST", at+"/approve", approval(2)).refuses(403, "second_approver")
	mid := hear(w.do(owner, "GET", "/api/v1/provider/application", nil, "Waybill-Position", begun.position()).is(200))
	if mid.text("review") != "pending" || bytes.Contains(mid.body, []byte(first.id.String())) {
		t.Errorf("the applicant sees %s", mid.body)
	}
	if got := w.do(second, "GET", at, nil, "Waybill-Position", begun.position()).is(200); !bytes.Contains(got.body, []byte(first.id.String())) {
		t.Errorf("the second reviewer does not see the first: %s", got.body)
	}
	w.do(second, "POST", at+"/approve", approval(2)).is(200)
	created := hear(w.do(owner, "POST", "/api/v1/provider/products", content()).is(201))
	own := "/api/v1/provider/products/" + created.text("id")
	ruling := "/api/v1/review/products/" + created.text("id")
	w.do(first, "POST", ruling+"/reject", body(1)).is(200)
	hear(w.do(owner, "PUT", own, content()).is(200))
	w.do(first, "POST", ruling+"/approve", approval(2)).is(200)
	w.do(first, "POST", ruling+"/revoke-approval", body(2)).is(200)
	last := w.do(first, "POST", at+"/revoke-approval", body(2)).is(200)
	for _, path := range []string{
		"/api/v1/provider/application", "/api/v1/provider/products", own, "/api/v1/me",
	} {
		hear(w.do(owner, "GET", path, nil, "Waybill-Position", last.position()).is(200))
	}
	hear(w.do(owner, "DELETE", own+"/pin", nil))
	for _, a := range answers {
		if bytes.Contains(a.body, []byte(secret)) {
			t.Errorf("%s: %s", a.what, a.body)
		}
	}
	events := w.do(auditor, "GET", "/api/v1/audit/events?limit=100", nil, "Waybill-Position", last.position()).is(200)
	if n := bytes.Count(events.body, []byte(secret)); n != 7 {
		t.Errorf("auditors read %d notes, want 7: %s", n, events.body)
	}
}

// TestARevokedApprovalIsPublicNoMore, over the API: the public, the provider, and who asks to book.
func TestARevokedApprovalIsPublicNoMore(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner, buyer := w.provider(reviewer), w.enterprise()
	id, _ := w.listed(owner, reviewer)
	other, _ := w.listed(owner, reviewer)
	asked := w.do(buyer, "POST", "/api/v1/bookings", inquiry(id)).is(201).text("id")
	reasons := []m{{"code": "misleading", "field": "/brief", "note": "航线并不存在"}}
	ruling := "/api/v1/review/products/" + id
	w.do(reviewer, "POST", ruling+"/revoke-approval", m{"revision": 2, "reasons": reasons}).refuses(409, "stale_revision")
	w.do(reviewer, "POST", ruling+"/revoke-approval", m{"revision": 1, "reasons": []m{}}).refuses(422, "invalid_input")
	revoked := w.do(reviewer, "POST", ruling+"/revoke-approval", m{"revision": 1, "reasons": reasons}).is(200)
	if revoked.text("review") != "pending" || revoked.text("display") != "unlisted" || revoked.text("revoked", "reasons", 0, "note") != "航线并不存在" {
		t.Errorf("got %s", revoked.body)
	}
	w.do(reviewer, "POST", ruling+"/revoke-approval", m{"revision": 1, "reasons": reasons}).refuses(409, "no_approval")
	since := []string{"Waybill-Position", revoked.position()}
	w.do(as{}, "GET", "/api/v1/products/"+id, nil, since...).refuses(404, "not_found")
	if n := w.do(as{}, "GET", "/api/v1/products", nil, since...).is(200).count("items"); n != 1 {
		t.Errorf("%d are listed", n)
	}
	mine := w.do(owner, "GET", "/api/v1/provider/products/"+id, nil, since...).is(200)
	if mine.text("revoked", "reasons", 0, "code") != "misleading" || mine.text("review") != "pending" {
		t.Errorf("its provider reads %s", mine.body)
	}
	w.do(buyer, "POST", "/api/v1/bookings", inquiry(id)).refuses(404, "not_found")
	w.do(owner, "PUT", "/api/v1/provider/products/"+id+"/listing", nil).refuses(409, "product_not_approved")

	at := "/api/v1/review/providers/" + owner.id.String()
	revoked = w.do(reviewer, "POST", at+"/revoke-approval", m{"revision": 1, "reasons": []m{{"code": "inconsistent"}}}).is(200)
	since = []string{"Waybill-Position", revoked.position()}
	if n := w.do(as{}, "GET", "/api/v1/products", nil, since...).is(200).count("items"); n != 0 {
		t.Errorf("%d are listed of a provider whose approval was revoked", n)
	}
	page := w.do(owner, "GET", "/api/v1/provider/products", nil, since...).is(200)
	if page.count("items") != 2 || page.at("items", 0, "withheld") != true {
		t.Errorf("its products: %s", page.body)
	}
	if me := w.do(owner, "GET", "/api/v1/me", nil).is(200); me.text("standing") != "applicant" || !bytes.Contains(me.body, []byte(`"provider"`)) {
		t.Errorf("who it is: %s", me.body)
	}
	w.do(buyer, "POST", "/api/v1/bookings", inquiry(other)).refuses(409, "product_not_available")
	w.do(owner, "POST", "/api/v1/provider/bookings/"+asked+"/reply", m{"text": "请联系陈琳"}).is(200)
	w.do(owner, "POST", "/api/v1/provider/products", content()).refuses(403, "provider_not_approved")
	w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/suspend", m{"reason": "复核"}).refuses(409, "provider_not_active")
	again := w.do(reviewer, "POST", at+"/approve", m{"revision": 1}).is(200)
	if n := w.do(as{}, "GET", "/api/v1/products", nil, "Waybill-Position", again.position()).is(200).count("items"); n != 1 {
		t.Errorf("%d are listed again, want the one that was", n)
	}
	if first := w.do(w.enterprise(), "GET", "/api/v1/provider/products", nil); first.status != 403 {
		t.Errorf("an enterprise that never applied: %d", first.status)
	}
}

// TestEveryDecisionNamesWhatItIsOf: each operation refuses another digest than that of the content, and a claim that does not hold the
// case.
func TestEveryDecisionNamesWhatItIsOf(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	live, _ := w.listed(owner, reviewer)
	waiting := w.pending(owner)
	other, reasons := strings.Repeat("0", 64), []m{{"code": "other", "note": "请补充"}}
	for what, body := range map[string]m{
		"approve": {"revision": 1}, "reject": {"revision": 1, "reasons": reasons}, "revoke-approval": {"revision": 1, "reasons": reasons},
	} {
		id := waiting
		if what == "revoke-approval" {
			id = live
		}
		path := "/api/v1/review/products/" + id + "/" + what
		w.do(reviewer, "POST", path, with(body, "digest", other)).refuses(409, "content_differs")
		if id == live { // claims have no part in it
			continue
		}
		w.do(reviewer, "POST", path, with(body, "claim", owner.id)).refuses(409, "claim_lost")
		one := with(with(body, "kind", "product"), "outcome", what)
		for field, code := range map[string]string{"digest": "content_differs", "claim": "claim_lost"} {
			value := map[string]any{"digest": other, "claim": owner.id}[field]
			got := w.do(reviewer, "POST", decisions, m{"items": []m{with(with(one, "id", id), field, value)}}).is(200)
			if got.text("items", 0, "code") != code {
				t.Errorf("%s by another %s: %s", what, field, got.body)
			}
		}
	}
}
