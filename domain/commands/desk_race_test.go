package commands_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
)

// desk is what two hundred reviewers do to fifty cases, in an order of its own: each sent and each answered moment has a number.
type desk struct {
	*world
	cases     []uuid.UUID
	reviewers []uuid.UUID
	order     atomic.Int64
	// clock is in milliseconds after noon.
	clock atomic.Int64

	mu sync.Mutex
	// decided are the requests whose decision was answered with success, with when they were sent; claimed when a claim was answered.
	decided map[uuid.UUID]int64
	sent    map[uuid.UUID]int64
	claimed map[uuid.UUID]int64
	refused map[string]int
}

// allowed are what a reviewer may be refused with in such a crowd.
var allowed = []error{
	claim.ErrClaimed, claim.ErrExpired, claim.ErrLost, claim.ErrNotClaimed, domain.ErrAlreadyDecided, domain.ErrContention,
}

func TestTwoHundredReviewersOnFiftyCases(t *testing.T) {
	if testing.Short() {
		t.Skip("a crowd")
	}
	w := newWorld(t)
	sources := domaintest.Sources()
	sources.ClaimLease = 2 * time.Minute
	w.Service = commands.New(w.store, sources)
	d := &desk{
		world: w, decided: map[uuid.UUID]int64{}, sent: map[uuid.UUID]int64{}, claimed: map[uuid.UUID]int64{}, refused: map[string]int{},
	}
	owner := w.provider(w.codeA)
	for range 50 {
		d.cases = append(d.cases, w.pending(owner))
	}
	for range 200 {
		d.reviewers = append(d.reviewers, uuid.New())
	}
	parallel(len(d.reviewers), func(i int) {
		r := rand.New(rand.NewPCG(uint64(i), 11))
		for range 400 {
			if len(d.open()) == 0 {
				return
			}
			d.step(r, d.reviewers[i])
		}
	})
	if left := d.open(); len(left) > 0 {
		t.Fatalf("%d cases are stuck", len(left))
	}
	t.Logf("%d decisions and %d claims were answered; refused: %v", len(d.decided), len(d.claimed), d.refused)
	decided := 0
	for _, id := range d.cases {
		decided += d.check(id)
	}
	if decided != len(d.decided) {
		t.Errorf("%d decisions are in the log, %d were answered", decided, len(d.decided))
	}
	for _, code := range []*domain.Error{claim.ErrClaimed, domain.ErrAlreadyDecided} {
		if d.refused[code.Code] == 0 {
			t.Errorf("nobody was refused with %s: it was no race", code.Code)
		}
	}
}

// open are the cases that nobody has decided, as far as was answered.
func (d *desk) open() []uuid.UUID {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.decided) >= len(d.cases) {
		return nil
	}
	return d.cases
}

// request is the reviewer's next request: time passes, at times by more than a lease.
func (d *desk) request(r *rand.Rand, who uuid.UUID) commands.Request {
	passed := int64(r.IntN(100))
	if r.IntN(400) == 0 {
		passed = (3 * time.Minute).Milliseconds()
	}
	return by(who, time.Duration(d.clock.Add(passed))*time.Millisecond)
}

// step is one thing that a reviewer does: claim a case and renew, hand back, forget or decide it; decide what nobody has; or, for the
// system and for an operator, end somebody's claim.
func (d *desk) step(r *rand.Rand, who uuid.UUID) {
	ctx := context.Background()
	id := d.cases[r.IntN(len(d.cases))]
	switch r.IntN(8) {
	case 0:
		d.decide(r, who, id, uuid.Nil)
		return
	case 1:
		_, err := d.TakeOverClaim(ctx, d.request(r, uuid.New()), product.Category, id, commands.TakeOver{Reason: "请假"})
		d.note(err)
		return
	}
	req := d.request(r, who)
	out, err := d.ClaimCase(ctx, req, product.Category, id, 1, uuid.Nil)
	answered := d.order.Add(1)
	if d.note(err) {
		return
	}
	held := out.State.Claim
	d.mu.Lock()
	if _, renewed := d.claimed[held]; !renewed {
		d.claimed[held] = answered
	}
	d.mu.Unlock()
	switch r.IntN(8) {
	case 0:
		_, err := d.HandBackClaim(ctx, d.request(r, who), product.Category, id)
		d.note(err)
	case 1: // it is forgotten, and found by the clock
		d.clock.Add((3 * time.Minute).Milliseconds())
		_, err := d.ExpireClaim(ctx, d.request(r, uuid.Nil), id, held)
		d.note(err)
	case 2: // it is forgotten
	case 3:
		_, err := d.ClaimCase(ctx, d.request(r, who), product.Category, id, 1, held)
		d.note(err)
		d.decide(r, who, id, held)
	case 4:
		d.decide(r, who, id, uuid.Nil)
	default:
		d.decide(r, who, id, held)
	}
}

