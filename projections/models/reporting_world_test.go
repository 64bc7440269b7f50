package models_test

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
)

// count counts what the views have to show, from the whole log for each row.
func count(w *world) counted {
	c := counting{counted: counted{}, log: w.Log, calendar: w.calendar.Calendar()}
	for i, e := range w.Log {
		switch e.Fact.(type) {
		case product.Submitted, product.Revised, provider.Applied, provider.Revised:
			c.submission(i)
		case product.Approved, product.Rejected, provider.Approved, provider.Rejected:
			c.decision(i)
		case product.ApprovalRevoked, provider.ApprovalRevoked:
			id, _ := e.Stream.ID()
			c.add("revocations", e.ID, e.Stream.Category(), id, named(e.Fact), at(e), day(at(e)))
			c.reasons("revocation_reasons", e)
		case booking.Requested:
			c.booking(i)
		}
	}
	c.states(w)
	c.staff()
	if at := c.lastAt(); at != nil {
		c.add("about", *at, c.calendar.Version())
	} else {
		c.add("about", nil, c.calendar.Version())
	}
	return c.counted
}

type counting struct {
	counted
	log      []projections.Event
	calendar *workdays.Calendar
}

func (c counting) add(view string, values ...any) {
	c.counted[view] = append(c.counted[view], row(values...))
}

func at(e projections.Event) time.Time { return projections.EventTime(e) }

func day(t time.Time) string { return workdays.DayOf(t).String() }

// named is the content revision that an event names; 0 for none.
func named(fact domain.Event) domain.ContentRevision {
	switch f := fact.(type) {
	case provider.Applied:
		return f.Revision
	case provider.Revised:
		return f.Revision
	case provider.Approved:
		return f.Revision
	case provider.Rejected:
		return f.Revision
	case provider.FirstApproved:
		return f.Revision
	case provider.ApprovalRevoked:
		return f.Revision
	case product.Submitted:
		return f.Revision
	case product.Revised:
		return f.Revision
	case product.Approved:
		return f.Revision
	case product.Rejected:
		return f.Revision
	case product.ApprovalRevoked:
		return f.Revision
	}
	return 0
}

// what is the kind of an event without that of its stream: "submitted", "approved", "rejected", "revoked", "first", "deleted".
func what(fact domain.Event) string {
	switch fact.(type) {
	case provider.Applied, provider.Revised, product.Submitted, product.Revised:
		return "submitted"
	case provider.Approved, product.Approved:
		return "approved"
	case provider.Rejected, product.Rejected:
		return "rejected"
	case provider.ApprovalRevoked, product.ApprovalRevoked:
		return "revoked"
	case provider.FirstApproved:
		return "first"
	case product.Deleted:
		return "deleted"
	}
	return ""
}

// before are the events of i's stream that came before it, newest first; after those that came later, oldest first.
func (c counting) before(i int) (all []projections.Event) {
	for j := i - 1; j >= 0; j-- {
		if c.log[j].Stream == c.log[i].Stream {
			all = append(all, c.log[j])
		}
	}
	return all
}

func (c counting) after(i int) (all []projections.Event) {
	for _, e := range c.log[i+1:] {
		if e.Stream == c.log[i].Stream {
			all = append(all, e)
		}
	}
	return all
}

// latest is the revision that was submitted last before i, i included.
func (c counting) latest(i int) domain.ContentRevision {
	for _, e := range append([]projections.Event{c.log[i]}, c.before(i)...) {
		if what(e.Fact) == "submitted" {
			return named(e.Fact)
		}
	}
	return 0
}

// opened is when the matter was opened in which the submission i is, or the revocation i.
func (c counting) opened(i int) time.Time {
	opened := at(c.log[i])
	for j := i - 1; j >= 0; j-- {
		e := c.log[j]
		if e.Stream != c.log[i].Stream {
			continue
		}
		switch what(e.Fact) {
		case "approved":
			return opened
		case "revoked":
			if named(e.Fact) == c.latest(j) {
				return at(e)
			}
		case "submitted":
			opened = at(e)
		}
	}
	return opened
}

func (c counting) round(i int) int {
	n := 1
	for _, e := range c.before(i) {
		switch what(e.Fact) {
		case "approved":
			return n
		case "rejected":
			n++
		}
	}
	return n
}

// index of an event.
func (c counting) index(e projections.Event) int { return int(e.Position) - 1 }

func (c counting) due(category string, from time.Time) time.Time {
	days := workdays.ForProduct
	if category == provider.Category {
		days = workdays.ForApplication
	}
	return c.calendar.Due(from, days).At
}

func whole(d time.Duration) int64 { return int64((d + time.Minute - 1) / time.Minute) }

// facts of a stream: who its provider is, and the mode of a revision.
func (c counting) owner(stream domain.StreamName) uuid.UUID {
	for _, e := range c.log {
		if f, ok := e.Fact.(product.Submitted); ok && e.Stream == stream {
			return f.ProviderID
		}
	}
	id, _ := stream.ID()
	return id
}

func (c counting) content(stream domain.StreamName, revision domain.ContentRevision) *product.Content {
	for _, e := range c.log {
		if e.Stream != stream {
			continue
		}
		switch f := e.Fact.(type) {
		case product.Submitted:
			if f.Revision == revision {
				return &f.Content
			}
		case product.Revised:
			if f.Revision == revision {
				return &f.Content
			}
		}
	}
	return nil
}

func (c counting) mode(stream domain.StreamName, revision domain.ContentRevision) any {
	if content := c.content(stream, revision); content != nil {
		return content.Mode
	}
	return nil
}

