package review_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/claim"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/review"
)

// submitted is a submission as the log tells it.
type submitted struct {
	kind              string
	subject, provider uuid.UUID
	by                uuid.UUID
	revision          domain.ContentRevision
	state             domain.Review
	since, from       time.Time
	waiting           time.Time // since when, as of its state
	name              string
	due               workdays.Due
	late              bool // its decision was
	mismatch, finding bool
	round             int
	first, revoked    bool
	content           any
}

// told is the desk as the log tells it, event by event and with nothing kept but what it says.
type told struct {
	submissions []*submitted
	latest      map[uuid.UUID]*submitted
	live        map[uuid.UUID]*submitted
	rejections  map[uuid.UUID]int
	takenDown   map[uuid.UUID]*product.Takedown
	closed      map[uuid.UUID]bool
	typeOf      map[uuid.UUID]string
	nameOf      map[uuid.UUID]string
	claims      map[uuid.UUID]claim.Claimed
	calendar    *workdays.Calendar
}

func tell(log []projections.Event) *told {
	d := &told{
		latest: map[uuid.UUID]*submitted{}, live: map[uuid.UUID]*submitted{}, rejections: map[uuid.UUID]int{},
		takenDown: map[uuid.UUID]*product.Takedown{}, closed: map[uuid.UUID]bool{}, typeOf: map[uuid.UUID]string{},
		nameOf: map[uuid.UUID]string{},
		claims: map[uuid.UUID]claim.Claimed{}, calendar: workdays.Standard(),
	}
	for _, e := range log {
		d.event(e)
	}
	for _, s := range d.submissions {
		if s.state == domain.ReviewPending { // whatever was said before
			s.due = d.dueOf(s)
		}
	}
	return d
}

func (d *told) dueOf(s *submitted) workdays.Due {
	return d.calendar.Due(s.from, map[string]int{product.Category: 1, provider.Category: 2}[s.kind])
}

func (d *told) event(e projections.Event) {
	id, _ := e.Stream.ID()
	at := projections.EventTime(e)
	decided := func(state domain.Review) {
		s := d.latest[id]
		s.due = d.dueOf(s)
		s.state, s.since, s.revoked, s.late = state, at, false, !at.Before(s.due.At)
	}
	revoked := func() {
		s := d.live[id]
		s.revoked = true
		delete(d.live, id)
		d.nameOf[id] = d.latest[id].name
		if d.latest[id] == s {
			s.state, s.since, s.from, s.waiting, s.first, s.late = domain.ReviewPending, at, at, at, false, false
		} else if d.latest[id].state == domain.ReviewPending {
			d.latest[id].revoked = true
		}
	}
	switch fact := e.Fact.(type) {
	case provider.Applied:
		d.submit(e, submitted{provider: id, mismatch: len(fact.Mismatches) > 0, finding: len(fact.Findings) > 0, content: fact.Profile, name: fact.Profile.Name})
		d.typeOf[id] = fact.Profile.Type
	case provider.Revised:
		d.submit(e, submitted{provider: id, mismatch: len(fact.Mismatches) > 0, finding: len(fact.Findings) > 0, content: fact.Profile, name: fact.Profile.Name})
		if d.live[id] == nil {
			d.typeOf[id] = fact.Profile.Type
		}
	case product.Submitted:
		d.submit(e, submitted{provider: fact.ProviderID, finding: len(fact.Findings) > 0, content: fact.Content, name: fact.Content.Name})
	case product.Revised:
		d.submit(e, submitted{provider: d.latest[id].provider, finding: len(fact.Findings) > 0, content: fact.Content, name: fact.Content.Name})
	case provider.Approved, product.Approved:
		decided(domain.ReviewApproved)
		d.live[id], d.rejections[id], d.nameOf[id] = d.latest[id], 0, d.latest[id].name
	case provider.Rejected, product.Rejected:
		decided(domain.ReviewRejected)
		d.rejections[id]++
	case provider.FirstApproved:
		d.latest[id].first = true
	case provider.ApprovalRevoked, product.ApprovalRevoked:
		revoked()
	case provider.Closed:
		d.closed[id] = true
	case product.Deleted:
		d.submissions = slices.DeleteFunc(d.submissions, func(s *submitted) bool { return s.subject == id })
		delete(d.latest, id)
	case calendar.Corrected:
		d.calendar = d.calendar.After(fact.Correction)
	case claim.Claimed:
		d.claims[id] = fact
	case claim.Renewed:
		c := d.claims[id]
		c.Until = fact.Until
		d.claims[id] = c
	case claim.Released, claim.Expired, claim.TakenOver, claim.DecisionBegun:
		delete(d.claims, id)
	}
	d.takenDown[id] = d.takenDown[id].After(e.Fact)
}

