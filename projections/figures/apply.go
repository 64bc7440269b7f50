package figures

import (
	"context"
	"fmt"

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
	subjectColumns = `id, kind, provider_id, cohort, stages, latest, live, pending, rejections, round, since_revision, since_first,
		listed, deleted, standing, latest_mode, latest_destination, mode, destination`
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
				return e.Wrong(err)
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
