package reporting

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
)

// batch is what the events of one Apply touch.
type batch struct {
	cases     map[uuid.UUID]*caseRow
	products  map[uuid.UUID][]*caseRow // by provider
	inquiries map[uuid.UUID]*inquiry
	stretches map[stretchKey]*stretch // that begin in it
	endings   map[stretchKey]time.Time
	changed   []*revisionRow // to be written
	rulings   []ruling
	overturns []overturn
	reasons   []reasonOf
	places    map[uuid.UUID]destination
	staff     map[uuid.UUID]*acted
	counts    map[countKey]int64

	last     *time.Time // of the last event
	calendar workdays.Version
	known    map[int]bool // the years in calendar_days
	years    map[int]bool // those that it lacks
}

type stretchKey struct {
	product uuid.UUID
	number  int
}

// stretch is a time on the public list; to is nil while it goes on.
type stretch struct {
	content domain.ContentRevision
	pinned  bool
	from    time.Time
	to      *time.Time
}

type inquiry struct {
	ID, ProductID   uuid.UUID
	ContentRevision domain.ContentRevision
	ProviderID      uuid.UUID
	EnterpriseID    uuid.UUID
	RequestedAt     time.Time
	RepliedAt       *time.Time
	ClosedAt        *time.Time
	CloseReason     booking.CloseReason
}

type ruling struct {
	id, subject           uuid.UUID
	content               domain.ContentRevision
	outcome               string
	reviewer              uuid.UUID
	at                    time.Time
	waitingFrom, openedAt time.Time
	firstApprover         *uuid.UUID
	firstApprovedAt       *time.Time
}

type overturn struct {
	id, subject uuid.UUID
	content     domain.ContentRevision
	by          uuid.UUID
	at          time.Time
}

type reasonOf struct {
	event uuid.UUID
	code  string
}

type destination struct {
	gazetteer     int64
	country, city string
}

// acted is when a reviewer decided first and last.
type acted struct{ first, last time.Time }

type countKey struct {
	day  workdays.Day
	what string
}

func newBatch() *batch {
	return &batch{
		cases: map[uuid.UUID]*caseRow{}, products: map[uuid.UUID][]*caseRow{}, inquiries: map[uuid.UUID]*inquiry{},
		stretches: map[stretchKey]*stretch{}, endings: map[stretchKey]time.Time{}, places: map[uuid.UUID]destination{},
		staff: map[uuid.UUID]*acted{}, counts: map[countKey]int64{}, known: map[int]bool{}, years: map[int]bool{},
	}
}

// add takes a case in that no row has yet, or one that was loaded.
func (b *batch) add(c *caseRow) {
	if _, ok := b.cases[c.ID]; ok {
		return
	}
	c.revisions = map[domain.ContentRevision]*revisionRow{}
	b.cases[c.ID] = c
	if c.Kind == product.Category {
		b.products[c.ProviderID] = append(b.products[c.ProviderID], c)
	}
}

// year notes that the days of an event's year and the next are needed.
func (b *batch) year(at time.Time) {
	for year := workdays.DayOf(at).Year(); year <= workdays.DayOf(at).Year()+1; year++ {
		if !b.known[year] {
			b.years[year] = true
		}
	}
}

func (b *batch) count(at time.Time, what string, n int64) {
	b.counts[countKey{workdays.DayOf(at), what}] += n
}

func (b *batch) give(event uuid.UUID, reasons []domain.Reason) {
	seen := map[string]bool{}
	for _, r := range reasons {
		if !seen[r.Code] {
			seen[r.Code] = true
			b.reasons = append(b.reasons, reasonOf{event, r.Code})
		}
	}
}

