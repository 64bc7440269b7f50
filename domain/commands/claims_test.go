package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// pending is a product of the owner's that awaits a decision.
func (w *world) pending(owner uuid.UUID) uuid.UUID {
	w.t.Helper()
	return must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(owner), content())).ID
}

// reviewer opens a reviewer's account.
func (w *world) reviewer(name string) uuid.UUID {
	w.t.Helper()
	req := staff().ByItself()
	return must[account.State](w.t)(w.OpenAccountWith(w.t.Context(), req,
		account.Open{DisplayName: name, Roles: []domain.Role{domain.RoleReviewer}})).ID
}

// by is a new request of an account, so long after noon.
func by(id uuid.UUID, after time.Duration) commands.Request {
	req := as(id)
	req.Actor.Role, req.At = domain.RoleReviewer, noon.Add(after)
	return req
}

func (w *world) claims(req commands.Request, id uuid.UUID) (commands.Outcome[claim.State], error) {
	return w.ClaimCase(w.t.Context(), req, product.Category, id, 1, uuid.Nil)
}

func (w *world) approves(req commands.Request, id, named uuid.UUID) error {
	_, err := w.ApproveProduct(w.t.Context(), req, id, commands.Decision{Revision: 1, Claim: named})
	return err
}

func TestWhoMayClaimWhat(t *testing.T) {
	w := newWorld(t)
	owner, reviewer := w.provider(w.codeA), w.reviewer("吴海")
	colleague := w.enterprise(w.codeA)
	ctx := t.Context()
	try := func(by, id uuid.UUID, kind string, revision domain.ContentRevision, want *domain.Error) {
		t.Helper()
		_, err := w.ClaimCase(ctx, as(by), kind, id, revision, uuid.Nil)
		wantRefusal(t, err, want)
	}
	id := w.pending(owner)
	try(owner, id, product.Category, 1, domain.ErrOwnCase)
	try(colleague, id, product.Category, 1, domain.ErrOwnEnterprise)
	try(reviewer, id, product.Category, 2, domain.ErrStale)
	try(reviewer, id, provider.Category, 1, domain.ErrNotFound)
	try(reviewer, uuid.New(), product.Category, 1, domain.ErrNotFound)
	try(reviewer, id, "booking", 1, domain.ErrNotFound)
	try(reviewer, owner, provider.Category, 1, domain.ErrAlreadyDecided)
	must[product.State](t)(w.DeleteProduct(ctx, as(owner), id))
	try(reviewer, id, product.Category, 1, domain.ErrNotFound)
	id = w.pending(owner)
	must[provider.State](t)(w.CloseProvider(ctx, staff(), owner, "注销"))
	try(reviewer, id, product.Category, 1, provider.ErrClosed)
}

func TestAForeignClaimSaysWhoAndUntilWhen(t *testing.T) {
	w := newWorld(t)
	id := w.pending(w.provider(w.codeA))
	ann, ben := w.reviewer("吴海"), w.reviewer("林芳")
	held := must[claim.State](t)(w.claims(by(ann, 0), id))
	if !held.State.Until.Equal(noon.Add(claim.DefaultLease)) || held.State.Kind != product.Category {
		t.Fatalf("got %+v", held)
	}
	_, claimed := w.claims(by(ben, time.Minute), id)
	_, handed := w.HandBackClaim(t.Context(), by(ben, time.Minute), product.Category, id)
	decided := w.approves(by(ben, time.Minute), id, uuid.Nil)
	named := w.approves(by(ben, time.Minute), id, held.State.Claim)
	for _, err := range []error{claimed, handed, decided, named} {
		wantRefusal(t, err, claim.ErrClaimed)
		var refused *domain.Error
		if errors.As(err, &refused); refused.Claim == nil || refused.Claim.Reviewer != ann || refused.Claim.Name != "吴海" ||
			!refused.Claim.Until.Equal(held.State.Until) || !strings.Contains(refused.Text.ZH, "吴海") ||
			!strings.Contains(refused.Text.EN, "2026-11-23 12:30") {
			t.Errorf("got %v, %+v", err, refused)
		}
	}
	ok(t, w.approves(by(ann, time.Minute), id, held.State.Claim))
}

