package commands_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

func (w *world) apply(id uuid.UUID, code string) error {
	_, err := w.ApplyAsProvider(w.t.Context(), as(id), profile(code))
	return err
}

func (w *world) revise(id uuid.UUID, code string) error {
	_, err := w.ReviseApplication(w.t.Context(), as(id), profile(code))
	return err
}

func (w *world) approve(id uuid.UUID, revision domain.ContentRevision) error {
	_, err := w.ApproveProvider(w.t.Context(), staff(), id, commands.Decision{Revision: revision})
	return err
}

func (w *world) reject(id uuid.UUID, revision domain.ContentRevision) error {
	_, err := w.RejectProvider(w.t.Context(), staff(), id, commands.Decision{Revision: revision, Reasons: unfit})
	return err
}

func ok(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestOneProviderForEachCode(t *testing.T) {
	all := newWorld(t)
	for name, test := range map[string]struct {
		first func(w *world, a uuid.UUID) // what account a did with w.codeA
		want  *domain.Error               // what account b hears when it applies with w.codeA
	}{
		"pending":  {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA)) }, uscc.ErrTaken},
		"approved": {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.approve(a, 1)) }, uscc.ErrTaken},
		"rejected": {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.reject(a, 1)) }, nil},
		"rejected, then revised": {
			func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.reject(a, 1), w.revise(a, w.codeA)) }, uscc.ErrTaken,
		},
		"moved away":            {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.revise(a, w.codeB)) }, nil},
		"moved away and back":   {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.revise(a, w.codeB), w.revise(a, w.codeA)) }, uscc.ErrTaken},
		"approved with another": {func(w *world, a uuid.UUID) { ok(w.t, w.apply(a, w.codeA), w.revise(a, w.codeB), w.approve(a, 2)) }, nil},
		"approved, revision rejected": {
			func(w *world, a uuid.UUID) {
				ok(w.t, w.apply(a, w.codeA), w.approve(a, 1), w.revise(a, w.codeA), w.reject(a, 2))
			}, uscc.ErrTaken,
		},
		"closed applicant": {func(w *world, a uuid.UUID) {
			ok(w.t, w.apply(a, w.codeA))
			_, err := w.CloseProvider(w.t.Context(), staff(), a, "注销")
			ok(w.t, err)
		}, nil},
		"closed provider": {func(w *world, a uuid.UUID) {
			ok(w.t, w.apply(a, w.codeA), w.approve(a, 1))
			_, err := w.CloseProvider(w.t.Context(), staff(), a, "注销")
			ok(w.t, err)
		}, uscc.ErrTaken},
	} {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
			test.first(w, a)
			before := w.size()
			err := w.apply(b, w.codeA)
			if test.want != nil {
				wantRefusal(t, err, test.want)
				if w.size() != before {
					t.Error("the refusal left events behind")
				}
				return
			}
			ok(t, err, w.approve(b, 1))
		})
	}
}

func TestTakenOverCodeIsGone(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	ok(t, w.apply(a, w.codeA), w.reject(a, 1), w.apply(b, w.codeA))
	wantRefusal(t, w.revise(a, w.codeA), uscc.ErrTaken)
	ok(t, w.reject(b, 1), w.revise(a, w.codeA), w.approve(a, 2))
	wantRefusal(t, w.revise(b, w.codeA), uscc.ErrTaken)
}

