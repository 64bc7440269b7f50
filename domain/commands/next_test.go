package commands_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// waiting is the queue as a fold of the log, which lags behind it as a read model does.
type waiting struct {
	*world
	mu    sync.Mutex
	known domain.Position
	open  []commands.WaitingCase
	taken map[uuid.UUID]bool
}

// catchUp reads on, and tells what it knows.
func (q *waiting) list(ctx context.Context, limit int, except []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var free []commands.WaitingCase
	for _, c := range q.open {
		if !q.taken[c.ID] && !slices.Contains(except, c.Submitter) && len(free) < limit {
			free = append(free, c)
		}
	}
	known := q.known
	for e, err := range q.store.ReadAll(ctx, q.known, domain.Forward, 20) {
		if err != nil {
			return nil, 0, err
		}
		id, err := e.Stream.ID()
		if err != nil {
			return nil, 0, err
		}
		switch e.Type {
		case product.Submitted{}.EventType():
			submitted, err := product.Types.Decode(e.Type, e.Data)
			if err != nil {
				return nil, 0, err
			}
			owner := submitted.(product.Submitted).ProviderID //nolint:forcetypeassert // its type says so
			q.open = append(q.open, commands.WaitingCase{Kind: product.Category, ID: id, Submitter: owner})
		case claim.Claimed{}.EventType():
			q.taken[id] = true
		case claim.Released{}.EventType():
			q.taken[id] = false
		}
		q.known = e.Position
	}
	return free, known, nil
}

// TestNextForFiftyReviewers: on one node and on two, each gets cases of their own, and all are given out.
func TestNextForFiftyReviewers(t *testing.T) {
	all := newWorld(t)
	for nodes := 1; nodes <= 2; nodes++ {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			w := all.fork(t)
			q := &waiting{world: w, taken: map[uuid.UUID]bool{}}
			owner := w.provider(w.codeA)
			mine := map[uuid.UUID]bool{}
			for range 200 {
				mine[w.pending(owner)] = true
			}
			for known := domain.Position(1); known != q.known; { // it has seen all of this, and nothing of what follows
				known = q.known
				_, _, err := q.list(t.Context(), 0, nil)
				ok(t, err)
			}
			services := []*commands.Service{w.Service, commands.New(w.store, domaintest.Sources())}[:nodes]
			var mu sync.Mutex
			given := map[uuid.UUID]int{}
			parallel(50, func(i int) {
				who, replays := uuid.New(), 0
				for {
					req := by(who, 0)
					out, found, err := services[i%nodes].ClaimNext(t.Context(), req, commands.Waiting{List: q.list})
					if err != nil {
						t.Error(err)
						return
					}
					if !found {
						return
					}
					if replays++; replays == 1 { // the answer was lost: the same request is given the same case
						again, found, err := services[i%nodes].ClaimNext(t.Context(), req, commands.Waiting{List: q.list})
						if err != nil || !found || again.ID != out.ID || !again.Replayed {
							t.Errorf("got %+v, %v, %v, want case %s", again, found, err, out.ID)
						}
					}
					if out.State.Reviewer != who {
						t.Errorf("%s was given a case of %s", who, out.State.Reviewer)
					}
					mu.Lock()
					given[out.ID]++
					mu.Unlock()
				}
			})
			for id := range mine {
				if given[id] != 1 {
					t.Errorf("case %s was given out %d times", id, given[id])
				}
			}
		})
	}
}

// TestNextSkipsWhatIsNotForTheReviewer: own cases, those of the own enterprise, and what is free in the read model only.
func TestNextSkipsWhatIsNotForTheReviewer(t *testing.T) {
	w := newWorld(t)
	owner, other := w.provider(w.codeA), w.provider(w.codeB)
	q := &waiting{world: w, taken: map[uuid.UUID]bool{}}
	for range 3 {
		w.pending(owner)
	}
	gone, claimed, theirs := w.pending(other), w.pending(other), w.pending(other)
	for range 3 {
		_, _, err := q.list(t.Context(), 0, nil)
		ok(t, err)
	}
	must[product.State](t)(w.DeleteProduct(t.Context(), as(other), gone))
	must[claim.State](t)(w.claims(by(w.reviewer("林芳"), 0), claimed))
	frozen := func(_ context.Context, limit int, except []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
		var free []commands.WaitingCase
		for _, c := range q.open {
			if !slices.Contains(except, c.Submitter) && len(free) < limit {
				free = append(free, c)
			}
		}
		return free, q.known, nil
	}
	next := func(who uuid.UUID) uuid.UUID {
		t.Helper()
		out, _, err := w.ClaimNext(t.Context(), by(who, 0), commands.Waiting{List: frozen})
		ok(t, err)
		return out.ID
	}
	for _, inside := range []uuid.UUID{owner, w.enterprise(w.codeA)} {
		if id := next(inside); id != theirs && id != uuid.Nil {
			t.Errorf("got %s", id)
		}
	}
	if id := next(other); !slices.ContainsFunc(q.open[:3], func(c commands.WaitingCase) bool { return c.ID == id }) {
		t.Errorf("got %s", id)
	}
}

