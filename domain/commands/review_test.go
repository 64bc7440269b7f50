package commands_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/decidertest"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// last is the last event of a stream, with its bytes.
func (w *world) last(category string, id uuid.UUID) domain.RecordedEvent {
	w.t.Helper()
	all := w.events(domain.Stream(category, id))
	return all[len(all)-1]
}

// record is what an event's bytes say beside its outcome.
func record(t *testing.T, e domain.RecordedEvent) decision.Record {
	t.Helper()
	var r decision.Record
	if err := json.Unmarshal(e.Data, &r); err != nil || r.Seen == nil {
		t.Fatalf("%s: %s (%v)", e.Type, e.Data, err)
	}
	return r
}

// TestADecisionRecordsWhatWasSeen: the digest is that of the bytes which the submission's event holds, and the rest is what it says.
func TestADecisionRecordsWhatWasSeen(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	reviewer := staff()
	owner := w.enterprise(w.codeA)
	p := profile(w.codeB) // not what it is certified for
	must[provider.State](t)(w.ApplyAsProvider(ctx, as(owner), p))
	digest := func(category string, id uuid.UUID, field string) string {
		var e map[string]json.RawMessage
		first := w.events(domain.Stream(category, id))[0]
		if err := json.Unmarshal(first.Data, &e); err != nil {
			t.Fatal(err)
		}
		sum, err := decision.Digest(e[field])
		ok(t, err)
		return sum
	}
	must[provider.State](t)(w.ApproveProvider(ctx, reviewer, owner, commands.Decision{
		Revision: 1, Digest: digest(provider.Category, owner, "profile"), Note: " 证照\r\n清晰 ",
	}))
	got := record(t, w.last(provider.Category, owner))
	want := decision.Record{Note: "证照\n清晰", Seen: &decision.Seen{
		Digest: digest(provider.Category, owner, "profile"), Images: []domain.ImageRef{p.Licence, p.Logo}, Rules: rules.Version,
		Findings: got.Seen.Findings, Mismatches: []string{"/uscc"}, Calendar: got.Seen.Calendar,
	}}
	if !reflect.DeepEqual(got, want) || len(got.Seen.Findings) == 0 || got.Seen.Findings[0].Field != "/uscc" {
		t.Errorf("got  %+v %+v\nwant %+v", got, got.Seen, want.Seen)
	}

	id := w.pending(owner)
	claimed := must[claim.State](t)(w.ClaimCase(ctx, by(reviewer.Actor.ID, 0), product.Category, id, 1, uuid.Nil)).State.Claim
	for _, d := range []commands.Decision{
		{Revision: 1, Digest: strings.Repeat("0", 64), Claim: claimed}, {Revision: 2, Digest: digest(product.Category, id, "content")},
	} {
		req := staff()
		req.Actor = reviewer.Actor
		_, err := w.ApproveProduct(ctx, req, id, d)
		if d.Revision == 1 {
			wantRefusal(t, err, decision.ErrContentDiffers)
		} else {
			wantRefusal(t, err, domain.ErrStale)
		}
	}
	req := staff()
	req.Actor = reviewer.Actor
	must[product.State](t)(w.RejectProduct(ctx, req, id, commands.Decision{
		Revision: 1, Digest: digest(product.Category, id, "content"), Claim: claimed, Reasons: unfit,
	}))
	seen := record(t, w.last(product.Category, id)).Seen
	if seen.Claim != claimed || !reflect.DeepEqual(seen.Images, []domain.ImageRef{content().Cover, content().Details[0], content().Details[1]}) {
		t.Errorf("got %+v", seen)
	}
}

// TestALaterRevisionIsRevokedAsItWasApproved: what is live and not the latest any more was seen as its approval recorded it.
func TestALaterRevisionIsRevokedAsItWasApproved(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	approved := record(t, w.events(domain.Stream(product.Category, id))[1]).Seen
	later := content()
	later.Name, later.Details = "改名后的专线", later.Details[:1]
	must[product.State](t)(w.ReviseProduct(ctx, as(owner), id, later))
	_, err := w.RevokeProductApproval(ctx, staff(), id, commands.Decision{Revision: 1, Reasons: unfit, Digest: strings.Repeat("0", 64)})
	wantRefusal(t, err, decision.ErrContentDiffers)
	second := []domain.Reason{{Code: "image_unclear", Field: "/details/1"}} // which the later one has not
	must[product.State](t)(w.RevokeProductApproval(ctx, staff(), id, commands.Decision{Revision: 1, Reasons: second, Digest: approved.Digest}))
	if got := record(t, w.last(product.Category, id)).Seen; !reflect.DeepEqual(got, approved) {
		t.Errorf("got %+v, want %+v", got, approved)
	}
	// It is the same with applications. The later one keeps the date that it has.
	approved = record(t, w.last(provider.Category, owner)).Seen
	ok(t, w.revise(owner, w.codeA))
	must[provider.State](t)(w.RevokeProviderApproval(ctx, staff(), owner, commands.Decision{Revision: 1, Reasons: unfit, Digest: approved.Digest}))
	e := w.last(provider.Category, owner)
	if got := record(t, e).Seen; !reflect.DeepEqual(got, approved) {
		t.Errorf("got %+v, want %+v", got, approved)
	}
	var revoked provider.ApprovalRevoked
	if err := json.Unmarshal(e.Data, &revoked); err != nil || revoked.Due != (workdays.Due{}) {
		t.Errorf("due %+v (%v)", revoked.Due, err)
	}
}