func TestMistakesReserveNothing(t *testing.T) {
	w := newWorld(t)
	a := w.enterprise(w.codeA)
	p := profile(w.codeA)
	p.Contact = ""
	_, err := w.ApplyAsProvider(t.Context(), as(a), p)
	wantRefusal(t, err, domain.ErrInvalid)
	if n := len(w.events(domain.Stream(uscc.Category, uscc.Code(w.codeA).StreamID()))); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestManyAccountsApplyWithOneCodeAtOnce(t *testing.T) {
	w := newWorld(t)
	accounts := make([]uuid.UUID, 8)
	for i := range accounts {
		accounts[i] = w.enterprise(w.codeA)
	}
	errs := make([]error, len(accounts))
	parallel(len(accounts), func(i int) { errs[i] = w.apply(accounts[i], w.codeA) })
	applied := 0
	for i, err := range errs {
		if err == nil {
			applied++
			ok(t, w.approve(accounts[i], 1))
			continue
		}
		wantRefusal(t, err, uscc.ErrTaken)
	}
	if applied != 1 {
		t.Errorf("%d applied", applied)
	}
}

// Account b takes the code over between the two appends of account a's request; nobody is approved without the code.
func TestTakeoverBetweenReservationAndApplication(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	late := as(b)
	late.At = noon.Add(time.Hour)
	w.store.before = once(provider.Category, func() {
		wantRefusal(t, w.apply(b, w.codeA), uscc.ErrTaken) // a's request is under way
		_, err := w.ApplyAsProvider(t.Context(), late, profile(w.codeA))
		ok(t, err) // it looks as if it had been cut short
	})
	ok(t, w.apply(a, w.codeA))
	wantRefusal(t, w.approve(a, 1), uscc.ErrTaken)
	ok(t, w.approve(b, 1))
}

func TestRequestCutShortAfterTheReservation(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	w.store.before = func(s domain.StreamName) error {
		if s.Category() == provider.Category {
			return domain.ErrUnavailable
		}
		return nil
	}
	req := as(a)
	_, err := w.ApplyAsProvider(t.Context(), req, profile(w.codeA))
	wantRefusal(t, err, commands.ErrUnavailable)
	w.store.before = nil
	wantRefusal(t, w.apply(b, w.codeA), uscc.ErrTaken)
	before := w.size()
	if o := must[provider.State](t)(w.ApplyAsProvider(t.Context(), req, profile(w.codeA))); o.Replayed || w.size() != before+1 {
		t.Errorf("got %+v and %d events", o, w.size()-before)
	}
	ok(t, w.approve(a, 1))
}

func TestRequestCutShortAndTakenOver(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	w.store.before = func(s domain.StreamName) error {
		if s.Category() == provider.Category {
			return domain.ErrUnavailable
		}
		return nil
	}
	req, late := as(a), as(b)
	late.At = noon.Add(time.Hour)
	_, err := w.ApplyAsProvider(t.Context(), req, profile(w.codeA))
	wantRefusal(t, err, commands.ErrUnavailable)
	w.store.before = nil
	must[provider.State](t)(w.ApplyAsProvider(t.Context(), late, profile(w.codeA)))
	_, err = w.ApplyAsProvider(t.Context(), req, profile(w.codeA))
	wantRefusal(t, err, uscc.ErrTaken)
}

// The provider moves to another code while a reviewer approves; the approval is stale and neither code has two providers.
func TestApprovalWhileTheCodeChanges(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	ok(t, w.apply(a, w.codeA))
	w.store.before = once(provider.Category, func() { ok(t, w.revise(a, w.codeB)) })
	wantRefusal(t, w.approve(a, 1), domain.ErrStale)
	wantRefusal(t, w.apply(b, w.codeA), uscc.ErrTaken) // for now: a could still come back to it
	ok(t, w.approve(a, 2), w.apply(b, w.codeA), w.approve(b, 1))
}

// A takeover and an approval race for the reservation; whichever is later loses.
func TestApprovalWhileTheCodeIsTakenOver(t *testing.T) {
	w := newWorld(t)
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	ok(t, w.apply(a, w.codeA))
	w.store.before = once(uscc.Category, func() { ok(t, w.reject(a, 1), w.apply(b, w.codeA)) })
	wantRefusal(t, w.approve(a, 1), uscc.ErrTaken)
	ok(t, w.approve(b, 1))
}

func TestAnyInterleavingOfAccountsKeepsOneProviderForEachCode(t *testing.T) {
	all := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := all.fork(t)
		codes := []string{w.codeA, w.codeB}
		accounts := []uuid.UUID{w.enterprise(codes[0]), w.enterprise(codes[0]), w.enterprise(codes[1])}
		for range rapid.IntRange(3, 12).Draw(rt, "steps") {
			id := rapid.SampledFrom(accounts).Draw(rt, "account")
			code := rapid.SampledFrom(codes).Draw(rt, "code")
			revision := domain.ContentRevision(rapid.IntRange(1, 4).Draw(rt, "revision"))
			step := rapid.SampledFrom([]string{"apply", "revise", "approve", "approve", "reject", "close"}).Draw(rt, "step")
			between := rapid.SampledFrom([]string{"", provider.Category, uscc.Category}).Draw(rt, "between")
			other := rapid.SampledFrom(accounts).Draw(rt, "other")
			w.store.before = nil
			if between != "" {
				w.store.before = once(between, func() { w.step("revise", other, codes[0], 0); w.step("approve", other, "", 1) })
			}
			w.step(step, id, code, revision)
			w.store.before = nil
			w.checkCodes(rt, accounts)
		}
	})
}

// step does one thing; a refusal is as good as any other outcome.
func (w *world) step(name string, id uuid.UUID, code string, revision domain.ContentRevision) {
	w.t.Helper()
	var err error
	switch name {
	case "apply":
		err = w.apply(id, code)
	case "revise":
		err = w.revise(id, code)
	case "approve":
		err = w.approve(id, revision)
	case "reject":
		err = w.reject(id, revision)
	case "close":
		_, err = w.CloseProvider(w.t.Context(), staff(), id, "注销")
	}
	var refusal *domain.Error
	if err != nil && !errors.As(err, &refusal) {
		w.t.Fatal(err)
	}
}

func (w *world) checkCodes(t *rapid.T, accounts []uuid.UUID) {
	approved := map[string]uuid.UUID{}
	for _, id := range accounts {
		s, err := w.Provider(w.t.Context(), id)
		if errors.Is(err, domain.ErrNotFound) || s.ApprovedRevision == 0 {
			continue
		}
		code := s.Approved.USCC
		if other, twice := approved[code]; twice {
			t.Fatalf("%s and %s are both approved with %s", id, other, code)
		}
		approved[code] = id
		held, err := w.Replay(w.t.Context(), domain.Stream(uscc.Category, uscc.Code(code).StreamID()), commands.Until{})
		if err != nil || held.State != any(uscc.State{Holder: id, Confirmed: true}) {
			t.Fatalf("%s is approved with %s, held by %+v (%v)", id, code, held.State, err)
		}
	}
}
