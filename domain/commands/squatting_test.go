package commands_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

// reserved appends a reservation as older versions made it for whoever asked.
func (w *world) reserved(code string, by uuid.UUID) {
	w.t.Helper()
	stream := domain.Stream(uscc.Category, uscc.Code(code).StreamID())
	data, err := json.Marshal(uscc.Reserved{ProviderID: by})
	ok(w.t, err)
	meta, err := json.Marshal(domain.Metadata{Actor: domain.Actor{ID: by, Role: domain.RoleEnterprise}, At: noon, CausationID: uuid.New(), Schema: 1})
	ok(w.t, err)
	_, err = w.store.EventStore.Append(w.t.Context(), stream, domain.NoStream(),
		[]domain.NewEvent{{ID: uuid.New(), Type: uscc.Reserved{}.EventType(), Data: data, Metadata: meta}})
	ok(w.t, err)
}

// A code that an account is not certified for is nobody's business before approval: it is answered the same whatever became of the
// code, and keeps nobody from it.
func TestNobodySquatsOnACode(t *testing.T) {
	all := newWorld(t)
	for name, before := range map[string]func(w *world, victim uuid.UUID){
		"free":     func(*world, uuid.UUID) {},
		"pending":  func(w *world, victim uuid.UUID) { ok(w.t, w.apply(victim, w.codeA)) },
		"approved": func(w *world, victim uuid.UUID) { ok(w.t, w.apply(victim, w.codeA), w.approve(victim, 1)) },
		"rejected": func(w *world, victim uuid.UUID) { ok(w.t, w.apply(victim, w.codeA), w.reject(victim, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			victim, attacker := w.enterprise(w.codeA), w.enterprise(w.codeB)
			before(w, victim)
			stream := domain.Stream(uscc.Category, uscc.Code(w.codeA).StreamID())
			held := len(w.events(stream))
			ok(t, w.apply(attacker, w.codeA), w.revise(attacker, w.codeB), w.revise(attacker, w.codeA))
			if len(w.events(stream)) != held {
				t.Error("the attacker wrote to the victim's code")
			}
			switch name {
			case "free":
				ok(t, w.apply(victim, w.codeA), w.approve(victim, 1))
			case "pending":
				ok(t, w.approve(victim, 1))
			case "approved":
				ok(t, w.revise(victim, w.codeA), w.approve(victim, 2))
			case "rejected":
				ok(t, w.revise(victim, w.codeA), w.approve(victim, 2))
			}
			wantRefusal(t, w.approve(attacker, 3), uscc.ErrTaken)
			ok(t, w.reject(attacker, 3))
		})
	}
}

// An approved holder keeps the code, whoever is certified for it; approval is where it is checked.
func TestAnApprovedHolderKeepsTheCode(t *testing.T) {
	w := newWorld(t)
	holder, certified := w.enterprise(w.codeB), w.enterprise(w.codeA)
	ok(t, w.apply(holder, w.codeA), w.approve(holder, 1)) // the reviewer saw that they differ
	wantRefusal(t, w.apply(certified, w.codeA), uscc.ErrTaken)
	ok(t, w.revise(holder, w.codeA), w.approve(holder, 2))
	other := w.enterprise(w.codeB)
	ok(t, w.apply(other, w.codeA))
	wantRefusal(t, w.approve(other, 1), uscc.ErrTaken)
}

// What an older version reserved for a squatter gives way to who is certified.
func TestAnOldReservationOfASquatterGivesWay(t *testing.T) {
	w := newWorld(t)
	victim, attacker := w.enterprise(w.codeA), w.enterprise(w.codeB)
	w.reserved(w.codeA, attacker)
	ok(t, w.apply(attacker, w.codeA))
	late := as(victim)
	late.At = noon.Add(time.Hour)
	must[provider.State](t)(w.ApplyAsProvider(t.Context(), late, profile(w.codeA)))
	wantRefusal(t, w.approve(attacker, 1), uscc.ErrTaken)
	ok(t, w.approve(victim, 1))
}

// Nobody keeps a reviewer from deciding by submitting again and again; who corrects a mistake is not kept waiting (R25).
func TestSubmittingAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := must[product.State](t)(w.SubmitProduct(t.Context(), as(owner), content())).ID
	for name, c := range map[string]struct {
		revise func(at time.Time) error
		reject func(revision domain.ContentRevision) error
		first  domain.ContentRevision
	}{
		"product": {
			func(at time.Time) error {
				req := as(owner)
				req.At = at
				_, err := w.ReviseProduct(t.Context(), req, id, content())
				return err
			},
			func(r domain.ContentRevision) error {
				_, err := w.RejectProduct(t.Context(), staff(), id, commands.Decision{Revision: r, Reasons: unfit})
				return err
			}, 1,
		},
		"application": {
			func(at time.Time) error {
				req := as(owner)
				req.At = at
				_, err := w.ReviseApplication(t.Context(), req, profile(w.codeA))
				return err
			},
			func(r domain.ContentRevision) error { return w.reject(owner, r) }, 1,
		},
	} {
		at, latest := noon, c.first
		accepted := 0
		for range 3600 { // every second for an hour
			at = at.Add(time.Second)
			switch err := c.revise(at); {
			case err == nil:
				accepted, latest = accepted+1, latest+1
			case !errors.Is(err, domain.ErrTooSoon):
				t.Fatalf("%s: %v", name, err)
			}
		}
		if accepted < 9 || accepted > 20 {
			t.Errorf("%s: %d of 3600 submissions were accepted", name, accepted)
		}
		ok(t, c.reject(latest))
		for range 5 { // the count begins anew
			at = at.Add(time.Second)
			ok(t, c.revise(at))
		}
		for range 20 { // an honest author, who comes back every so often
			at = at.Add(time.Hour)
			ok(t, c.revise(at))
		}
	}
}