// decide decides, and sends the same again as a client does that heard nothing.
func (d *desk) decide(r *rand.Rand, who, id, named uuid.UUID) {
	req := d.request(r, who)
	decision := commands.Decision{Revision: 1, Claim: named, Reasons: unfit}
	approve := d.ApproveProduct
	if r.IntN(2) == 0 {
		approve = d.RejectProduct
	} else {
		decision.Reasons = nil
	}
	d.mu.Lock()
	d.sent[req.ID] = d.order.Add(1)
	d.mu.Unlock()
	for range 1 + r.IntN(2) {
		_, err := approve(context.Background(), req, id, decision)
		if d.note(err) {
			continue
		}
		d.mu.Lock()
		d.decided[req.ID]++
		d.mu.Unlock()
	}
}

// note counts a refusal, and reports one that has no place here.
func (d *desk) note(err error) bool {
	if err == nil {
		return false
	}
	if !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
		d.t.Error(err)
	}
	var refused *domain.Error
	errors.As(err, &refused)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[refused.Code]++
	return true
}

// check returns how often a case was decided, which must be once, by somebody who was answered, whom no claim stood in the way of.
func (d *desk) check(id uuid.UUID) int {
	d.t.Helper()
	begun := map[uuid.UUID]domain.Position{}
	type made struct {
		at    domain.Position
		claim uuid.UUID
		by    uuid.UUID
	}
	var claims []made
	var s claim.State
	for _, e := range d.events(domain.Stream(claim.Category, id)) {
		meta, err := e.DecodeMetadata()
		ok(d.t, err)
		fact, err := claim.Types.Decode(e.Type, e.Data)
		ok(d.t, err)
		switch f := fact.(type) {
		case claim.Claimed:
			if s.Open(meta.At) {
				d.t.Errorf("%s@%d: claimed while %s has it", e.Stream, e.Revision, s.Reviewer)
			}
			claims = append(claims, made{e.Position, f.Claim, f.Reviewer})
		case claim.DecisionBegun:
			if s.Open(meta.At) && s.Reviewer != f.Reviewer {
				d.t.Errorf("%s@%d: decided while %s has it", e.Stream, e.Revision, s.Reviewer)
			}
			begun[meta.CausationID] = e.Position
		}
		s = claim.Evolve(s, fact)
	}
	decisions := 0
	for _, e := range d.events(domain.Stream(product.Category, id)) {
		if e.Type != (product.Approved{}).EventType() && e.Type != (product.Rejected{}).EventType() {
			continue
		}
		decisions++
		meta, err := e.DecodeMetadata()
		ok(d.t, err)
		d.mu.Lock()
		_, answered := d.decided[meta.CausationID]
		sent := d.sent[meta.CausationID]
		if begun[meta.CausationID] == 0 || !answered {
			d.t.Errorf("%s: begun at %d, answered %v", id, begun[meta.CausationID], answered)
		}
		for _, c := range claims {
			if c.at > begun[meta.CausationID] && c.at < e.Position && c.by != meta.Actor.ID && d.claimed[c.claim] != 0 && d.claimed[c.claim] < sent {
				d.t.Errorf("%s was decided past claim %s, which was answered before", id, c.claim)
			}
		}
		d.mu.Unlock()
	}
	if decisions != 1 {
		d.t.Errorf("%s was decided %d times", id, decisions)
	}
	return decisions
}
