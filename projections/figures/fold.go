package figures

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
)

// subject is a row of subjects.
type subject struct {
	ID                            uuid.UUID
	Kind                          string
	ProviderID                    uuid.UUID
	Cohort                        workdays.Day
	Stages                        int
	Latest, Live                  domain.ContentRevision
	Pending                       bool
	Rejections, Round             int
	SinceRevision                 time.Time
	SinceFirst                    *time.Time
	Listed, Deleted               bool
	Standing                      provider.Standing
	LatestMode, LatestDestination string
	Mode, Destination             string
	// dirty says that the row changed.
	dirty bool
}

// bookingRow is a row of bookings.
type bookingRow struct {
	ID, ProductID, ProviderID uuid.UUID
	Mode, Destination         string
	RequestedAt               time.Time
	Replied, Closed           bool
}

// revisionOf names a row of revisions.
type revisionOf struct {
	product  uuid.UUID
	revision domain.ContentRevision
}

// offer is what a product is counted under while it is public.
type offer struct{ destination, mode string }

// folding is one run of events.
type folding struct {
	book
	calendar  *workdays.Calendar
	subjects  map[uuid.UUID]*subject
	bookings  map[uuid.UUID]*bookingRow
	revisions map[revisionOf]offer
	submitted []revisionOf // those of this run
	// offers are those of the providers whose standing may change, as the tables had them; moved is what changed since.
	offers, moved map[uuid.UUID]map[offer]int
}

func (f *folding) fold(e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	f.begin(e)
	defer f.end()
	if e.Stream.Category() == booking.Category {
		return f.foldBooking(id, e)
	}
	at := projections.EventTime(e)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		s := &subject{ID: id, Kind: provider.Category, ProviderID: id, Cohort: workdays.DayOf(at)}
		f.subjects[id] = s
		f.submit(s, fact.Revision, at)
		f.reach(s, Submitted)
		s.Standing = s.Standing.After(fact)
		return nil
	case product.Submitted:
		s := &subject{ID: id, Kind: product.Category, ProviderID: fact.ProviderID, Cohort: workdays.DayOf(at)}
		f.subjects[id] = s
		f.submitProduct(s, fact.Revision, fact.Content, at)
		f.reach(s, Submitted)
		f.reach(f.subjects[s.ProviderID], ProductSubmitted)
		return nil
	}
	s, ok := f.subjects[id]
	if !ok || s.Deleted {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	s.dirty = true
	was := s.offer()
	if err := f.foldSubject(s, e, at); err != nil {
		return err
	}
	f.move(s, was, at)
	return nil
}

