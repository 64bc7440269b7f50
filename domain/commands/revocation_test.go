package commands_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/workdays"
)

var revocation = commands.Decision{Revision: 1, Reasons: unfit}

// TestWhatARevokedApprovalOfAProductLeaves is the first table of decision 42: for each state of a product whose revision 1 is live, what
// the revocation leaves, and what the next approval makes of that.
func TestWhatARevokedApprovalOfAProductLeaves(t *testing.T) {
	all := newWorld(t)
	shown := func(before, s product.State) string {
		return fmt.Sprintf("%s %d, live %d, listed %t, pinned %t, down %t, due %s",
			s.Review, s.Revision, s.ApprovedRevision, s.Listed, s.Pinned, s.TakenDown != nil, dueSince(before.Due, s.Due))
	}
	revise := func(w *world, owner, id uuid.UUID) {
		must[product.State](w.t)(w.ReviseProduct(w.t.Context(), as(owner), id, content()))
	}
	for name, row := range map[string]struct {
		before func(w *world, owner, id uuid.UUID)
		left   string
		next   domain.ContentRevision // 0 is nothing to approve
		then   string
	}{
		"listed and pinned": {
			func(w *world, owner, id uuid.UUID) {
				must[product.State](w.t)(w.PinProduct(w.t.Context(), as(owner), id))
			},
			"pending 1, live 0, listed false, pinned false, down false, due 2026-11-25",
			1, "approved 1, live 1, listed true, pinned false, down false, due as before",
		},
		"unlisted": {
			func(w *world, owner, id uuid.UUID) {
				must[product.State](w.t)(w.UnpublishProduct(w.t.Context(), as(owner), id))
			},
			"pending 1, live 0, listed false, pinned false, down false, due 2026-11-25",
			1, "approved 1, live 1, listed true, pinned false, down false, due as before",
		},
		"a later one pending": {
			revise, "pending 2, live 0, listed false, pinned false, down false, due as before",
			2, "approved 2, live 2, listed true, pinned false, down false, due as before",
		},
		"a later one rejected": {
			func(w *world, owner, id uuid.UUID) {
				revise(w, owner, id)
				must[product.State](w.t)(w.RejectProduct(w.t.Context(), staff(), id, commands.Decision{Revision: 2, Reasons: unfit}))
			},
			"rejected 2, live 0, listed false, pinned false, down false, due as before", 0, "",
		},
		"taken down": {
			func(w *world, _, id uuid.UUID) {
				must[product.State](w.t)(w.TakeDownProduct(w.t.Context(), staff(), id, "投诉"))
			},
			"pending 1, live 0, listed false, pinned false, down true, due 2026-11-25",
			1, "approved 1, live 1, listed false, pinned false, down true, due as before",
		},
		"taken down, a later one pending": {
			func(w *world, owner, id uuid.UUID) {
				must[product.State](w.t)(w.TakeDownProduct(w.t.Context(), staff(), id, "投诉"))
				revise(w, owner, id)
			},
			"pending 2, live 0, listed false, pinned false, down true, due as before",
			2, "approved 2, live 2, listed false, pinned false, down false, due as before",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := all.fork(t), t.Context()
			owner, buyer := w.provider(w.codeA), w.enterprise(w.codeB)
			id := w.listed(owner)
			asked := must[booking.State](t)(w.RequestBooking(ctx, as(buyer), id, inquiry())).ID
			row.before(w, owner, id)

			before := w.product(id)
			left := must[product.State](t)(w.RevokeProductApproval(ctx, tomorrow(), id, revocation))
			if got := shown(before, left.State); got != row.left {
				t.Errorf("left %s\nwant %s", got, row.left)
			}
			_, err := w.RequestBooking(ctx, as(buyer), id, inquiry())
			wantRefusal(t, err, domain.ErrNotFound)
			_, err = w.PublishProduct(ctx, as(owner), id)
			if row.next == 0 || left.State.TakenDown == nil {
				wantRefusal(t, err, product.ErrNotApproved)
			}
			must[booking.State](t)(w.ReplyToBooking(ctx, as(owner), asked, "请联系陈琳"))
			_, err = w.RevokeProductApproval(ctx, staff(), id, revocation)
			wantRefusal(t, err, domain.ErrNoApproval)
			if row.next == 0 {
				return
			}
			then := must[product.State](t)(w.ApproveProduct(ctx, staff(), id, commands.Decision{Revision: row.next}))
			if got := shown(left.State, then.State); got != row.then {
				t.Errorf("then %s\nwant %s", got, row.then)
			}
		})
	}
}