// listing is a read model that stands still: these cases are free, whatever the log says.
func listing(ids ...uuid.UUID) commands.Waiting {
	return commands.Waiting{List: func(context.Context, int, []uuid.UUID) (cases []commands.WaitingCase, _ domain.Position, _ error) {
		for _, id := range ids {
			cases = append(cases, commands.WaitingCase{Kind: product.Category, ID: id})
		}
		return cases, 0, nil
	}}
}

// TestNextIsAnotherCase than the one that the reviewer has, which the read model has not heard of.
func TestNextIsAnotherCase(t *testing.T) {
	w := newWorld(t)
	owner, ann := w.provider(w.codeA), w.reviewer("吴海")
	mine, free := w.pending(owner), w.pending(owner)
	must[claim.State](t)(w.claims(by(ann, 0), mine))
	out, found, err := w.ClaimNext(t.Context(), by(ann, 0), listing(mine, free))
	if ok(t, err); !found || out.ID != free {
		t.Errorf("got %+v, %v", out, found)
	}
}

// TestNextWhoseOutcomeIsUnknown: the same request tries the same case again, also when a more urgent one has come meanwhile.
func TestNextWhoseOutcomeIsUnknown(t *testing.T) {
	w := newWorld(t)
	owner, req := w.provider(w.codeA), by(w.reviewer("吴海"), 0)
	id, urgent := w.pending(owner), w.pending(owner)
	w.store.after = func(s domain.StreamName, err error) error {
		if s.Category() == claim.Category && err == nil {
			return domain.ErrOutcomeUnknown
		}
		return err
	}
	if _, found, err := w.ClaimNext(t.Context(), req, listing(id)); found || err == nil {
		t.Fatalf("found %v, %v", found, err)
	}
	w.store.after = nil
	out, found, err := w.ClaimNext(t.Context(), req, listing(urgent, id))
	if ok(t, err); !found || out.ID != id || !out.Replayed {
		t.Errorf("got %+v, %v", out, found)
	}
}

// TestNextLeavesADecisionUnderWay: a decision has begun, and is not there yet. Nobody is sent to the case for a minute, unless it is
// another by then.
func TestNextLeavesADecisionUnderWay(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id, revised := w.pending(owner), w.pending(owner)
	w.store.before = func(s domain.StreamName) error {
		if s.Category() == product.Category {
			return domain.ErrUnavailable
		}
		return nil
	}
	wantRefusal(t, w.approves(by(uuid.New(), 0), id, uuid.Nil), commands.ErrUnavailable)
	wantRefusal(t, w.approves(by(uuid.New(), 0), revised, uuid.Nil), commands.ErrUnavailable)
	w.store.before = nil
	must[product.State](t)(w.ReviseProduct(t.Context(), as(owner), revised, content()))
	if _, found, err := w.ClaimNext(t.Context(), by(uuid.New(), 0), listing(revised)); !found || err != nil {
		t.Errorf("a later revision: found %v, %v", found, err)
	}
	for i, after := range []time.Duration{time.Minute, time.Minute + 1} {
		want := i == 1
		asked := domain.Position(0)
		list := func(context.Context, int, []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
			asked++
			return []commands.WaitingCase{{Kind: product.Category, ID: id}}, asked << 40, nil
		}
		node := commands.New(w.store, domaintest.Sources())
		if _, found, err := node.ClaimNext(t.Context(), by(uuid.New(), after), commands.Waiting{List: list}); found != want || err != nil {
			t.Errorf("after %s: found %v, %v", after, found, err)
		}
	}
}