func (b *batch) act(who uuid.UUID, at time.Time) {
	if a, ok := b.staff[who]; ok {
		a.first, a.last = earlier(a.first, at), later(a.last, at)
		return
	}
	b.staff[who] = &acted{at, at}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (b *batch) endStretch(k stretchKey, at time.Time) {
	if s, ok := b.stretches[k]; ok {
		s.to = &at
		return
	}
	b.endings[k] = at
}

// locate gives an approved revision its place. A city is named only where the gazetteer has it: anything else is what somebody typed.
func (b *batch) locate(r *revisionRow) {
	if r.Country == "" {
		return
	}
	d := destination{gazetteer: r.Gazetteer, country: r.Country}
	if d.gazetteer != 0 {
		d.city = r.City
	}
	key := projections.FoldText(d.country) + "\x00" + projections.FoldText(d.city) + "\x00" + strconv.FormatInt(d.gazetteer, 10)
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(key))
	if _, ok := b.places[id]; !ok {
		b.places[id] = d
	}
	r.Place, r.changed = &id, true
}

const (
	caseColumns = `id, kind, provider_id, standing, provider_type, latest_name, live_name, listed, pinned, deleted_at, stretches, shown,
		shown_pinned, latest, live, rejections, opened_at, first_submitted_at, first_decided_at, first_outcome,
		first_approved_at, first_listed_at`
	revisionColumns = `subject_id, content_revision, round, submitted_at, opened_at, waiting_from, outcome, ended_at, first_approver,
		first_approved_at, revocations, mode, place, gazetteer, country, city`
	inquiryColumns = `id, product_id, content_revision, provider_id, enterprise_id, requested_at, replied_at, closed_at, close_reason`
)

func (b *batch) load(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	ids := projections.SubjectsOf(events)
	both := append(ids[provider.Category], ids[product.Category]...)
	owners, moving := touchedProviders(events)
	cases := func(rows pgx.Rows) error {
		stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByNameLax[caseRow])
		for _, c := range stored {
			b.add(c)
		}
		return err
	}
	var load pgx.Batch
	load.Queue(projections.ByIndex)
	load.Queue(`SELECT calendar FROM progress`).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[workdays.Version])
		if len(found) > 0 {
			b.calendar = found[0]
		}
		return err
	})
	load.Queue(`SELECT year FROM calendar_years`).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[int])
		for _, year := range found {
			b.known[year] = true
		}
		return err
	})
	if len(both) > 0 {
		load.Queue(`SELECT `+caseColumns+` FROM cases WHERE id = ANY ($1)`, append(both, owners...)).Query(cases)
		load.Queue(`SELECT `+caseColumns+` FROM cases WHERE id = ANY (SELECT provider_id FROM cases WHERE id = ANY ($1))`, ids[product.Category]).
			Query(cases)
	}
	if len(moving) > 0 {
		load.Queue(`SELECT `+caseColumns+` FROM cases WHERE provider_id = ANY ($1) AND listed AND live > 0`, moving).Query(cases)
	}
	if len(both) > 0 {
		load.Queue(`SELECT `+revisionColumns+` FROM revisions r WHERE subject_id = ANY ($1) AND EXISTS (SELECT FROM cases c
			WHERE c.id = r.subject_id AND r.content_revision IN (c.latest, c.live))`, both).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByNameLax[revisionRow])
			for _, r := range stored {
				b.cases[r.SubjectID].revisions[r.ContentRevision] = r
			}
			return err
		})
	}
	if of := ids[booking.Category]; len(of) > 0 {
		load.Queue(`SELECT `+inquiryColumns+` FROM inquiries WHERE id = ANY ($1)`, of).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[inquiry])
			for _, i := range stored {
				b.inquiries[i.ID] = i
			}
			return err
		})
	}
	return tx.SendBatch(ctx, &load).Close()
}

// touchedProviders are the providers of new products, and those whose standing may change.
func touchedProviders(events []projections.Event) (owners, moving projections.Keys) {
	for _, e := range events {
		switch fact := e.Fact.(type) {
		case product.Submitted:
			owners = append(owners, fact.ProviderID)
		case provider.Approved, provider.ApprovalRevoked, provider.Suspended, provider.Reinstated, provider.Closed:
			if id, err := e.Stream.ID(); err == nil {
				moving = append(moving, id)
			}
		}
	}
	return owners, moving
}
