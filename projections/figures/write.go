package figures

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/projections"
)

func (f *folding) write(ctx context.Context, tx pgx.Tx) error {
	if err := f.flush(ctx, tx); err != nil {
		return err
	}
	var batch pgx.Batch
	f.writeSubjects(&batch)
	f.writeRevisions(&batch)
	f.writeBookings(&batch)
	f.writeOffers(&batch)
	return tx.SendBatch(ctx, &batch).Close()
}

// column is one of what is written of some rows: rows are written by the column, all in one statement.
func column[R, T any](rows []R, value func(R) T) []T {
	values := make([]T, len(rows))
	for i, row := range rows {
		values[i] = value(row)
	}
	return values
}

// keys is a column of ids.
func keys[R any](rows []R, id func(R) uuid.UUID) projections.Keys {
	return column(rows, func(r R) [16]byte { return id(r) })
}

func (f *folding) writeSubjects(batch *pgx.Batch) {
	var rows []*subject
	for _, s := range f.subjects {
		if s.dirty {
			rows = append(rows, s)
		}
	}
	if len(rows) == 0 {
		return
	}
	batch.Queue(`INSERT INTO subjects (`+subjectColumns+`)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::boolean[],
			$9::integer[], $10::integer[], $11::timestamptz[], $12::timestamptz[], $13::boolean[], $14::boolean[], $15::text[], $16::text[],
			$17::text[], $18::text[], $19::text[])
		ON CONFLICT (id) DO UPDATE SET stages = excluded.stages, latest = excluded.latest, live = excluded.live, pending = excluded.pending,
			rejections = excluded.rejections, round = excluded.round, since_revision = excluded.since_revision,
			since_first = excluded.since_first, listed = excluded.listed, deleted = excluded.deleted, standing = excluded.standing,
			latest_mode = excluded.latest_mode,
			latest_destination = excluded.latest_destination, mode = excluded.mode, destination = excluded.destination`,
		keys(rows, func(s *subject) uuid.UUID { return s.ID }),
		column(rows, func(s *subject) string { return s.Kind }),
		keys(rows, func(s *subject) uuid.UUID { return s.ProviderID }),
		column(rows, func(s *subject) int { return int(s.Cohort) }),
		column(rows, func(s *subject) int { return s.Stages }),
		column(rows, func(s *subject) int { return int(s.Latest) }),
		column(rows, func(s *subject) int { return int(s.Live) }),
		column(rows, func(s *subject) bool { return s.Pending }),
		column(rows, func(s *subject) int { return s.Rejections }),
		column(rows, func(s *subject) int { return s.Round }),
		column(rows, func(s *subject) time.Time { return s.SinceRevision }),
		column(rows, func(s *subject) *time.Time { return s.SinceFirst }),
		column(rows, func(s *subject) bool { return s.Listed }),
		column(rows, func(s *subject) bool { return s.Deleted }),
		column(rows, func(s *subject) string { return string(s.Standing) }),
		column(rows, func(s *subject) string { return s.LatestMode }),
		column(rows, func(s *subject) string { return s.LatestDestination }),
		column(rows, func(s *subject) string { return s.Mode }),
		column(rows, func(s *subject) string { return s.Destination }))
}

func (f *folding) writeRevisions(batch *pgx.Batch) {
	if len(f.submitted) == 0 {
		return
	}
	batch.Queue(`INSERT INTO revisions (product_id, revision, mode, destination)
		SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[])`,
		keys(f.submitted, func(of revisionOf) uuid.UUID { return of.product }),
		column(f.submitted, func(of revisionOf) int { return int(of.revision) }),
		column(f.submitted, func(of revisionOf) string { return f.revisions[of].mode }),
		column(f.submitted, func(of revisionOf) string { return f.revisions[of].destination }))
}

func (f *folding) writeBookings(batch *pgx.Batch) {
	rows := slices.Collect(maps.Values(f.bookings))
	if len(rows) == 0 {
		return
	}
	batch.Queue(`INSERT INTO bookings (`+bookingColumns+`)
		SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[], $8::boolean[])
		ON CONFLICT (id) DO UPDATE SET replied = excluded.replied, closed = excluded.closed`,
		keys(rows, func(b *bookingRow) uuid.UUID { return b.ID }),
		keys(rows, func(b *bookingRow) uuid.UUID { return b.ProductID }),
		keys(rows, func(b *bookingRow) uuid.UUID { return b.ProviderID }),
		column(rows, func(b *bookingRow) string { return b.Mode }),
		column(rows, func(b *bookingRow) string { return b.Destination }),
		column(rows, func(b *bookingRow) time.Time { return b.RequestedAt }),
		column(rows, func(b *bookingRow) bool { return b.Replied }),
		column(rows, func(b *bookingRow) bool { return b.Closed }))
}

// movedOffer is how many more products of a provider are under an offer.
type movedOffer struct {
	provider uuid.UUID
	offer
	n int
}

func (f *folding) writeOffers(batch *pgx.Batch) {
	var rows []movedOffer
	for id, moved := range f.moved {
		for o, n := range moved {
			if n != 0 {
				rows = append(rows, movedOffer{id, o, n})
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	ids := keys(rows, func(m movedOffer) uuid.UUID { return m.provider })
	destinations := column(rows, func(m movedOffer) string { return m.destination })
	modes := column(rows, func(m movedOffer) string { return m.mode })
	batch.Queue(`INSERT INTO offers AS o (provider_id, destination, mode, n)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[])
		ON CONFLICT (provider_id, destination, mode) DO UPDATE SET n = o.n + excluded.n`,
		ids, destinations, modes, column(rows, func(m movedOffer) int { return m.n }))
	batch.Queue(`DELETE FROM offers o USING unnest($1::uuid[], $2::text[], $3::text[]) AS moved (provider_id, destination, mode)
		WHERE o.provider_id = moved.provider_id AND o.destination = moved.destination AND o.mode = moved.mode AND o.n = 0`,
		ids, destinations, modes)
}

// inOrder are offers as facts are written of them, by whichever way they were collected.
func inOrder(offers map[offer]int) []offer {
	return slices.SortedFunc(maps.Keys(offers), func(a, b offer) int {
		return cmp.Or(cmp.Compare(a.destination, b.destination), cmp.Compare(a.mode, b.mode))
	})
}