func TestRenewingHandingBackAndTakingOver(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	owner := w.provider(w.codeA)
	id := w.pending(owner)
	ann, ben := w.reviewer("吴海"), w.reviewer("林芳")
	stream := domain.Stream(claim.Category, id)
	held := must[claim.State](t)(w.claims(by(ann, 0), id)).State.Claim
	for i := range 60 { // an hour of somebody at work, who renews once a second in the first minute
		must[claim.State](t)(w.claims(by(ann, time.Duration(i)*time.Second), id))
	}
	if n := len(w.events(stream)); n != 1 {
		t.Errorf("%d events of a claim's first minute", n)
	}
	renewed := must[claim.State](t)(w.ClaimCase(ctx, by(ann, 20*time.Minute), product.Category, id, 1, held))
	if renewed.State.Claim != held || !renewed.State.Until.Equal(noon.Add(50*time.Minute)) {
		t.Errorf("got %+v", renewed)
	}
	late := func(who uuid.UUID) commands.Request { return by(who, 50*time.Minute) }
	_, err := w.ClaimCase(ctx, late(ann), product.Category, id, 1, held)
	wantRefusal(t, err, claim.ErrExpired)
	_, err = w.HandBackClaim(ctx, late(ann), product.Category, id)
	wantRefusal(t, err, claim.ErrExpired)
	wantRefusal(t, w.approves(late(ann), id, held), claim.ErrExpired)
	early := by(uuid.Nil, 50*time.Minute-1)
	if out := must[claim.State](t)(w.ExpireClaim(ctx, early, id, held)); out.State.Ended != "" {
		t.Errorf("expired too early: %+v", out)
	}
	for range 2 {
		if out := must[claim.State](t)(w.ExpireClaim(ctx, late(uuid.Nil), id, held)); out.State.Ended != claim.EndExpired {
			t.Errorf("got %+v", out)
		}
	}
	held = must[claim.State](t)(w.claims(late(ben), id)).State.Claim
	operator := must[account.State](t)(w.OpenAccountWith(ctx, staff().ByItself(),
		account.Open{DisplayName: "符主任", Roles: []domain.Role{domain.RoleOperator}})).ID
	_, err = w.TakeOverClaim(ctx, late(operator), product.Category, id, commands.TakeOver{Reason: "请假", Claim: uuid.New()})
	wantRefusal(t, err, claim.ErrLost)
	for _, who := range []uuid.UUID{owner, operator} {
		_, err = w.TakeOverClaim(ctx, late(operator), product.Category, id, commands.TakeOver{Reason: "请假", Reviewer: who})
		wantRefusal(t, err, domain.ErrInvalid)
	}
	out := must[claim.State](t)(w.TakeOverClaim(ctx, late(operator), product.Category, id,
		commands.TakeOver{Reason: "请假", Claim: held, Reviewer: ann}))
	if out.State.Reviewer != ann || !out.State.Open(noon.Add(50*time.Minute)) {
		t.Errorf("got %+v", out)
	}
	wantRefusal(t, w.approves(late(ben), id, held), claim.ErrClaimed)
	must[claim.State](t)(w.HandBackClaim(ctx, late(ann), product.Category, id))
	_, err = w.HandBackClaim(ctx, late(ann), product.Category, id)
	wantRefusal(t, err, claim.ErrNotClaimed)
	_, err = w.TakeOverClaim(ctx, late(ann), product.Category, id, commands.TakeOver{Reason: "请假"})
	wantRefusal(t, err, claim.ErrNotClaimed)
	wantRefusal(t, w.approves(late(ben), id, held), claim.ErrLost)
	for _, missing := range []error{
		errOf(w.HandBackClaim(ctx, late(ann), product.Category, uuid.New())),
		errOf(w.TakeOverClaim(ctx, late(ann), provider.Category, id, commands.TakeOver{Reason: "请假"})),
	} {
		wantRefusal(t, missing, domain.ErrNotFound)
	}
	ok(t, w.approves(late(ben), id, uuid.Nil))
	var types []string
	for _, e := range w.events(stream) {
		types = append(types, strings.TrimSuffix(e.Type, ".v1"))
	}
	if got := strings.Join(types, " "); got != "case-claimed claim-renewed claim-expired case-claimed claim-taken-over case-claimed claim-released decision-begun" {
		t.Errorf("the log has %s", got)
	}
}