func (c counting) submission(i int) {
	e := c.log[i]
	id, _ := e.Stream.ID()
	revision, category := named(e.Fact), e.Stream.Category()
	from, opened, outcome, revocations := at(e), c.opened(i), "pending", 0
	var ended *time.Time
	end := func(as string, by projections.Event) { when := at(by); outcome, ended = as, &when }
	latest := true
	for _, next := range c.after(i) {
		switch kind := what(next.Fact); {
		case kind == "submitted":
			if outcome == "pending" {
				end("superseded", next)
			}
			latest = false
		case kind == "deleted" && outcome == "pending":
			end("deleted", next)
		case named(next.Fact) != revision:
		case kind == "approved":
			end("approved", next)
		case kind == "rejected" && next.Meta.Actor.Role == domain.RoleReviewer:
			end("rejected", next)
		case kind == "rejected":
			end("ended", next)
		case kind == "revoked":
			revocations++
			if latest {
				from, opened, outcome, ended = at(next), at(next), "pending", nil
			}
		}
	}
	due := c.due(category, from)
	breached := ended != nil && !ended.Before(due) && (outcome == "approved" || outcome == "rejected" || outcome == "ended")
	var waited, worked, endedDay any
	if ended != nil {
		waited, worked, endedDay = whole(ended.Sub(from)), whole(c.calendar.Between(from, *ended)), day(*ended)
	}
	shownBreach := any(breached)
	if ended == nil {
		shownBreach = false
	}
	c.add("submissions", category, id, c.owner(e.Stream), revision, c.round(i), at(e), day(at(e)), from, opened, due, outcome, ended, endedDay,
		shownBreach, waited, worked, revocations, c.mode(e.Stream, revision))
}

func (c counting) decision(i int) {
	e := c.log[i]
	if e.Meta.Actor.Role != domain.RoleReviewer {
		return
	}
	id, _ := e.Stream.ID()
	revision, category := named(e.Fact), e.Stream.Category()
	var (
		from, opened time.Time
		first        any
		round        int
	)
	for _, past := range c.before(i) {
		if what(past.Fact) == "first" && named(past.Fact) == revision && from.IsZero() {
			first = past.Meta.Actor.ID
		}
		again := what(past.Fact) == "revoked" && named(past.Fact) == revision && c.latest(c.index(past)) == revision
		submitted := what(past.Fact) == "submitted" && named(past.Fact) == revision
		if from.IsZero() && (again || submitted) {
			from, opened = at(past), at(past)
			if submitted {
				opened = c.opened(c.index(past))
			}
		}
		if submitted {
			round = c.round(c.index(past))
		}
	}
	c.add("decisions", category, id, c.owner(e.Stream), revision, round, what(e.Fact), e.Meta.Actor.ID, first, at(e), day(at(e)),
		!at(e).Before(c.due(category, from)), whole(at(e).Sub(from)), whole(c.calendar.Between(from, at(e))),
		whole(at(e).Sub(opened)), whole(c.calendar.Between(opened, at(e))), c.mode(e.Stream, revision))
	c.reasons("decision_reasons", e)
}

func (c counting) reasons(view string, e projections.Event) {
	var given []domain.Reason
	switch f := e.Fact.(type) {
	case provider.Rejected:
		given = f.Reasons
	case product.Rejected:
		given = f.Reasons
	case provider.ApprovalRevoked:
		given = f.Reasons
	case product.ApprovalRevoked:
		given = f.Reasons
	}
	seen := map[string]bool{}
	for _, r := range given {
		if !seen[r.Code] {
			c.add(view, e.ID, r.Code)
		}
		seen[r.Code] = true
	}
}

func (c counting) booking(i int) {
	e := c.log[i]
	f, _ := e.Fact.(booking.Requested)
	id, _ := e.Stream.ID()
	var replied, closed, minutes, working, closedDay, reason any
	for _, next := range c.after(i) {
		switch fact := next.Fact.(type) {
		case booking.Replied:
			if replied == nil {
				replied, minutes, working = at(next), whole(at(next).Sub(at(e))), whole(c.calendar.Between(at(e), at(next)))
			}
		case booking.Closed:
			closed, closedDay, reason = at(next), day(at(next)), fact.Reason
		}
	}
	c.add("bookings", id, f.ProductID, f.ProviderID, f.EnterpriseID, at(e), day(at(e)), replied, minutes, working, closed, closedDay, reason,
		c.mode(domain.Stream(product.Category, f.ProductID), f.ProductRevision))
}

// staff are the reviewers with when they decided.
func (c counting) staff() {
	first, last := map[uuid.UUID]time.Time{}, map[uuid.UUID]time.Time{}
	for _, e := range c.log {
		switch what(e.Fact) {
		case "approved", "rejected", "revoked", "first":
			if who := e.Meta.Actor; who.Role == domain.RoleReviewer {
				if _, ok := first[who.ID]; !ok {
					first[who.ID] = at(e)
				}
				last[who.ID] = at(e)
			}
		}
	}
	for id := range first {
		c.add("reviewers", id, first[id], last[id])
	}
}

// lastAt is when the last event happened that the model has a meaning for; a correction of the calendar is none by itself.
func (c counting) lastAt() (last *time.Time) {
	for _, e := range c.log {
		switch e.Fact.(type) {
		case calendar.Corrected, provider.PinLimitSet, booking.Read:
		default:
			when := at(e)
			last = &when
		}
	}
	return last
}
