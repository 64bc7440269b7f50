package api_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/events"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// The figures of docs/reports.md, in the plainest way that there is: every report goes through the log from its beginning. Nothing here is
// the read model's, and nothing is kept from one question to the next.

// happening is an event of the log.
type happening struct {
	position domain.Position
	id       uuid.UUID // of what it happened to
	kind     string
	at       time.Time
	day      workdays.Day
	by       domain.Actor
	fact     domain.Event
}

// readLog is the whole log.
func readLog(t testing.TB, store domain.EventStore) (log []happening) {
	t.Helper()
	for e, err := range store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		meta, err := e.DecodeMetadata()
		if err != nil {
			t.Fatal(err)
		}
		fact, err := events.Types.Decode(e.Type, e.Data)
		if err != nil {
			t.Fatal(err)
		}
		h := happening{position: e.Position, kind: e.Stream.Category(), at: meta.At, day: workdays.DayOf(meta.At), by: meta.Actor, fact: fact}
		if h.id, err = e.Stream.ID(); err != nil {
			t.Fatal(err)
		}
		log = append(log, h)
	}
	return log
}

// question is what a report is asked.
type question struct {
	position domain.Position
	from, to workdays.Day
	kind, by string
}

func (q question) days() workdays.Day { return q.to - q.from + 1 }

// earlier is the period before.
func (q question) earlier() question {
	q.from, q.to = q.from-q.days(), q.from-1
	return q
}

func (q question) in(day workdays.Day) bool { return q.from <= day && day <= q.to }

func (q question) asks(kind string) bool { return q.kind == "" || q.kind == kind }

// upTo is the log as it was at a position.
func upTo(log []happening, position domain.Position) []happening {
	for i, h := range log {
		if h.position > position {
			return log[:i]
		}
	}
	return log
}

// calendarAt is the calendar of a log.
func calendarAt(log []happening) *workdays.Calendar {
	c := workdays.Standard()
	for _, h := range log {
		if corrected, ok := h.fact.(calendar.Corrected); ok {
			c = c.After(corrected.Correction)
		}
	}
	return c
}

// working is how much of a time lies in working days, day by day.
func working(c *workdays.Calendar, from, to time.Time) (sum time.Duration) {
	for d := workdays.DayOf(from); d <= workdays.DayOf(to); d++ {
		begin, end := d.Start(), (d + 1).Start()
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		if c.Working(d) && end.After(begin) {
			sum += end.Sub(begin)
		}
	}
	return sum
}

// dueAfter is the end of the so many-th working day after a day.
func dueAfter(c *workdays.Calendar, from time.Time, days int) time.Time {
	d := workdays.DayOf(from)
	for days > 0 {
		if d++; c.Working(d) {
			days--
		}
	}
	return (d + 1).Start()
}

// minutes are rounded up; what took less than no time took none.
func minutes(d time.Duration) float64 { return math.Max(0, math.Ceil(d.Minutes())) }

// least is the least value within which so many of a hundred of them lie.
func least(values []float64, ofHundred int) any {
	slices.Sort(values)
	for i, v := range values {
		if (i+1)*100 >= ofHundred*len(values) {
			return v
		}
	}
	return nil
}

// rate has four digits, half up.
func rate(part, whole float64) any {
	if whole == 0 {
		return nil
	}
	return math.Floor((20000*part+whole)/(2*whole)) / 10000
}

// matter is a provider or a product, as far as the log tells.
type matter struct {
	id, owner uuid.UUID
	kind      string
	latest    domain.ContentRevision
	content   map[domain.ContentRevision]product.Content
	waiting   map[domain.ContentRevision]time.Time // since the submission, or the revocation
	firstDay  workdays.Day                         // of the first submission
	pending   bool
	live      domain.ContentRevision
	listed    bool
	deleted   bool
	standing  provider.Standing

	open  bool // since the first submission after an approval, or its revocation, up to the next approval
	since time.Time
	// rejections are those since the last approval, and rounds those of the submissions.
	rejections int
	rounds     map[domain.ContentRevision]int

	decided, approved, firstTry, offered, shown, booked, replied bool
}

// verdict is a decision by a reviewer.
type verdict struct {
	kind, reviewer string
	approved       bool
	reasons        []domain.Reason
	day            workdays.Day
	at             time.Time
	revision       time.Time // since when the revision waited
	first          time.Time // since when the matter was open
	round          int
}

// asked is a booking.
type asked struct {
	booking.Requested
	content product.Content
	at      time.Time
	day     workdays.Day
	reply   time.Time
	closed  booking.CloseReason
}

// place is where something counts at the end of a day: pending of a kind, or public with a destination and a mode.
type place struct{ pending, destination, mode string }

// move is that a matter comes to be somewhere (1), or goes (-1), on a day.
type move struct {
	place
	day workdays.Day
	by  float64
}

// story is what a log tells.
type story struct {
	matters  map[uuid.UUID]*matter
	bookings map[uuid.UUID]*asked
	verdicts []verdict
	stands   map[uuid.UUID][]place
	moves    []move
}