func (f *folding) foldSubject(s *subject, e projections.Event, at time.Time) error {
	switch fact := e.Fact.(type) {
	case provider.Revised:
		f.submit(s, fact.Revision, at)
	case product.Revised:
		f.submitProduct(s, fact.Revision, fact.Content, at)
	case provider.Approved:
		if err := f.decide(s, e, fact.Revision, nil, at); err != nil {
			return err
		}
		f.stand(s, fact, at)
	case product.Approved:
		return f.decide(s, e, fact.Revision, nil, at)
	case provider.Rejected:
		return f.decide(s, e, fact.Revision, append([]domain.Reason{}, fact.Reasons...), at)
	case product.Rejected:
		return f.decide(s, e, fact.Revision, append([]domain.Reason{}, fact.Reasons...), at)
	case provider.ApprovalRevoked:
		f.revoke(s, fact.Revision, at)
		f.stand(s, fact, at)
	case product.ApprovalRevoked:
		f.revoke(s, fact.Revision, at)
		s.Listed = false
	case provider.Suspended, provider.Reinstated, provider.Closed:
		f.stand(s, e.Fact, at)
	case product.Listed:
		s.Listed = true
		f.happen(s.Kind, listed, at)
		f.reach(s, Listed)
		f.reach(f.subjects[s.ProviderID], ProductListed)
	case product.Unlisted:
		s.Listed = false
		f.happen(s.Kind, unlisted, at)
	case product.TakenDown:
		s.Listed = false
		f.happen(s.Kind, takenDown, at)
	case product.Deleted:
		s.Listed, s.Deleted = false, true
		f.happen(s.Kind, deleted, at)
		f.pend(s, false, at)
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

// happen counts what happened in a day.
func (f *folding) happen(kind, what string, at time.Time) {
	f.add(fact{Measure: ofDays, Day: workdays.DayOf(at), N: 1, Kind: kind, What: what})
}

// reach counts a stage that is reached for the first time; nobody, who is not known, reaches none.
func (f *folding) reach(s *subject, stage Stage) {
	if s == nil {
		return
	}
	stages := ProviderStages
	if s.Kind == product.Category {
		stages = ProductStages
	}
	bit := 1 << slices.Index(stages, stage)
	if s.Stages&bit != 0 {
		return
	}
	s.Stages |= bit
	s.dirty = true
	f.add(fact{Measure: ofStages, Day: s.Cohort, N: 1, Kind: s.Kind, What: string(stage)})
}

// decided reports whether anything of it was decided yet; the stage is the same of both kinds.
func (s *subject) decided() bool { return s.Stages&(1<<slices.Index(ProductStages, Decided)) != 0 }

// pend has the latest await a decision from now on, or not.
func (f *folding) pend(s *subject, pending bool, at time.Time) {
	if s.Pending == pending {
		return
	}
	n := 1
	if s.Pending = pending; !pending {
		n = -1
	}
	f.add(fact{Measure: ofPending, Day: workdays.DayOf(at), N: n, Kind: s.Kind})
}

func (f *folding) submit(s *subject, revision domain.ContentRevision, at time.Time) {
	s.dirty = true
	s.Latest, s.Round, s.SinceRevision = revision, s.Rejections+1, at
	if s.SinceFirst == nil {
		s.SinceFirst = &at
	}
	f.happen(s.Kind, submitted, at)
	f.pend(s, true, at)
}

func (f *folding) submitProduct(s *subject, revision domain.ContentRevision, c product.Content, at time.Time) {
	f.submit(s, revision, at)
	s.LatestMode, s.LatestDestination = projections.Storable(string(c.Mode)), projections.Storable(c.Destination.Country)
	of := revisionOf{s.ID, revision}
	f.revisions[of] = offer{s.LatestDestination, s.LatestMode}
	f.submitted = append(f.submitted, of)
}

// decide is an approval, or a rejection for reasons, which are not nil then.
func (f *folding) decide(s *subject, e projections.Event, revision domain.ContentRevision, reasons []domain.Reason, at time.Time) error {
	if revision != s.Latest {
		return fmt.Errorf("decision on revision %d, but %d is the latest", revision, s.Latest)
	}
	outcome, first := approved, !s.decided()
	if reasons != nil {
		outcome = rejected
	}
	f.happen(s.Kind, outcome, at)
	if e.Meta.Actor.Role == domain.RoleReviewer {
		since := s.SinceRevision
		sinceFirst := since
		if s.SinceFirst != nil {
			sinceFirst = *s.SinceFirst
		}
		d := fact{
			Measure: ofDecisions, Day: workdays.DayOf(at), N: 1, Kind: s.Kind, What: outcome, Who: new(e.Meta.Actor.ID),
			Round: new(s.Round), SinceRevision: &since, SinceFirst: &sinceFirst, Until: &at,
		}
		for _, reason := range reasons {
			if code := projections.Storable(reason.Code); !slices.Contains(d.Reasons, code) {
				d.Reasons = append(d.Reasons, code)
			}
		}
		d.count(f.calendar)
		f.add(d)
	}
	f.pend(s, false, at)
	f.reach(s, Decided)
	if reasons != nil {
		s.Rejections++
		return nil
	}
	f.reach(s, Approved)
	if first {
		f.reach(s, ApprovedAtFirst)
	}
	s.Live, s.Rejections, s.SinceFirst = revision, 0, nil
	s.Mode, s.Destination = s.LatestMode, s.LatestDestination
	return nil
}

// revoke ends an approval. The latest awaits a decision again if it is what was approved; a later one goes on as it was.
func (f *folding) revoke(s *subject, revision domain.ContentRevision, at time.Time) {
	s.Live = 0
	f.happen(s.Kind, revoked, at)
	if revision != s.Latest {
		return
	}
	s.SinceRevision, s.SinceFirst = at, &at
	f.pend(s, true, at)
}

// offer is what a product is public as while its provider is active; nil when it is not then, either.
func (s *subject) offer() *offer {
	if s.Kind != product.Category || s.Live == 0 || !s.Listed || s.Deleted {
		return nil
	}
	return &offer{s.Destination, s.Mode}
}

// move counts what became of a product's offer.
func (f *folding) move(s *subject, was *offer, at time.Time) {
	now := s.offer()
	if (was == nil) == (now == nil) && (was == nil || *was == *now) {
		return
	}
	owner := f.subjects[s.ProviderID]
	active := owner != nil && owner.Standing == provider.StandingActive
	for _, of := range []struct {
		*offer
		n int
	}{{was, -1}, {now, 1}} {
		if of.offer == nil {
			continue
		}
		if f.moved[s.ProviderID] == nil {
			f.moved[s.ProviderID] = map[offer]int{}
		}
		f.moved[s.ProviderID][*of.offer] += of.n
		if active {
			f.show(*of.offer, of.n, at)
		}
	}
}

func (f *folding) show(o offer, n int, at time.Time) {
	f.add(fact{Measure: ofPublic, Day: workdays.DayOf(at), N: n, What: o.mode, Destination: &o.destination})
}

// stand is an event that may change a provider's standing, and with it what is public of all its products.
func (f *folding) stand(s *subject, e domain.Event, at time.Time) {
	was := s.Standing
	s.Standing = was.After(e)
	sign := 0
	switch active := s.Standing == provider.StandingActive; {
	case active == (was == provider.StandingActive):
		return
	case active:
		sign = 1
	default:
		sign = -1
	}
	all := map[offer]int{}
	for _, part := range []map[offer]int{f.offers[s.ID], f.moved[s.ID]} {
		for o, n := range part {
			all[o] += n
		}
	}
	for _, o := range inOrder(all) {
		if n := all[o]; n != 0 {
			f.show(o, sign*n, at)
		}
	}
}

func (f *folding) foldBooking(id uuid.UUID, e projections.Event) error {
	at := projections.EventTime(e)
	if asked, ok := e.Fact.(booking.Requested); ok {
		of := f.revisions[revisionOf{asked.ProductID, asked.ProductRevision}]
		b := &bookingRow{
			ID: id, ProductID: asked.ProductID, ProviderID: asked.ProviderID, Mode: of.mode, Destination: of.destination, RequestedAt: at,
		}
		f.bookings[id] = b
		f.happen(booking.Category, requested, at)
		f.add(b.fact(requested))
		f.reach(f.subjects[b.ProductID], Booked)
		return nil
	}
	b, ok := f.bookings[id]
	if !ok {
		return fmt.Errorf("%s of a booking that is not there", e.Type)
	}
	switch closing := e.Fact.(type) {
	case booking.Replied:
		if b.Replied {
			return nil
		}
		b.Replied = true
		f.happen(booking.Category, replied, at)
		first := b.fact(replied)
		first.SinceRevision, first.SinceFirst, first.Until = &b.RequestedAt, &b.RequestedAt, &at
		first.count(f.calendar)
		f.add(first)
		f.reach(f.subjects[b.ProductID], RepliedTo)
	case booking.Closed:
		if !b.Closed {
			b.Closed = true
			f.add(b.fact(projections.Storable(string(closing.Reason))))
		}
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

// fact counts what became of a booking, for the day of its request.
func (b *bookingRow) fact(what string) fact {
	return fact{
		Measure: ofBookings, Day: workdays.DayOf(b.RequestedAt), N: 1, What: what,
		Who: &b.ProviderID, Mode: &b.Mode, Destination: &b.Destination,
	}
}
