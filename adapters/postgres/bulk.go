package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
)

// Import adds events that another log recorded, in the order given, by COPY and in one transaction: all or none. It gives
// them the next positions and keeps everything else, RecordedAt included. Appends of others wait meanwhile.
//
// It returns the position of the last. ErrConflict: an event does not follow the last of its stream. It is not idempotent:
// after ErrOutcomeUnknown the same call is refused with ErrConflict if the first took effect.
func (s *EventStore) Import(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error) {
	streams, revisions, err := continued(events)
	if err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	head, committing, err := s.copyIn(ctx, events, streams, revisions)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		s.committed(head)
		return head, nil
	case errors.Is(err, domain.ErrConflict):
	case errors.As(err, &refused) && refused.Code == "23505": // unique (stream, revision)
		err = fmt.Errorf("%w: %w: %s", domain.ErrConflict, err, refused.Detail)
	case committing && (refused == nil || mayHaveCommitted(err)): // pgx calls a commit without an answer "safe to retry"
		err = fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, err)
	default:
		err = classify(ctx, err)
	}
	return 0, fmt.Errorf("import: %w", err)
}

// copyIn is Import's transaction; committing says that an error is the commit's. pgx.BeginFunc would hide that: it returns
// the error of the rollback after it.
func (s *EventStore) copyIn(
	ctx context.Context, events []domain.RecordedEvent, streams []string, revisions []int64,
) (head domain.Position, committing bool, err error) {
	// Who freezes with the appends' lock in hand is cut off.
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginHolding})
	if err != nil {
		return 0, false, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, lockSQL, int64(appendLock)); err != nil {
		return 0, false, err
	}
	if err := follows(ctx, tx, streams, revisions); err != nil {
		return 0, false, err
	}
	if err := tx.QueryRow(ctx, `select coalesce(max(position), 0) from eventstore.events`).Scan(&head); err != nil {
		return 0, false, err
	}
	rows := bulkRows{events: events, position: head}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"eventstore", "events"}, bulkColumns, &rows); err != nil {
		return 0, false, err
	}
	return rows.position, true, tx.Commit(ctx)
}

// continued checks events as far as that needs no database: each is valid and follows the one before it in its stream.
// It returns the streams that must exist already, and the last revision each must have. That the others do not exist
// is for the table's unique key to say.
func continued(events []domain.RecordedEvent) (streams []string, revisions []int64, err error) {
	next := make(map[domain.StreamName]domain.Revision)
	for _, e := range events {
		event := domain.NewEvent{ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata}
		if err := domain.CheckAppend(e.Stream, domain.NoStream(), []domain.NewEvent{event}); err != nil {
			return nil, nil, fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, err)
		}
		expected, begun := next[e.Stream]
		switch {
		case begun && e.Revision != expected:
			return nil, nil, fmt.Errorf("%w: %s@%d comes after %s@%d",
				domain.ErrConflict, e.Stream, e.Revision, e.Stream, int64(expected)-1) //nolint:gosec // for a message
		case !begun && e.Revision > 0:
			streams, revisions = append(streams, string(e.Stream)), append(revisions, clamp(e.Revision-1))
		}
		next[e.Stream] = e.Revision + 1
	}
	return streams, revisions, nil
}

// follows fails unless each stream holds that revision. Streams have no holes, so it is the last unless the next is there too.
func follows(ctx context.Context, tx pgx.Tx, streams []string, revisions []int64) error {
	if len(streams) == 0 {
		return nil
	}
	var stream string
	var revision int64
	err := tx.QueryRow(ctx, `
		select w.stream, w.revision from unnest($1::text[], $2::int8[]) w(stream, revision)
		where not exists (select from eventstore.events e where e.stream = w.stream and e.revision = w.revision)
		limit 1`, streams, revisions).Scan(&stream, &revision)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s@%d is not there for the next event to follow", domain.ErrConflict, stream, revision)
}

var bulkColumns = []string{"position", "stream", "revision", "id", "type", "data", "metadata", "recorded_at"}

// bulkRows feeds COPY; it implements pgx.CopyFromSource.
type bulkRows struct {
	events   []domain.RecordedEvent // the first is the next to go
	position domain.Position        // of the event that went last
	current  domain.RecordedEvent
}

func (r *bulkRows) Next() bool {
	if len(r.events) == 0 {
		return false
	}
	r.current, r.events = r.events[0], r.events[1:]
	r.position++
	return true
}

func (r *bulkRows) Values() ([]any, error) {
	e := &r.current
	return []any{
		int64(r.position), string(e.Stream), int64(e.Revision), //nolint:gosec // far below the bound
		e.ID, e.Type, notNull(e.Data), notNull(e.Metadata), e.RecordedAt,
	}, nil
}

func (r *bulkRows) Err() error { return nil }
