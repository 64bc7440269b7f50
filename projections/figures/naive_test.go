package figures_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/figures"
)

// decided is a decision as the log tells it.
type decided struct {
	kind, outcome    string
	reviewer         uuid.UUID
	reasons          []string
	round            int
	first, since, at time.Time
}

// cohort is a provider or product, with the stages it reached.
type cohort struct {
	kind   string
	day    workdays.Day
	stages map[figures.Stage]bool
}

type asked struct {
	booking.Requested
	at      time.Time
	reply   *time.Time
	closed  booking.CloseReason
	content product.Content
}

// change is one of what there is.
type change struct {
	day workdays.Day
	key string
	n   int
}

// naive is a log read from its beginning, with everything kept.
type naive struct {
	calendar        calendar.State
	decisions       []decided
	cohorts         map[uuid.UUID]*cohort
	bookings        map[uuid.UUID]*asked
	days            map[string]int
	pending, public []change
	providers       map[uuid.UUID]provider.State
	products        map[uuid.UUID]product.State
	contents        map[string]product.Content
	rejections      map[uuid.UUID]int
	rounds          map[uuid.UUID]int
	first, since    map[uuid.UUID]time.Time
	wasPending      map[uuid.UUID]bool
	wasPublic       map[uuid.UUID]string
}

// tell reads a log up to a position.
func tell(log []projections.Event, to domain.Position) *naive {
	n := &naive{
		cohorts: map[uuid.UUID]*cohort{}, bookings: map[uuid.UUID]*asked{}, days: map[string]int{}, providers: map[uuid.UUID]provider.State{},
		products: map[uuid.UUID]product.State{}, contents: map[string]product.Content{}, rejections: map[uuid.UUID]int{}, rounds: map[uuid.UUID]int{},
		first: map[uuid.UUID]time.Time{}, since: map[uuid.UUID]time.Time{}, wasPending: map[uuid.UUID]bool{}, wasPublic: map[uuid.UUID]string{},
	}
	for _, e := range log {
		if e.Position > to {
			break
		}
		n.read(e)
	}
	return n
}

func (n *naive) read(e projections.Event) {
	id, _ := e.Stream.ID()
	at := projections.EventTime(e)
	day := workdays.DayOf(at)
	happen := func(kind, what string) { n.days[fmt.Sprint(day, kind, what)]++ }
	kind := e.Stream.Category()
	switch kind {
	case provider.Category:
		n.providers[id] = provider.Evolve(n.providers[id], e.Fact)
	case product.Category:
		n.products[id] = product.Evolve(n.products[id], e.Fact)
	}
	owner := n.products[id].ProviderID
	switch fact := e.Fact.(type) {
	case calendar.Corrected:
		n.calendar = calendar.Evolve(n.calendar, fact)
	case provider.Applied:
		n.submit(kind, id, at)
		happen(kind, "submitted")
	case provider.Revised:
		n.submit(kind, id, at)
		happen(kind, "submitted")
	case product.Submitted:
		n.submit(kind, id, at)
		happen(kind, "submitted")
		n.reach(owner, figures.ProductSubmitted)
		n.contents[fmt.Sprint(id, fact.Revision)] = fact.Content
	case product.Revised:
		n.submit(kind, id, at)
		happen(kind, "submitted")
		n.contents[fmt.Sprint(id, fact.Revision)] = fact.Content
	case provider.Approved, product.Approved:
		n.decide(e, id, "approved", nil)
		happen(kind, "approved")
	case provider.Rejected:
		n.decide(e, id, "rejected", fact.Reasons)
		happen(kind, "rejected")
	case product.Rejected:
		n.decide(e, id, "rejected", fact.Reasons)
		happen(kind, "rejected")
	case provider.ApprovalRevoked:
		n.revoke(id, at, fact.Revision == n.providers[id].Revision)
		happen(kind, "revoked")
	case product.ApprovalRevoked:
		n.revoke(id, at, fact.Revision == n.products[id].Revision)
		happen(kind, "revoked")
	case product.Listed:
		n.reach(id, figures.Listed)
		n.reach(owner, figures.ProductListed)
		happen(kind, "listed")
	case product.Unlisted:
		happen(kind, "unlisted")
	case product.TakenDown:
		happen(kind, "taken down")
	case product.Deleted:
		happen(kind, "deleted")
	case booking.Requested:
		n.bookings[id] = &asked{Requested: fact, at: at, content: n.contents[fmt.Sprint(fact.ProductID, fact.ProductRevision)]}
		n.reach(fact.ProductID, figures.Booked)
		happen(kind, "requested")
	case booking.Replied:
		n.bookings[id].reply = &at
		n.reach(n.bookings[id].ProductID, figures.RepliedTo)
		happen(kind, "replied")
	case booking.Closed:
		n.bookings[id].closed = fact.Reason
	}
	n.look(day)
}

// look finds what there is that was not before, and the other way round.
func (n *naive) look(day workdays.Day) {
	is := func(id uuid.UUID, kind string, pending bool) {
		if pending != n.wasPending[id] {
			n.wasPending[id] = pending
			n.pending = append(n.pending, change{day, kind, map[bool]int{true: 1, false: -1}[pending]})
		}
	}
	for id, s := range n.providers {
		is(id, provider.Category, s.Review == domain.ReviewPending)
	}
	for id, s := range n.products {
		is(id, product.Category, s.Review == domain.ReviewPending && !s.Deleted)
		key := ""
		if s.Public(n.providers[s.ProviderID].Standing) {
			key = s.Approved.Destination.Country + "/" + string(s.Approved.Mode)
		}
		if was := n.wasPublic[id]; was != key {
			n.wasPublic[id] = key
			if was != "" {
				n.public = append(n.public, change{day, was, -1})
			}
			if key != "" {
				n.public = append(n.public, change{day, key, 1})
			}
		}
	}
}

func (n *naive) submit(kind string, id uuid.UUID, at time.Time) {
	if n.cohorts[id] == nil {
		n.cohorts[id] = &cohort{kind, workdays.DayOf(at), map[figures.Stage]bool{figures.Submitted: true}}
	}
	if _, open := n.first[id]; !open {
		n.first[id] = at
	}
	n.since[id], n.rounds[id] = at, n.rejections[id]+1
}

func (n *naive) reach(id uuid.UUID, stage figures.Stage) {
	if c := n.cohorts[id]; c != nil {
		c.stages[stage] = true
	}
}

func (n *naive) decide(e projections.Event, id uuid.UUID, outcome string, reasons []domain.Reason) {
	d := decided{
		kind: e.Stream.Category(), outcome: outcome, reviewer: e.Meta.Actor.ID, round: n.rounds[id], first: n.first[id], since: n.since[id],
		at: projections.EventTime(e),
	}
	for _, r := range reasons {
		if !slices.Contains(d.reasons, r.Code) {
			d.reasons = append(d.reasons, r.Code)
		}
	}
	if e.Meta.Actor.Role == domain.RoleReviewer {
		n.decisions = append(n.decisions, d)
	}
	again := n.cohorts[id].stages[figures.Decided]
	n.reach(id, figures.Decided)
	if outcome == "rejected" {
		n.rejections[id]++
		return
	}
	n.reach(id, figures.Approved)
	if !again {
		n.reach(id, figures.ApprovedAtFirst)
	}
	n.rejections[id] = 0
	delete(n.first, id)
}

func (n *naive) revoke(id uuid.UUID, at time.Time, latest bool) {
	if latest {
		n.first[id], n.since[id] = at, at
	}
}