func tell(log []happening) *story {
	s := &story{matters: map[uuid.UUID]*matter{}, bookings: map[uuid.UUID]*asked{}, stands: map[uuid.UUID][]place{}}
	for _, h := range log {
		s.add(h)
		if h.kind == provider.Category || h.kind == product.Category {
			s.move(h)
		}
	}
	return s
}

// move has whatever an event touched stand where it stands now: a product, or a provider and its products.
func (s *story) move(h happening) {
	for _, m := range s.matters {
		if m.id != h.id && m.owner != h.id {
			continue
		}
		for _, p := range s.stands[m.id] {
			s.moves = append(s.moves, move{p, h.day, -1})
		}
		s.stands[m.id] = nil
		if m.pending {
			s.stands[m.id] = append(s.stands[m.id], place{pending: m.kind})
		}
		if m.kind == product.Category && m.listed && m.live > 0 && !m.deleted && s.matters[m.owner].standing == provider.StandingActive {
			c := m.content[m.live]
			s.stands[m.id] = append(s.stands[m.id], place{destination: c.Destination.Country, mode: string(c.Mode)})
		}
		for _, p := range s.stands[m.id] {
			s.moves = append(s.moves, move{p, h.day, 1})
		}
	}
}

// standing is how much stands at a place at the end of a day.
func (s *story) standing(day workdays.Day, is func(place) bool) (n float64) {
	for _, m := range s.moves {
		if m.day <= day && is(m.place) {
			n += m.by
		}
	}
	return n
}

func (s *story) add(h happening) {
	switch fact := h.fact.(type) {
	case provider.Applied:
		s.submit(h, h.id, fact.Revision, product.Content{})
	case provider.Revised:
		s.submit(h, h.id, fact.Revision, product.Content{})
	case product.Submitted:
		s.submit(h, fact.ProviderID, fact.Revision, fact.Content)
		s.matters[fact.ProviderID].offered = true
	case product.Revised:
		s.submit(h, s.matters[h.id].owner, fact.Revision, fact.Content)
	case provider.Approved:
		s.decide(h, fact.Revision, true, nil)
	case product.Approved:
		s.decide(h, fact.Revision, true, nil)
	case provider.Rejected:
		s.decide(h, fact.Revision, false, fact.Reasons)
	case product.Rejected:
		s.decide(h, fact.Revision, false, fact.Reasons)
	case provider.ApprovalRevoked:
		s.matters[h.id].revoke(h, fact.Revision)
	case product.ApprovalRevoked:
		s.matters[h.id].revoke(h, fact.Revision)
	case product.Listed:
		m := s.matters[h.id]
		m.listed, m.shown, s.matters[m.owner].shown = true, true, true
	case product.Unlisted, product.TakenDown:
		s.matters[h.id].listed = false
	case product.Deleted:
		s.matters[h.id].deleted, s.matters[h.id].pending = true, false
	case provider.Suspended, provider.Reinstated, provider.Closed:
	case booking.Requested:
		of := s.matters[fact.ProductID]
		of.booked = true
		s.bookings[h.id] = &asked{Requested: fact, content: of.content[fact.ProductRevision], at: h.at, day: h.day}
	case booking.Replied:
		b := s.bookings[h.id]
		if b.reply.IsZero() {
			b.reply = h.at
		}
		s.matters[b.ProductID].replied = true
	case booking.Closed:
		s.bookings[h.id].closed = fact.Reason
	}
	if m := s.matters[h.id]; m != nil && m.kind == provider.Category {
		m.standing = m.standing.After(h.fact)
	}
}

func (s *story) submit(h happening, owner uuid.UUID, revision domain.ContentRevision, content product.Content) {
	m := s.matters[h.id]
	if m == nil {
		m = &matter{
			id: h.id, owner: owner, kind: h.kind, content: map[domain.ContentRevision]product.Content{},
			waiting: map[domain.ContentRevision]time.Time{}, rounds: map[domain.ContentRevision]int{}, firstDay: h.day,
		}
		s.matters[h.id] = m
	}
	m.latest, m.content[revision], m.waiting[revision], m.pending = revision, content, h.at, true
	if !m.open {
		m.open, m.since = true, h.at
	}
	m.rounds[revision] = m.rejections + 1
}

func (s *story) decide(h happening, revision domain.ContentRevision, approved bool, reasons []domain.Reason) {
	m := s.matters[h.id]
	if h.by.Role == domain.RoleReviewer {
		s.verdicts = append(s.verdicts, verdict{
			kind: m.kind, reviewer: h.by.ID.String(), approved: approved, reasons: reasons, day: h.day, at: h.at,
			revision: m.waiting[revision], first: m.since, round: m.rounds[revision],
		})
	}
	if !m.decided {
		m.firstTry = approved
	}
	m.decided, m.pending = true, false
	m.rejections++
	if approved {
		m.approved, m.live, m.open, m.rejections = true, revision, false, 0
	}
}

func (m *matter) revoke(h happening, revision domain.ContentRevision) {
	m.live, m.listed = 0, false
	if revision == m.latest {
		m.pending, m.waiting[revision] = true, h.at
		m.open, m.since = true, h.at
	}
}