// tomorrow is a new request of a member of staff, a day after all others.
func tomorrow() commands.Request {
	req := staff()
	req.At = noon.Add(24 * time.Hour)
	return req
}

// dueSince says when something is due, if that is not as it was.
func dueSince(before, now workdays.Due) string {
	if now == before {
		return "as before"
	}
	return now.At.Format(time.DateOnly)
}

// TestWhatARevokedApprovalOfAProviderLeaves is the second table of decision 42.
func TestWhatARevokedApprovalOfAProviderLeaves(t *testing.T) {
	all := newWorld(t)
	shown := func(before, s provider.State) string {
		return fmt.Sprintf("%s, %s %d, live %d, due %s", s.Standing, s.Review, s.Revision, s.ApprovedRevision, dueSince(before.Due, s.Due))
	}
	suspend := func(w *world, owner uuid.UUID) {
		must[provider.State](w.t)(w.SuspendProvider(w.t.Context(), staff(), owner, "复核"))
	}
	for name, row := range map[string]struct {
		before     func(w *world, owner uuid.UUID)
		left       string
		reinstated *domain.Error // what reinstating is refused with
		next       domain.ContentRevision
		then       string
	}{
		"active": {
			func(*world, uuid.UUID) {}, "applicant, pending 1, live 0, due 2026-11-26", provider.ErrNotActive,
			1, "active, approved 1, live 1, due as before",
		},
		"suspended": {
			suspend, "suspended, pending 1, live 0, due 2026-11-26", provider.ErrApprovalRevoked,
			1, "suspended, approved 1, live 1, due as before",
		},
		"a later one pending": {
			func(w *world, owner uuid.UUID) { ok(w.t, w.revise(owner, w.codeA)) },
			"applicant, pending 2, live 0, due as before", provider.ErrNotActive, 2, "active, approved 2, live 2, due as before",
		},
		"a later one rejected": {
			func(w *world, owner uuid.UUID) { ok(w.t, w.revise(owner, w.codeA), w.reject(owner, 2)) },
			"applicant, rejected 2, live 0, due as before", provider.ErrNotActive, 0, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := all.fork(t), t.Context()
			owner, buyer := w.provider(w.codeA), w.enterprise(w.codeB)
			id := w.listed(owner)
			must[product.State](t)(w.PinProduct(ctx, as(owner), id))
			asked := must[booking.State](t)(w.RequestBooking(ctx, as(buyer), id, inquiry())).ID
			row.before(w, owner)

			before, err := w.Provider(ctx, owner)
			ok(t, err)
			left := must[provider.State](t)(w.RevokeProviderApproval(ctx, tomorrow(), owner, revocation))
			if got := shown(before, left.State); got != row.left {
				t.Errorf("left %s\nwant %s", got, row.left)
			}
			of := w.product(id)
			if of.Public(left.State.Standing) || !of.Listed || !of.Pinned || of.ApprovedRevision != 1 {
				t.Errorf("its product: %+v", of)
			}
			w.holds(w.codeA, owner)
			rival := w.enterprise(w.codeA)
			wantRefusal(t, w.apply(rival, w.codeA), uscc.ErrTaken)
			_, err = w.RequestBooking(ctx, as(buyer), id, inquiry())
			wantRefusal(t, err, booking.ErrNotAvailable)
			must[booking.State](t)(w.ReplyToBooking(ctx, as(owner), asked, "请联系陈琳"))
			_, err = w.ReinstateProvider(ctx, staff(), owner, "复核通过")
			wantRefusal(t, err, row.reinstated)
			if row.next == 0 {
				return
			}
			then := must[provider.State](t)(w.ApproveProvider(ctx, staff(), owner, commands.Decision{Revision: row.next}))
			if got := shown(left.State, then.State); got != row.then {
				t.Errorf("then %s\nwant %s", got, row.then)
			}
			if public := w.product(id).Public(then.State.Standing); public != (then.State.Standing == provider.StandingActive) {
				t.Errorf("its product is public: %t", public)
			}
		})
	}
}

