package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// ErrAnotherLog says that a checkpoint is none of this log: the event store was exchanged, or put back to an older backup.
// What was built from the other log must be built anew.
var ErrAnotherLog = errors.New("it was built from another log than the event store holds now, or from more of it; " +
	"run 'waybill rebuild all'")

// eventIdentity is the event at a checkpoint: positions alone look alike in every log. The zero value is of a checkpoint at 0, or of
// one written before checkpoints knew their events.
type eventIdentity struct {
	stream   domain.StreamName
	revision domain.Revision
	id       uuid.UUID
}

func identityOf(e domain.RecordedEvent) eventIdentity {
	return eventIdentity{e.Stream, e.Revision, e.ID}
}

// columns are the identity as the checkpoint's row has it.
func (i eventIdentity) columns() (stream *string, revision *int64, id *uuid.UUID) {
	if i == (eventIdentity{}) {
		return nil, nil, nil
	}
	name, number := string(i.stream), int64(i.revision) //nolint:gosec // it was a bigint
	return &name, &number, &i.id
}

// identityColumns reads an identity in the order of scan.
const identityColumns = `coalesce(stream, ''), coalesce(revision, 0), coalesce(event_id, '00000000-0000-0000-0000-000000000000')`

func (i *eventIdentity) scan() []any { return []any{&i.stream, &i.revision, &i.id} }

// verify returns ErrAnotherLog unless the store's event of the mark is at the position.
func (c checkpoint) verify(ctx context.Context, store domain.EventStore) error {
	if c.position == 0 || c.event == (eventIdentity{}) {
		return nil
	}
	for e, err := range store.ReadStream(ctx, c.event.stream, c.event.revision, domain.Forward, 1) {
		if err != nil {
			return fmt.Errorf("look up the event of the checkpoint: %w", err)
		}
		if identityOf(e) == c.event && e.Position == c.position {
			return nil
		}
	}
	return fmt.Errorf("%w (%s@%d is not at position %d)", ErrAnotherLog, c.event.stream, c.event.revision, c.position)
}

// verifyTimeout bounds the wait for a store that is away.
const verifyTimeout = 5 * time.Second

// verifyAll looks at the checkpoints of several projections. A store that is away has no say: every projector looks again
// when it begins.
func verifyAll(ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, projections []string) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	rows, err := pool.Query(ctx, `SELECT projection, position, `+identityColumns+` FROM projections.checkpoints
		WHERE projection = ANY ($1) AND event_id IS NOT NULL`, projections)
	if err != nil {
		return err
	}
	type named struct {
		projection string
		checkpoint
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n named, err error) {
		err = row.Scan(append([]any{&n.projection, &n.position}, n.event.scan()...)...)
		return n, err
	})
	if err != nil {
		return err
	}
	for _, n := range all {
		switch err := n.verify(ctx, store); {
		case errors.Is(err, ErrAnotherLog):
			return fmt.Errorf("%s: %w", n.projection, err)
		case err != nil:
			return nil
		}
	}
	return nil
}
