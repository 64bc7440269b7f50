package commands_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
)

func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			do(i)
		}()
	}
	close(start)
	wg.Wait()
}

func TestTwoReviewersOnOneRevision(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	for range 20 {
		id := must[product.State](t)(w.SubmitProduct(t.Context(), as(owner), content())).ID
		errs := make([]error, 2)
		parallel(2, func(i int) {
			if i == 0 {
				_, errs[i] = w.ApproveProduct(t.Context(), staff(), id, commands.Decision{Revision: 1})
			} else {
				_, errs[i] = w.RejectProduct(t.Context(), staff(), id, commands.Decision{Revision: 1, Reasons: unfit})
			}
		})
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("approve: %v, reject: %v", errs[0], errs[1])
		}
		wantRefusal(t, errors.Join(errs...), domain.ErrAlreadyDecided)
	}
}

func TestOneRequestManyTimesAtOnce(t *testing.T) {
	all := newWorld(t)
	for name, set := range every {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			req, do := set(w)
			before := w.size()
			outcomes, errs := make([]outcome, 20), make([]error, 20)
			parallel(20, func(i int) { outcomes[i], errs[i] = do(t.Context(), w, req) })
			fresh := 0
			for i := range outcomes {
				if errs[i] != nil {
					t.Fatal(errs[i])
				}
				if !outcomes[i].replayed {
					fresh++
				}
				outcomes[i].replayed = false
				if !reflect.DeepEqual(outcomes[i], outcomes[0]) {
					t.Errorf("answered\n%+v and\n%+v", outcomes[i], outcomes[0])
				}
			}
			if fresh != 1 {
				t.Errorf("%d of 20 say that they were the first", fresh)
			}
			if w.size() == before || w.size() > before+3 { // an approval appends to the claims and to the code first, and lists
				t.Errorf("%d events", w.size()-before)
			}
		})
	}
}

func TestLosersDecideAgain(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	errs := make([]error, 8)
	parallel(8, func(i int) { _, errs[i] = w.ReviseProduct(t.Context(), as(owner), id, content()) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s, err := w.Replay(t.Context(), domain.Stream(product.Category, id), commands.Until{})
	if err != nil || s.State.(product.State).Revision != 9 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestContentionIsBounded(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	w.store.before = func(domain.StreamName) error { return domain.ErrConflict }
	w.store.appends.Store(0)
	_, err := w.PinProduct(t.Context(), as(owner), id)
	wantRefusal(t, err, domain.ErrContention)
	if n := w.store.appends.Load(); n < 5 || n > 50 {
		t.Errorf("%d appends", n)
	}
}

func TestLostAnswers(t *testing.T) {
	all := newWorld(t)
	const lost = 3
	for name, reallyAppended := range map[string]bool{"after the append": true, "before it": false} {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			owner := w.provider(w.codeA)
			left := lost
			lose := func(domain.StreamName) error {
				if left--; left >= 0 {
					return domain.ErrOutcomeUnknown
				}
				return nil
			}
			if reallyAppended {
				w.store.after = func(s domain.StreamName, err error) error { return errors.Join(err, lose(s)) }
			} else {
				w.store.before = lose
			}
			submitted := must[product.State](t)(w.SubmitProduct(t.Context(), as(owner), content()))
			if events := w.events(domain.Stream(product.Category, submitted.ID)); len(events) != 1 || submitted.State.Revision != 1 {
				t.Errorf("%d events, %+v", len(events), submitted)
			}
		})
	}
}

func TestOutcomeStaysUnknown(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	w.store.after = func(domain.StreamName, error) error { return domain.ErrOutcomeUnknown }
	req := as(owner)
	_, err := w.PinProduct(t.Context(), req, id)
	wantRefusal(t, err, commands.ErrOutcomeUnknown)
	w.store.after = nil
	pinned := must[product.State](t)(w.PinProduct(t.Context(), req, id))
	if !pinned.Replayed || !pinned.State.Pinned || pinned.Revision != 3 {
		t.Errorf("got %+v", pinned)
	}
}

// What was found in the log is acknowledged once it is safe there: a request that comes again, and a decision that changes nothing.
func TestWhatWasFoundIsAssured(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	req, submit := as(owner), as(owner)
	must[product.State](t)(w.PinProduct(t.Context(), req, id))
	must[product.State](t)(w.SubmitProduct(t.Context(), submit, content()))
	w.store.assure = domain.ErrOutcomeUnknown
	_, err := w.PinProduct(t.Context(), req, id)
	wantRefusal(t, err, commands.ErrOutcomeUnknown)
	_, err = w.PinProduct(t.Context(), as(owner), id)
	wantRefusal(t, err, commands.ErrOutcomeUnknown)
	_, err = w.SubmitProduct(t.Context(), submit, content())
	wantRefusal(t, err, commands.ErrOutcomeUnknown)
	must[product.State](t)(w.UnpinProduct(t.Context(), as(owner), id)) // its own append is behind all that it was decided on
	w.store.assure = nil
	if again := must[product.State](t)(w.PinProduct(t.Context(), req, id)); !again.Replayed {
		t.Errorf("got %+v", again)
	}
}

func TestStoreAway(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	for code, away := range map[*domain.Error]error{
		commands.ErrUnavailable: domain.ErrUnavailable, commands.ErrTooLarge: domain.ErrTooLarge,
	} {
		w.store.before = func(domain.StreamName) error { return away }
		_, err := w.SubmitProduct(t.Context(), as(owner), content())
		wantRefusal(t, err, code)
		if !errors.Is(err, away) {
			t.Errorf("%v does not name its cause", err)
		}
	}
}

func TestDeletedWhileBeingRevised(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	w.store.before = once(product.Category, func() {
		if _, err := w.DeleteProduct(t.Context(), as(owner), id); err != nil {
			t.Error(err)
		}
	})
	_, err := w.ReviseProduct(t.Context(), as(owner), id, content())
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.ReviseProduct(t.Context(), as(owner), uuid.New(), content())
	wantRefusal(t, err, domain.ErrNotFound)
}

func TestAppliedTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	id := w.enterprise(w.codeA)
	w.store.before = once(provider.Category, func() { ok(t, w.apply(id, w.codeA)) })
	wantRefusal(t, w.apply(id, w.codeA), provider.ErrAlreadyApplied)
	if n := len(w.events(domain.Stream(provider.Category, id))); n != 1 {
		t.Errorf("%d events", n)
	}
}
