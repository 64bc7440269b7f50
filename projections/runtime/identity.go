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
	"waybill/projections"
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

// finder is a store that finds the event at a position, also when its stream was deleted in the store itself.
type finder interface {
	EventAt(ctx context.Context, at domain.Position) (e domain.RecordedEvent, found bool, err error)
}

// verify returns ErrAnotherLog unless the store's event of the mark is at the position.
func (c checkpoint) verify(ctx context.Context, store domain.EventStore) error {
	if c.position == 0 || c.event == (eventIdentity{}) {
		return nil
	}
	e, found, err := c.look(ctx, store)
	if err != nil {
		return fmt.Errorf("look up the event of the checkpoint: %w", err)
	}
	if found && identityOf(e) == c.event && e.Position == c.position {
		return nil
	}
	return fmt.Errorf("%w (%s@%d is not at position %d)", ErrAnotherLog, c.event.stream, c.event.revision, c.position)
}

// look finds the event at the position, or where a store cannot do that, the event of the mark.
func (c checkpoint) look(ctx context.Context, store domain.EventStore) (e domain.RecordedEvent, found bool, err error) {
	if own, ok := store.(ownLog); ok {
		store = own.EventStore
	}
	if f, ok := store.(finder); ok {
		return f.EventAt(ctx, c.position)
	}
	return lookUp(ctx, store, c.event)
}

// verifyTimeout bounds the wait for a store that is away.
const verifyTimeout = 5 * time.Second

// verifyAll looks at the checkpoints of several projections. A store that is away has no say: every projector looks again
// when it begins.
func verifyAll(ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, all []string) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	at, err := checkpointsOf(ctx, pool, all)
	if err != nil {
		return err
	}
	strange, err := strangers(ctx, store, at)
	if err != nil {
		return nil //nolint:nilerr // the projectors look again
	}
	for _, projection := range all {
		if err := strange[projection]; err != nil {
			return fmt.Errorf("%s: %w", projection, err)
		}
	}
	return nil
}

// checkpointsOf reads where projections are.
func checkpointsOf(ctx context.Context, db projections.Querier, of []string) (map[string]checkpoint, error) {
	rows, err := db.Query(ctx, `SELECT projection, position, `+identityColumns+` FROM projections.checkpoints WHERE projection = ANY ($1)`, of)
	if err != nil {
		return nil, err
	}
	all := map[string]checkpoint{}
	var (
		projection string
		at         checkpoint
	)
	_, err = pgx.ForEachRow(rows, append([]any{&projection, &at.position}, at.event.scan()...), func() error {
		all[projection] = at
		return nil
	})
	return all, err
}

// strangers says of those checkpoints that are none of the store's log why, as ErrAnotherLog. Most stand on the same event, which is
// looked up once.
func strangers(ctx context.Context, store domain.EventStore, all map[string]checkpoint) (map[string]error, error) {
	strange, looked := map[string]error{}, map[checkpoint]error{}
	for projection, at := range all {
		found, ok := looked[at]
		if !ok {
			found = at.verify(ctx, store)
			looked[at] = found
		}
		switch {
		case errors.Is(found, ErrAnotherLog):
			strange[projection] = found
		case found != nil:
			return nil, found
		}
	}
	return strange, nil
}