func errOf(_ commands.Outcome[claim.State], err error) error { return err }

// TestAClaimThatWasAnsweredFirst: somebody claims in the very moment in which another decides. Whoever is first on the claim's stream
// has it.
func TestAClaimThatWasAnsweredFirst(t *testing.T) {
	w := newWorld(t)
	owner, ann, ben := w.provider(w.codeA), w.reviewer("吴海"), w.reviewer("林芳")
	id := w.pending(owner)
	w.store.before = once(claim.Category, func() { must[claim.State](t)(w.claims(by(ann, 0), id)) })
	wantRefusal(t, w.approves(by(ben, 0), id, uuid.Nil), claim.ErrClaimed)
	if n := len(w.events(domain.Stream(product.Category, id))); n != 1 {
		t.Errorf("%d events of the product", n)
	}
	// The other way round: the decision has begun, and the claim that follows holds nobody up but its own reviewer.
	other := w.pending(owner)
	w.store.before = once(product.Category, func() { must[claim.State](t)(w.claims(by(ann, 0), other)) })
	ok(t, w.approves(by(ben, 0), other, uuid.Nil))
	wantRefusal(t, w.approves(by(ann, 0), other, uuid.Nil), domain.ErrAlreadyDecided)
	// It is the same with applications.
	applicant := w.enterprise(w.codeB)
	ok(t, w.apply(applicant, w.codeB))
	w.store.before = once(claim.Category, func() {
		must[claim.State](t)(w.ClaimCase(t.Context(), by(ann, 0), provider.Category, applicant, 1, uuid.Nil))
	})
	_, err := w.ApproveProvider(t.Context(), by(ben, 0), applicant, commands.Decision{Revision: 1})
	wantRefusal(t, err, claim.ErrClaimed)
}

// TestAClaimThatEndsMeanwhile: the reviewer's own claim ends in the very moment in which they decide. Who named it learns that it is gone,
// and who named none needs none; of a case that is decided both learn that.
func TestAClaimThatEndsMeanwhile(t *testing.T) {
	w := newWorld(t)
	owner, ann := w.provider(w.codeA), w.reviewer("吴海")
	for name, c := range map[string]struct {
		ends  func(id, held uuid.UUID) error
		named error
		none  error
	}{
		"handed back": {func(id, _ uuid.UUID) error {
			return errOf(w.HandBackClaim(t.Context(), by(ann, 0), product.Category, id))
		}, claim.ErrLost, nil},
		"taken over": {func(id, _ uuid.UUID) error {
			return errOf(w.TakeOverClaim(t.Context(), staff(), product.Category, id, commands.TakeOver{Reason: "请假"}))
		}, claim.ErrLost, nil},
		"over": {func(id, held uuid.UUID) error {
			return errOf(w.ExpireClaim(t.Context(), by(uuid.Nil, time.Hour), id, held))
		}, claim.ErrExpired, nil},
		"used by another request": {func(id, _ uuid.UUID) error {
			return w.approves(by(ann, 0), id, uuid.Nil)
		}, domain.ErrAlreadyDecided, domain.ErrAlreadyDecided},
	} {
		t.Run(name, func(t *testing.T) {
			for _, named := range []bool{true, false} {
				id := w.pending(owner)
				held := must[claim.State](t)(w.claims(by(ann, 0), id)).State.Claim
				sent, want := held, c.named
				if !named {
					sent, want = uuid.Nil, c.none
				}
				w.store.before = once(claim.Category, func() { ok(t, c.ends(id, held)) })
				if err := w.approves(by(ann, 0), id, sent); !errors.Is(err, want) {
					t.Errorf("with the claim named (%t): %v, want %v", named, err, want)
				}
			}
		})
	}
}