func (d *told) submit(e projections.Event, s submitted) {
	id, _ := e.Stream.ID()
	at := projections.EventTime(e)
	s.kind, s.subject, s.by, s.revision, s.state = e.Stream.Category(), id, e.Meta.Actor.ID, 1, domain.ReviewPending
	s.since, s.from, s.waiting, s.round = at, at, at, d.rejections[id]+1
	if d.live[id] == nil {
		d.nameOf[id] = s.name
	}
	if before := d.latest[id]; before != nil {
		s.revision = before.revision + 1
		if before.state == domain.ReviewPending {
			before.due = d.dueOf(before)
			before.state, before.since = domain.ReviewSuperseded, at
			s.revoked, s.waiting = before.revoked, before.waiting
		}
	}
	d.latest[id] = &s
	d.submissions = append(d.submissions, &s)
}

// open are the cases that somebody may decide.
func (d *told) open(s *submitted) bool {
	return s.state == domain.ReviewPending && !d.closed[s.provider]
}

func (d *told) holder(s *submitted, now time.Time) uuid.UUID {
	if c, ok := d.claims[s.subject]; ok && now.Before(c.Until) {
		return c.Reviewer
	}
	return uuid.Nil
}

func (d *told) has(s *submitted, f review.Flag, q review.Filter) bool {
	holder := d.holder(s, q.Now)
	return map[review.Flag]bool{
		review.Mismatch: s.mismatch, review.Finding: s.finding, review.Resubmitted: s.round > 1, review.FirstApproved: s.first,
		review.Revoked: s.revoked, review.TakenDown: d.takenDown[s.subject] != nil, review.Claimed: holder != uuid.Nil,
		review.Unclaimed: holder == uuid.Nil, review.Mine: holder == q.Reviewer,
	}[f]
}

func (d *told) keeps(s *submitted, q review.Filter) bool {
	pending := q.State == "" || q.State == domain.ReviewPending
	late := s.late
	switch {
	case pending:
		if !d.open(s) {
			return false
		}
		late = !q.Now.Before(s.due.At)
	case q.State == review.Decided:
		if s.state != domain.ReviewApproved && s.state != domain.ReviewRejected {
			return false
		}
	case s.state != q.State:
		return false
	}
	if !pending && q.Overdue != nil && !*q.Overdue && s.state == domain.ReviewSuperseded {
		return false // it was not decided in time either
	}
	return (q.Kind == "" || s.kind == q.Kind) &&
		(q.OlderThan == nil || s.since.Before(*q.OlderThan)) && (q.YoungerThan == nil || !s.since.Before(*q.YoungerThan)) &&
		(q.DueBefore == nil || s.due.At.Before(*q.DueBefore)) && (q.DueAfter == nil || !s.due.At.Before(*q.DueAfter)) &&
		(q.Overdue == nil || late == *q.Overdue) &&
		(q.Submitter == nil || s.by == *q.Submitter) && (q.Provider == nil || s.provider == *q.Provider) &&
		(q.Subject == nil || s.subject == *q.Subject) && (q.ProviderType == "" || d.typeOf[s.provider] == q.ProviderType) &&
		!slices.ContainsFunc(q.Flags, func(f review.Flag) bool { return !d.has(s, f, q) })
}

// list is what a filter keeps, in the queue's order.
func (d *told) list(q review.Filter) []string {
	var kept []*submitted
	for _, s := range d.submissions {
		if d.keeps(s, q) {
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, func(a, b *submitted) int {
		ids := strings.Compare(a.subject.String(), b.subject.String())
		if q.State == "" || q.State == domain.ReviewPending {
			return cmp.Or(a.due.At.Compare(b.due.At), a.from.Compare(b.from), ids)
		}
		return cmp.Or(b.since.Compare(a.since), -ids, cmp.Compare(b.revision, a.revision))
	})
	var list []string
	for _, s := range kept {
		list = append(list, fmt.Sprintf("%s@%d", s.subject, s.revision))
	}
	return list
}
