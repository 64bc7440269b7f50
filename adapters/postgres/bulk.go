package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// StreamEvents is a whole new stream.
type StreamEvents struct {
	Stream domain.StreamName
	Events []domain.NewEvent
}

// BulkAppend appends whole new streams in one transaction, in the order given, by COPY: for seeding millions of events.
// A stream that exists already fails it. Appends of others wait meanwhile.
func (s *EventStore) BulkAppend(ctx context.Context, streams []StreamEvents) error {
	var head domain.Position
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, int64(appendLock)); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `select coalesce(max(position), 0) from eventstore.events`).Scan(&head); err != nil {
			return err
		}
		rows := bulkRows{streams: streams, next: -1, position: head, at: time.Now().UTC()}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"eventstore", "events"}, bulkColumns, &rows); err != nil {
			return err
		}
		head = rows.position
		_, err := tx.Exec(ctx, `select pg_notify('waybill_events', $1::text)`, fmt.Sprint(head))
		return err
	})
	if err != nil {
		return fmt.Errorf("bulk append: %w", classify(err))
	}
	s.tail.advance(head)
	return nil
}

var bulkColumns = []string{"position", "stream", "revision", "id", "type", "data", "metadata", "recorded_at"}

// bulkRows feeds COPY; it implements pgx.CopyFromSource.
type bulkRows struct {
	streams  []StreamEvents
	next     int // within the first of streams
	position domain.Position
	at       time.Time
}

func (r *bulkRows) Next() bool {
	r.next++
	for len(r.streams) > 0 && r.next == len(r.streams[0].Events) {
		r.streams, r.next = r.streams[1:], 0
	}
	r.position++
	if len(r.streams) == 0 {
		r.position--
		return false
	}
	return true
}

func (r *bulkRows) Values() ([]any, error) {
	s := r.streams[0]
	e := s.Events[r.next]
	return []any{int64(r.position), string(s.Stream), int64(r.next), e.ID, e.Type, notNull(e.Data), notNull(e.Metadata), r.at}, nil //nolint:gosec // far below the bound
}

func (r *bulkRows) Err() error { return nil }