// TestADecisionThatWasCutShort: its step on the claim's stream is there and the product's is not. The same request goes on where it was,
// unless the case was claimed since.
func TestADecisionThatWasCutShort(t *testing.T) {
	all := newWorld(t)
	owner, ann, ben := all.provider(all.codeA), all.reviewer("吴海"), all.reviewer("林芳")
	for name, c := range map[string]struct {
		between func(w *world, id uuid.UUID)
		want    *domain.Error
		begun   int
	}{
		"nothing": {func(*world, uuid.UUID) {}, nil, 1},
		"another claims it": {func(w *world, id uuid.UUID) {
			must[claim.State](w.t)(w.claims(by(ben, 0), id))
		}, claim.ErrClaimed, 1},
		"another had it meanwhile": {func(w *world, id uuid.UUID) {
			must[claim.State](w.t)(w.claims(by(ben, 0), id))
			must[claim.State](w.t)(w.HandBackClaim(w.t.Context(), by(ben, 0), product.Category, id))
		}, claim.ErrLost, 1},
		"another decided it": {func(w *world, id uuid.UUID) { ok(w.t, w.approves(by(ben, 0), id, uuid.Nil)) }, domain.ErrAlreadyDecided, 2},
	} {
		for _, named := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				w := all.fork(t)
				id := w.pending(owner)
				mine := must[claim.State](t)(w.claims(by(ann, 0), id)).State.Claim
				sent, begun := mine, c.begun
				want := c.want
				if !named {
					sent = uuid.Nil
					if want == claim.ErrLost { // nobody holds it, and no claim was named: it begins anew
						want, begun = nil, begun+1
					}
				}
				req := by(ann, 0)
				w.store.before = func(s domain.StreamName) error {
					if s.Category() == product.Category {
						return domain.ErrUnavailable
					}
					return nil
				}
				wantRefusal(t, w.approves(req, id, sent), commands.ErrUnavailable)
				w.store.before = nil
				c.between(w, id)
				err := w.approves(req, id, sent)
				if want == nil {
					ok(t, err)
				} else {
					wantRefusal(t, err, want)
				}
				n := 0
				for _, e := range w.events(domain.Stream(claim.Category, id)) {
					if e.Type == (claim.DecisionBegun{}).EventType() {
						n++
					}
				}
				if n != begun {
					t.Errorf("%d decisions were begun, want %d", n, begun)
				}
			})
		}
	}
}

// TestADecisionSaysUnderWhichClaim: what was seen names the claim, also when the request had to come twice.
func TestADecisionSaysUnderWhichClaim(t *testing.T) {
	w := newWorld(t)
	owner, ann := w.provider(w.codeA), w.reviewer("吴海")
	id := w.pending(owner)
	held := must[claim.State](t)(w.claims(by(ann, 0), id)).State.Claim
	req := by(ann, time.Minute)
	w.store.before = once(product.Category, func() {
		must[product.State](t)(w.PinProduct(context.Background(), as(owner), w.listed(owner)))
	})
	ok(t, w.approves(req, id, uuid.Nil))
	for _, e := range w.events(domain.Stream(product.Category, id)) {
		if e.Type != (product.Approved{}).EventType() {
			continue
		}
		var approved product.Approved
		ok(t, json.Unmarshal(e.Data, &approved))
		if approved.Seen == nil || approved.Seen.Claim != held {
			t.Errorf("seen %+v, want claim %s", approved.Seen, held)
		}
	}
	state := must[claim.State](t)(w.ExpireClaim(t.Context(), by(uuid.Nil, time.Hour), id, held)).State
	if state.Ended != claim.EndDecided {
		t.Errorf("got %+v", state)
	}
}

func TestALeaseIsConfigured(t *testing.T) {
	w := newWorld(t)
	sources := domaintest.Sources()
	sources.ClaimLease = 5 * time.Minute
	w.Service = commands.New(w.store, sources)
	id := w.pending(w.provider(w.codeA))
	if held := must[claim.State](t)(w.claims(by(w.reviewer("吴海"), 0), id)); !held.State.Until.Equal(noon.Add(5 * time.Minute)) {
		t.Errorf("until %s", held.State.Until)
	}
}

// TestARevisionThatIsNamedIsOfTheCase, and of nothing else: its claims have another stream, which a decision appends to as well.
func TestARevisionThatIsNamedIsOfTheCase(t *testing.T) {
	w := newWorld(t)
	id, ann := w.pending(w.provider(w.codeA)), w.reviewer("吴海")
	must[claim.State](t)(w.claims(by(ann, 0), id))
	must[claim.State](t)(w.claims(by(ann, 10*time.Minute), id))
	req := by(ann, 10*time.Minute)
	req.IfRevision = new(domain.Revision) // the product's first event, of which its claims have two
	ok(t, w.approves(req, id, uuid.Nil))
}