// TestNobodyDecidesForTheirEnterprise: a reviewer's account of the same code is refused, whichever of the two has it from where.
func TestNobodyDecidesForTheirEnterprise(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	owner, colleague, other := w.provider(w.codeA), w.enterprise(w.codeA), w.enterprise(w.codeB)
	ok(t, w.revise(owner, w.codeA))
	id := w.pending(owner)
	d := commands.Decision{Revision: 1, Reasons: unfit}
	_, err := w.ApproveProduct(ctx, as(colleague), id, d)
	wantRefusal(t, err, domain.ErrOwnEnterprise)
	_, err = w.RejectProduct(ctx, as(colleague), id, d)
	wantRefusal(t, err, domain.ErrOwnEnterprise)
	_, err = w.RejectProvider(ctx, as(colleague), owner, commands.Decision{Revision: 2, Reasons: unfit})
	wantRefusal(t, err, domain.ErrOwnEnterprise)
	// Applied for with a code that is not certified is enough.
	ok(t, w.apply(other, w.codeA))
	_, err = w.ApproveProduct(ctx, as(other), id, d)
	wantRefusal(t, err, domain.ErrOwnEnterprise)
	must[product.State](t)(w.ApproveProduct(ctx, staff(), id, d))
}

// TestTwoPersonsApproveAnApplication: the first approval confirms nothing and makes nobody active; the second is somebody else's, of the
// same content; a rejection, by either, ends it.
func TestTwoPersonsApproveAnApplication(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	sources := domaintest.Sources()
	sources.SecondApprover = true
	w.Service = commands.New(w.store, sources)
	owner, first, second := w.enterprise(w.codeA), staff(), staff()
	again := func(req commands.Request) commands.Request {
		next := staff()
		next.Actor = req.Actor
		return next
	}
	ok(t, w.apply(owner, w.codeA))
	approve := func(req commands.Request, revision domain.ContentRevision) (provider.State, error) {
		out, err := w.ApproveProvider(ctx, req, owner, commands.Decision{Revision: revision})
		return out.State, err
	}
	before := w.size()
	s, err := approve(first, 1)
	if n := w.size() - before; n != 2 { // that the decision was begun, and that it was made
		t.Errorf("the first approval appended %d events", n)
	}
	if err != nil || s.First == nil || s.First.Reviewer != first.Actor.ID || s.Standing != provider.StandingApplicant || s.Review != domain.ReviewPending {
		t.Fatalf("after the first: %+v (%v)", s, err)
	}
	if e := w.last(provider.Category, owner); record(t, e).Seen.Digest == "" || e.Type != "provider-first-approved.v1" {
		t.Errorf("recorded %s %s", e.Type, e.Data)
	}
	if s, err = approve(first, 1); err != nil || s.First == nil {
		t.Errorf("the same request again: %+v (%v)", s, err)
	}
	_, err = approve(again(first), 1)
	wantRefusal(t, err, provider.ErrSecondApprover)
	ok(t, w.revise(owner, w.codeA))
	_, err = approve(second, 1)
	wantRefusal(t, err, domain.ErrStale)
	s, err = approve(again(second), 2) // the first of the new content
	if err != nil || s.First.Reviewer != second.Actor.ID || s.ApprovedRevision != 0 {
		t.Fatalf("after the content changed: %+v (%v)", s, err)
	}
	_, err = w.RejectProvider(ctx, again(second), owner, commands.Decision{Revision: 2, Reasons: unfit})
	ok(t, err)
	ok(t, w.revise(owner, w.codeA))
	for _, req := range []commands.Request{again(second), again(first)} {
		s, err = approve(req, 3)
		ok(t, err)
	}
	if s.Standing != provider.StandingActive || s.ApprovedRevision != 3 || s.First != nil {
		t.Errorf("after the second: %+v", s)
	}
	w.holds(w.codeA, owner)
	// A product takes one.
	must[product.State](t)(w.ApproveProduct(ctx, staff(), w.pending(owner), commands.Decision{Revision: 1}))
}

// TestADecisionIsCleanedAtOnce: reasons and note are wrong together, each at its place.
func TestADecisionIsCleanedAtOnce(t *testing.T) {
	w := newWorld(t)
	id := w.pending(w.provider(w.codeA))
	_, err := w.RejectProduct(t.Context(), staff(), id, commands.Decision{
		Revision: 1, Reasons: []domain.Reason{{Code: "nonsense"}}, Note: strings.Repeat("字", decision.MaxNote+1),
	})
	if got := decidertest.Mistakes(err); got != "/reasons/0/code unknown_code, /note too_long" {
		t.Errorf("got %q", got)
	}
	_, err = w.RejectProduct(t.Context(), staff(), id, commands.Decision{Revision: 1, Reasons: unfit, Digest: strings.Repeat("F", 64)})
	if got := decidertest.Mistakes(err); got != "/digest bad_digest" {
		t.Errorf("got %q", got)
	}
}
