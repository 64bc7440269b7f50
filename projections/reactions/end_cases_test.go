package reactions_test

import (
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/runtimetest"
)

// TestCasesOfClosedPartiesEnd: in older logs, and after races and crashes, cases are open whose party is closed.
func TestCasesOfClosedPartiesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := func(category string, id uuid.UUID, facts ...domain.Event) uuid.UUID {
		for _, fact := range facts {
			runtimetest.Append(t, w.store, domain.Stream(category, id), fact)
		}
		return id
	}
	open, closed := account.Opened{DisplayName: "海丰"}, account.Closed{Reason: "注销"}
	applied, approved := provider.Applied{Revision: 1}, provider.Approved{Revision: 1}
	submitted := func(by uuid.UUID) product.Submitted { return product.Submitted{ProviderID: by, Revision: 1} }

	there, owner := add(account.Category, uuid.New(), open), add(provider.Category, uuid.New(), applied, approved)
	enterprise := add(account.Category, uuid.New(), open)
	request := func(by uuid.UUID, then ...domain.Event) uuid.UUID {
		asked := booking.Requested{ProductID: uuid.New(), ProviderID: owner, EnterpriseID: by}
		return add(booking.Category, uuid.New(), append([]domain.Event{asked}, then...)...)
	}
	before, answered, others := request(enterprise), request(enterprise, booking.Replied{Number: 1, Text: "ok"}), request(there)
	add(account.Category, enterprise, closed)
	after := request(enterprise) // decided before, recorded after

	gone := add(provider.Category, uuid.New(), applied, approved, provider.Revised{Revision: 2})
	waiting, decided := add(product.Category, uuid.New(), submitted(gone)), add(product.Category, uuid.New(), submitted(gone), product.Approved{Revision: 1})
	deleted := add(product.Category, uuid.New(), submitted(gone), product.Deleted{})
	kept := add(product.Category, uuid.New(), submitted(owner))
	add(provider.Category, gone, provider.Closed{Reason: "注销"})
	late := add(product.Category, uuid.New(), submitted(gone))
	add(product.Category, decided, product.Revised{Revision: 2})

	// Its application is recorded after the account's end.
	orphan := add(account.Category, uuid.New(), open, closed)
	add(provider.Category, orphan, applied)

	r := w.start()
	ended := func() (n int) {
		for _, id := range []uuid.UUID{waiting, decided, late} {
			if s := stateOf[product.State](t, w, product.Category, id); s.Review == domain.ReviewRejected &&
				s.Reasons[0].Code == domain.ReasonProviderClosed {
				n++
			}
		}
		for _, id := range []uuid.UUID{before, after} {
			if stateOf[booking.State](t, w, booking.Category, id).CloseReason == booking.EnterpriseClosed {
				n++
			}
		}
		for _, id := range []uuid.UUID{gone, orphan} {
			if s := stateOf[provider.State](t, w, provider.Category, id); s.Standing == provider.StandingClosed && s.Review == domain.ReviewRejected {
				n++
			}
		}
		return n
	}
	runtimetest.Eventually(t, "all cases ended", func() bool { return ended() == 7 })
	runtimetest.Eventually(t, "the reaction at the end of the log", func() bool { return at(t, r, "end_cases") >= runtimetest.Head(t, w.store) })
	if s := stateOf[product.State](t, w, product.Category, kept); s.Review != domain.ReviewPending {
		t.Errorf("an active provider's product is %s", s.Review)
	}
	if s := stateOf[product.State](t, w, product.Category, deleted); s.Review != domain.ReviewPending || !s.Deleted {
		t.Errorf("a deleted product is %+v", s)
	}
	for _, id := range []uuid.UUID{answered, others} {
		if s := stateOf[booking.State](t, w, booking.Category, id); s.Status == booking.StatusClosed {
			t.Errorf("a booking that goes on was closed: %+v", s)
		}
	}

	// The same events once more, as after a crash: nothing ends twice.
	head := runtimetest.Head(t, w.store)
	closeRuntime(t, r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0 WHERE projection = 'reaction_end_cases'`); err != nil {
		t.Fatal(err)
	}
	r = w.start()
	runtimetest.Eventually(t, "the reaction at the end of the log again", func() bool { return at(t, r, "end_cases") >= head })
	if runtimetest.Head(t, w.store) != head {
		t.Errorf("the repeated reaction appended %d events", runtimetest.Head(t, w.store)-head)
	}
}

func stateOf[S any](t *testing.T, w *world, category string, id uuid.UUID) S {
	t.Helper()
	replayed, err := w.service.Replay(t.Context(), domain.Stream(category, id), commands.Until{})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := replayed.State.(S)
	if !ok {
		t.Fatalf("%s is a %T", category, replayed.State)
	}
	return s
}
