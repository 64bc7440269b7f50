package figures

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

const (
	subjectColumns = `id, kind, provider_id, cohort, stages, latest, live, pending, rejections, round, since_revision, since_first, listed, deleted,
		standing, latest_mode, latest_destination, mode, destination`
	bookingColumns = `id, product_id, provider_id, mode, destination, requested_at, replied, closed`
)

func apply(size int) func(context.Context, pgx.Tx, []projections.Event) error {
	return dues.Folding(func(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error {
		f := folding{
			book: book{size: size}, calendar: c, subjects: map[uuid.UUID]*subject{}, bookings: map[uuid.UUID]*bookingRow{},
			revisions: map[revisionOf]offer{}, offers: map[uuid.UUID]map[offer]int{}, moved: map[uuid.UUID]map[offer]int{},
		}
		if err := f.load(ctx, tx, events); err != nil {
			return fmt.Errorf("load: %w", err)
		}
		for _, e := range events {
			if err := f.fold(e); err != nil {
				return fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, err)
			}
		}
		if err := f.write(ctx, tx); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return nil
	}, func(ctx context.Context, tx pgx.Tx, c dues.Correction) error { return correct(ctx, tx, size, c) })
}

func (f *folding) load(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	ids := projections.SubjectsOf(events)
	subjects := append(ids[provider.Category], ids[product.Category]...)
	var standing, asked projections.Keys
	var revisions []int
	for _, e := range events {
		switch fact := e.Fact.(type) {
		case product.Submitted:
			subjects = append(subjects, fact.ProviderID)
		case booking.Requested:
			subjects = append(subjects, fact.ProductID)
			asked, revisions = append(asked, fact.ProductID), append(revisions, int(fact.ProductRevision))
		case provider.Approved, provider.ApprovalRevoked, provider.Suspended, provider.Reinstated, provider.Closed:
			if id, err := e.Stream.ID(); err == nil {
				standing = append(standing, id)
			}
		}
	}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(sqlOpenStretch).Query(f.loaded)
	batch.Queue(`SELECT `+subjectColumns+` FROM subjects WHERE id = ANY ($1)`, subjects).Query(f.loadSubjects)
	batch.Queue(`SELECT `+subjectColumns+` FROM subjects WHERE id IN (SELECT provider_id FROM subjects WHERE id = ANY ($1))`,
		ids[product.Category]).Query(f.loadSubjects)
	if of := ids[booking.Category]; len(of) > 0 {
		batch.Queue(`SELECT `+subjectColumns+` FROM subjects WHERE id IN (SELECT product_id FROM bookings WHERE id = ANY ($1))`, of).
			Query(f.loadSubjects)
		batch.Queue(`SELECT `+bookingColumns+` FROM bookings WHERE id = ANY ($1)`, of).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[bookingRow])
			for _, b := range stored {
				b.RequestedAt = b.RequestedAt.UTC()
				f.bookings[b.ID] = b
			}
			return err
		})
	}
	if len(asked) > 0 {
		batch.Queue(`SELECT r.product_id, r.revision, r.mode, r.destination FROM unnest($1::uuid[], $2::integer[]) AS asked (product_id, revision)
			JOIN revisions r ON r.product_id = asked.product_id AND r.revision = asked.revision`, asked, revisions).Query(f.loadRevisions)
	}
	if len(standing) > 0 {
		batch.Queue(`SELECT provider_id, destination, mode, n FROM offers WHERE provider_id = ANY ($1)`, standing).Query(f.loadOffers)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

func (f *folding) loadSubjects(rows pgx.Rows) error {
	var s subject
	_, err := pgx.ForEachRow(rows, []any{
		&s.ID, &s.Kind, &s.ProviderID, &s.Cohort, &s.Stages, &s.Latest, &s.Live, &s.Pending, &s.Rejections, &s.Round, &s.SinceRevision,
		&s.SinceFirst, &s.Listed, &s.Deleted, &s.Standing, &s.LatestMode, &s.LatestDestination, &s.Mode, &s.Destination,
	}, func() error {
		if _, ok := f.subjects[s.ID]; ok {
			return nil
		}
		stored := s
		if s.SinceFirst != nil {
			stored.SinceFirst = new(s.SinceFirst.UTC())
		}
		f.subjects[s.ID] = &stored
		return nil
	})
	return err
}

func (f *folding) loadRevisions(rows pgx.Rows) error {
	var (
		of revisionOf
		as offer
	)
	_, err := pgx.ForEachRow(rows, []any{&of.product, &of.revision, &as.mode, &as.destination}, func() error {
		f.revisions[of] = as
		return nil
	})
	return err
}

func (f *folding) loadOffers(rows pgx.Rows) error {
	var (
		id uuid.UUID
		as offer
		n  int
	)
	_, err := pgx.ForEachRow(rows, []any{&id, &as.destination, &as.mode, &n}, func() error {
		if f.offers[id] == nil {
			f.offers[id] = map[offer]int{}
		}
		f.offers[id][as] = n
		return nil
	})
	return err
}

func (f *folding) write(ctx context.Context, tx pgx.Tx) error {
	if err := f.flush(ctx, tx); err != nil {
		return err
	}
	var batch pgx.Batch
	f.writeSubjects(&batch)
	f.writeBookings(&batch)
	f.writeOffers(&batch)
	return tx.SendBatch(ctx, &batch).Close()
}

// columns are the arguments of a statement that writes rows by unnest.
type columns struct {
	ids, of, third           projections.Keys
	kinds, a, b, c, d, e     []string
	cohort, i, j, k, l, m    []int
	pending, listed, deleted []bool
	since                    []time.Time
	first                    []*time.Time
}

func (f *folding) writeSubjects(batch *pgx.Batch) {
	var c columns
	for _, s := range f.subjects {
		if !s.dirty {
			continue
		}
		c.ids, c.of, c.kinds = append(c.ids, s.ID), append(c.of, s.ProviderID), append(c.kinds, s.Kind)
		c.cohort, c.i, c.j, c.k = append(c.cohort, int(s.Cohort)), append(c.i, s.Stages), append(c.j, int(s.Latest)), append(c.k, int(s.Live))
		c.l, c.m = append(c.l, s.Rejections), append(c.m, s.Round)
		c.pending, c.listed, c.deleted = append(c.pending, s.Pending), append(c.listed, s.Listed), append(c.deleted, s.Deleted)
		c.since, c.first = append(c.since, s.SinceRevision), append(c.first, s.SinceFirst)
		c.a, c.b, c.c = append(c.a, string(s.Standing)), append(c.b, s.LatestMode), append(c.c, s.LatestDestination)
		c.d, c.e = append(c.d, s.Mode), append(c.e, s.Destination)
	}
	if len(c.ids) == 0 {
		return
	}
	batch.Queue(`INSERT INTO subjects (`+subjectColumns+`)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::boolean[],
			$9::integer[], $10::integer[], $11::timestamptz[], $12::timestamptz[], $13::boolean[], $14::boolean[], $15::text[], $16::text[],
			$17::text[], $18::text[], $19::text[])
		ON CONFLICT (id) DO UPDATE SET stages = excluded.stages, latest = excluded.latest, live = excluded.live, pending = excluded.pending,
			rejections = excluded.rejections, round = excluded.round, since_revision = excluded.since_revision, since_first = excluded.since_first,
			listed = excluded.listed, deleted = excluded.deleted, standing = excluded.standing, latest_mode = excluded.latest_mode,
			latest_destination = excluded.latest_destination, mode = excluded.mode, destination = excluded.destination`,
		c.ids, c.kinds, c.of, c.cohort, c.i, c.j, c.k, c.pending, c.l, c.m, c.since, c.first, c.listed, c.deleted, c.a, c.b, c.c, c.d, c.e)
	if len(f.submitted) == 0 {
		return
	}
	var r columns
	for _, of := range f.submitted {
		as := f.revisions[of]
		r.ids, r.i, r.a, r.b = append(r.ids, of.product), append(r.i, int(of.revision)), append(r.a, as.mode), append(r.b, as.destination)
	}
	batch.Queue(`INSERT INTO revisions (product_id, revision, mode, destination)
		SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[])`, r.ids, r.i, r.a, r.b)
}

func (f *folding) writeBookings(batch *pgx.Batch) {
	var c columns
	for _, b := range f.bookings {
		c.ids, c.of, c.third = append(c.ids, b.ID), append(c.of, b.ProductID), append(c.third, b.ProviderID)
		c.a, c.b, c.since = append(c.a, b.Mode), append(c.b, b.Destination), append(c.since, b.RequestedAt)
		c.listed, c.deleted = append(c.listed, b.Replied), append(c.deleted, b.Closed)
	}
	if len(c.ids) == 0 {
		return
	}
	batch.Queue(`INSERT INTO bookings (`+bookingColumns+`)
		SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[], $8::boolean[])
		ON CONFLICT (id) DO UPDATE SET replied = excluded.replied, closed = excluded.closed`,
		c.ids, c.of, c.third, c.a, c.b, c.since, c.listed, c.deleted)
}

func (f *folding) writeOffers(batch *pgx.Batch) {
	var c columns
	for id, moved := range f.moved {
		for o, n := range moved {
			if n != 0 {
				c.ids, c.a, c.b, c.i = append(c.ids, id), append(c.a, o.destination), append(c.b, o.mode), append(c.i, n)
			}
		}
	}
	if len(c.ids) == 0 {
		return
	}
	batch.Queue(`INSERT INTO offers AS o (provider_id, destination, mode, n)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[])
		ON CONFLICT (provider_id, destination, mode) DO UPDATE SET n = o.n + excluded.n`, c.ids, c.a, c.b, c.i)
	batch.Queue(`DELETE FROM offers o USING unnest($1::uuid[], $2::text[], $3::text[]) AS moved (provider_id, destination, mode)
		WHERE o.provider_id = moved.provider_id AND o.destination = moved.destination AND o.mode = moved.mode AND o.n = 0`, c.ids, c.a, c.b)
}

// inOrder are offers as facts are written of them, by whichever way they were collected.
func inOrder(offers map[offer]int) []offer {
	return slices.SortedFunc(maps.Keys(offers), func(a, b offer) int {
		return cmp.Or(cmp.Compare(a.destination, b.destination), cmp.Compare(a.mode, b.mode))
	})
}

// perStatement bounds how many facts a correction holds in memory.
const perStatement = 5000

// correct counts anew, at the position of a correction, the time that lies in days which it changes.
func correct(ctx context.Context, tx pgx.Tx, size int, c dues.Correction) error {
	b := book{size: size}
	if err := b.load(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO versions (position, version) VALUES ($1, $2)`, c.Event.Position, c.After.Version()); err != nil {
		return err
	}
	b.begin(c.Event)
	first, last, ok := c.Span()
	if !ok {
		return nil
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`DECLARE counted NO SCROLL CURSOR FOR
		SELECT day, round, measure, kind, what, who, mode, destination, reasons, since_revision, since_first, until FROM facts
		WHERE until > '%s' AND least(since_revision, since_first) < '%s' AND position < %d ORDER BY position, seq`,
		literal(first), literal(last+1), c.Event.Position)); err != nil {
		return err
	}
	for {
		rows, _ := tx.Query(ctx, fmt.Sprintf(`FETCH %d FROM counted`, perStatement))
		counted, err := pgx.CollectRows(rows, countedFact)
		if err != nil {
			return err
		}
		for _, f := range counted {
			b.recount(f, c.Before, c.After)
		}
		if len(counted) < perStatement {
			b.end()
		}
		if err := b.flush(ctx, tx); err != nil || len(counted) < perStatement {
			_, closing := tx.Exec(ctx, `CLOSE counted`)
			return cmp.Or(err, closing)
		}
	}
}

func literal(d workdays.Day) string { return d.Start().Format(time.RFC3339) }

func countedFact(row pgx.CollectableRow) (f fact, err error) {
	err = row.Scan(&f.Day, &f.Round, &f.Measure, &f.Kind, &f.What, &f.Who, &f.Mode, &f.Destination, &f.Reasons, &f.SinceRevision, &f.SinceFirst, &f.Until)
	return f, err
}

// recount takes a fact back and counts it by another calendar, if that makes a difference.
func (b *book) recount(f fact, before, after *workdays.Calendar) {
	then, now := f, f
	then.count(before)
	now.count(after)
	if *then.A == *now.A && *then.B == *now.B && then.Late == now.Late {
		return
	}
	then.N, now.N = -1, 1
	for _, of := range []fact{then, now} {
		of.SinceRevision, of.SinceFirst, of.Until = nil, nil, nil
		b.add(of)
	}
}