// TestNextAfterAnUnknownOutcome: a claim that may or may not have been made was not, and somebody else has the case by now. The same
// request is given another one.
func TestNextAfterAnUnknownOutcome(t *testing.T) {
	w := newWorld(t)
	owner, req := w.provider(w.codeA), by(uuid.New(), 0)
	first, second := w.pending(owner), w.pending(owner)
	list := func(context.Context, int, []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
		return []commands.WaitingCase{{Kind: product.Category, ID: first}, {Kind: product.Category, ID: second}}, 1, nil
	}
	w.store.before = func(s domain.StreamName) error {
		if s.Category() == claim.Category {
			return domain.ErrOutcomeUnknown
		}
		return nil
	}
	_, _, err := w.ClaimNext(t.Context(), req, commands.Waiting{List: list})
	wantRefusal(t, err, commands.ErrOutcomeUnknown)
	w.store.before = nil
	must[claim.State](t)(w.claims(by(uuid.New(), 0), first))
	out, found, err := w.ClaimNext(t.Context(), req, commands.Waiting{List: list})
	if err != nil || !found || out.ID != second {
		t.Errorf("got %s, %v, %v, want %s", out.ID, found, err, second)
	}
}

// TestNextOfTwoPersons: the first approval is no reason to wait with the second, and a second one that is under way is.
func TestNextOfTwoPersons(t *testing.T) {
	w := newWorld(t)
	sources := domaintest.Sources()
	sources.SecondApprover = true
	w.Service = commands.New(w.store, sources)
	owner, second := w.enterprise(w.codeA), uuid.New()
	ok(t, w.apply(owner, w.codeA))
	approve := func(who uuid.UUID, after time.Duration) error {
		_, err := w.ApproveProvider(t.Context(), by(who, after), owner, commands.Decision{Revision: 1})
		return err
	}
	next := func(who uuid.UUID, after time.Duration) bool {
		t.Helper()
		list := func(context.Context, int, []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
			return []commands.WaitingCase{{Kind: provider.Category, ID: owner}}, 1, nil
		}
		_, found, err := commands.New(w.store, sources).ClaimNext(t.Context(), by(who, after), commands.Waiting{List: list})
		ok(t, err)
		return found
	}
	ok(t, approve(uuid.New(), 0))
	if !next(second, time.Second) {
		t.Error("nobody is sent to it after the first approval")
	}
	w.store.before = func(s domain.StreamName) error {
		if s.Category() == provider.Category {
			return domain.ErrUnavailable
		}
		return nil
	}
	wantRefusal(t, approve(second, 2*time.Second), commands.ErrUnavailable)
	w.store.before = nil
	if next(uuid.New(), 3*time.Second) {
		t.Error("somebody is sent to it while the second approval is under way")
	}
	if !next(uuid.New(), 3*time.Second+time.Minute) {
		t.Error("nobody is sent to it after a second approval that was cut short")
	}
}

// TestNextGivesNobodyTheirOwnFirstApproval.
func TestNextGivesNobodyTheirOwnFirstApproval(t *testing.T) {
	w := newWorld(t)
	sources := domaintest.Sources()
	sources.SecondApprover = true
	w.Service = commands.New(w.store, sources)
	applicant, ann, ben := w.enterprise(w.codeA), w.reviewer("吴海"), w.reviewer("林芳")
	ok(t, w.apply(applicant, w.codeA))
	must[provider.State](t)(w.ApproveProvider(t.Context(), by(ann, 0), applicant, commands.Decision{Revision: 1}))
	list := func(context.Context, int, []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
		return []commands.WaitingCase{{Kind: provider.Category, ID: applicant, Submitter: applicant}}, 0, nil
	}
	for _, who := range []uuid.UUID{ann, ben} {
		out, found, err := w.ClaimNext(t.Context(), by(who, 0), commands.Waiting{List: list})
		if ok(t, err); found != (who == ben) {
			t.Errorf("found %v: %+v", found, out.State)
		}
	}
}

// TestNextAfterTheLogWentBack: what the node gave out in a log that is not there any more keeps nobody from the cases of the one that is.
func TestNextAfterTheLogWentBack(t *testing.T) {
	w := newWorld(t)
	next := func() (uuid.UUID, bool) {
		t.Helper()
		q := &waiting{world: w, taken: map[uuid.UUID]bool{}}
		for before := domain.Position(1); before != q.known; {
			before = q.known
			_, _, err := q.list(t.Context(), 0, nil)
			ok(t, err)
		}
		out, found, err := w.ClaimNext(t.Context(), by(uuid.New(), 0), commands.Waiting{List: q.list})
		ok(t, err)
		return out.ID, found
	}
	owner := w.provider(w.codeA)
	for range 20 {
		w.pending(owner)
	}
	for range 5 {
		if _, found := next(); !found {
			t.Fatal("there is none")
		}
	}
	w.store.EventStore = newStore(t) // another log, which is shorter
	id := w.pending(w.provider(w.codeA))
	if got, found := next(); !found || got != id {
		t.Errorf("got %s, %v, want %s", got, found, id)
	}
}