// TestACodeOfARevokedApproval: it stays its provider's until that is approved with another, or closed.
func TestACodeOfARevokedApproval(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	owner, rival := w.provider(w.codeA), w.enterprise(w.codeA)
	must[provider.State](t)(w.RevokeProviderApproval(ctx, staff(), owner, revocation))
	ok(t, w.revise(owner, w.codeB)) // no revision is approved, so the code is free to change
	wantRefusal(t, w.apply(rival, w.codeA), uscc.ErrTaken)
	ok(t, w.approve(owner, 2))
	ok(t, w.apply(rival, w.codeA), w.approve(rival, 1))

	w = w.fork(t)
	owner, rival = w.provider(w.codeA), w.enterprise(w.codeA)
	must[provider.State](t)(w.RevokeProviderApproval(ctx, staff(), owner, revocation))
	must[provider.State](t)(w.CloseProvider(ctx, staff(), owner, "注销"))
	_, err := w.RevokeProviderApproval(ctx, staff(), owner, revocation)
	wantRefusal(t, err, provider.ErrClosed)
	ok(t, w.apply(rival, w.codeA))
}

// TestARevokedApprovalFreesThePin: the slot is the next product's.
func TestARevokedApprovalFreesThePin(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	owner, one := w.provider(w.codeA), 1
	must[provider.State](t)(w.SetPinLimit(ctx, staff(), owner, &one, "首页位置有限"))
	first, second := w.listed(owner), w.listed(owner)
	must[product.State](t)(w.PinProduct(ctx, as(owner), first))
	must[product.State](t)(w.RevokeProductApproval(ctx, staff(), first, revocation))
	must[product.State](t)(w.PinProduct(ctx, as(owner), second))
}

// TestRevocationIsImpartial: neither the provider nor somebody of its enterprise takes an approval back, and no claim holds it up.
func TestRevocationIsImpartial(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	owner, colleague := w.provider(w.codeA), w.enterprise(w.codeA)
	id := w.listed(owner)
	for by, want := range map[uuid.UUID]*domain.Error{owner: domain.ErrOwnCase, colleague: domain.ErrOwnEnterprise} {
		_, err := w.RevokeProductApproval(ctx, as(by), id, revocation)
		wantRefusal(t, err, want)
		_, err = w.RevokeProviderApproval(ctx, as(by), owner, revocation)
		wantRefusal(t, err, want)
	}
	must[product.State](t)(w.ReviseProduct(ctx, as(owner), id, content()))
	if _, err := w.ClaimCase(ctx, staff(), product.Category, id, 2, uuid.Nil); err != nil {
		t.Fatal(err)
	}
	_, err := w.RevokeProductApproval(ctx, staff(), id, commands.Decision{Revision: 2, Reasons: unfit})
	wantRefusal(t, err, domain.ErrStale)
	must[product.State](t)(w.RevokeProductApproval(ctx, staff(), id, revocation))
}

// product is a product as the log has it.
func (w *world) product(id uuid.UUID) product.State {
	w.t.Helper()
	then, err := w.Replay(w.t.Context(), domain.Stream(product.Category, id), commands.Until{})
	if err != nil {
		w.t.Fatal(err)
	}
	return then.State.(product.State) //nolint:forcetypeassert // of its category
}

// holds checks that a code is confirmed for a provider.
func (w *world) holds(code string, of uuid.UUID) {
	w.t.Helper()
	held, err := w.Replay(w.t.Context(), domain.Stream(uscc.Category, uscc.Code(code).StreamID()), commands.Until{})
	if err != nil || held.State != any(uscc.State{Holder: of, Confirmed: true}) {
		w.t.Errorf("%s is %+v (%v)", code, held.State, err)
	}
}
