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

// begin puts a reaction that is set to work for the first time to where it begins.
func (r *reactor) begin(ctx context.Context, at checkpoint) (checkpoint, error) {
	var begun bool
	err := r.pool.QueryRow(ctx, `SELECT begun_at IS NOT NULL FROM projections.checkpoints WHERE projection = $1`, r.reaction.StoredName).Scan(&begun)
	if err != nil || begun {
		return at, err
	}
	if r.reaction.Begins == FromNow && at.position == 0 {
		for e, err := range r.log.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
			if err != nil {
				return at, err
			}
			at.position, at.event = e.Position, identityOf(e)
		}
	}
	stream, revision, id := at.event.columns()
	// On the disk: lost with a crash, it would begin later, and what an EventStoreDB got meanwhile would be passed over.
	return at, durably(ctx, r.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE projections.checkpoints SET position = $3, stream = $4, revision = $5, event_id = $6, begun_at = clock_timestamp()
			WHERE projection = $1 AND epoch = $2 AND begun_at IS NULL`, r.reaction.StoredName, at.epoch, at.position, stream, revision, id)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("%s: %w", r.reaction.Name, errFenced)
		}
		return err
	})
}

// MoveReactions has reactions go on in the log that the store holds now, when their checkpoints are of another: behind the
// same event, wherever it is, or else behind the newest event that is no news to the reaction. One that begins at the start
// and keeps no ledger begins there again: what it does is harmless twice.
func MoveReactions(ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, reactions []Reaction) error {
	log, err := ownLogOf(ctx, pool, store)
	if err != nil {
		return err
	}
	for _, r := range reactions {
		if err := r.move(ctx, pool, log); err != nil {
			return fmt.Errorf("move %s to another log: %w", r.Name, err)
		}
	}
	return nil
}

func (r Reaction) move(ctx context.Context, pool *pgxpool.Pool, log ownLog) error {
	var (
		at    checkpoint
		begun *time.Time
	)
	err := pool.QueryRow(ctx, `SELECT begun_at, position, `+identityColumns+` FROM projections.checkpoints WHERE projection = $1`, r.StoredName).
		Scan(append([]any{&begun, &at.position}, at.event.scan()...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it was never set to work
	}
	if err == nil {
		err = at.verify(ctx, log)
	}
	// One that was set to work on an empty log has no event to be found again by.
	nowhere := err == nil && at.position == 0 && r.Begins == FromNow && begun != nil
	if !nowhere && !errors.Is(err, ErrAnotherLog) {
		return err
	}
	e, found, err := lookUp(ctx, log, at.event)
	if err == nil && !found && (r.Deliver != nil || r.Begins == FromNow) {
		e, found, err = r.newestHandled(ctx, pool, log, begun)
	}
	if err != nil {
		return err
	}
	at = checkpoint{}
	if found {
		at.position, at.event = e.Position, identityOf(e)
	}
	return durably(ctx, pool, func(tx pgx.Tx) error {
		stream, revision, id := at.event.columns()
		_, err := tx.Exec(ctx, `UPDATE projections.checkpoints
			SET position = $2, stream = $3, revision = $4, event_id = $5, epoch = epoch + 1 WHERE projection = $1`,
			r.StoredName, at.position, stream, revision, id)
		if err != nil {
			return err
		}
		return movePositions(ctx, tx, log, r.StoredName)
	})
}

// lookUp finds the event of an identity, wherever it is in the log; not found when the stream has another one there, or none, or was
// deleted in the store itself.
func lookUp(ctx context.Context, store domain.EventStore, identity eventIdentity) (domain.RecordedEvent, bool, error) {
	if identity == (eventIdentity{}) {
		return domain.RecordedEvent{}, false, nil
	}
	for e, err := range store.ReadStream(ctx, identity.stream, identity.revision, domain.Forward, 1) {
		if errors.Is(err, domain.ErrStreamDeleted) {
			return e, false, nil
		}
		if err != nil {
			return e, false, err
		}
		if identityOf(e) == identity {
			return e, true, nil
		}
	}
	return domain.RecordedEvent{}, false, nil
}

// lookBack is how many events are held against the ledger at a time.
const lookBack = 500

// newestHandled goes back from the log's end to the newest event that the reaction has handled, or that happened before it
// was set to work.
func (r Reaction) newestHandled(ctx context.Context, pool *pgxpool.Pool, log ownLog, begun *time.Time) (domain.RecordedEvent, bool, error) {
	for at := domain.LogEnd; ; {
		var (
			page []domain.RecordedEvent
			ids  []uuid.UUID
		)
		for e, err := range log.ReadAll(ctx, at, domain.Backward, lookBack) {
			if err != nil {
				return e, false, err
			}
			page, ids = append(page, e), append(ids, e.ID)
			at = e.Position
		}
		handled, err := handledOf(ctx, pool, r.StoredName, ids)
		if err != nil {
			return domain.RecordedEvent{}, false, err
		}
		for _, e := range page {
			if handled[e.ID] || r.Begins == FromNow && begun != nil && happenedBefore(e, *begun) {
				return e, true, nil
			}
		}
		if len(page) < lookBack {
			return domain.RecordedEvent{}, false, nil
		}
	}
}

// happenedBefore is false for an event that does not say when: it is a dead letter wherever it is wanted.
func happenedBefore(e domain.RecordedEvent, begun time.Time) bool {
	meta, err := e.DecodeMetadata()
	return err == nil && !meta.At.After(begun)
}

func handledOf(ctx context.Context, db projections.Querier, projection string, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := db.Query(ctx, `SELECT event_id FROM projections.ledger WHERE projection = $1 AND recipient = '' AND event_id = ANY ($2)`, projection, ids)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	handled := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		handled[id] = true
	}
	return handled, err
}

// movePositions gives the dead letters and the open items of a reaction the positions that their events have in this log.
// Those whose events it lacks go: there is nothing left to try again.
func movePositions(ctx context.Context, tx pgx.Tx, log ownLog, projection string) error {
	rows, err := tx.Query(ctx, `DELETE FROM projections.dead_letters WHERE projection = $1
		RETURNING stream, revision, event_id, type, error, parked_at`, projection)
	if err != nil {
		return err
	}
	type letter struct {
		Stream   domain.StreamName
		Revision domain.Revision
		EventID  uuid.UUID
		Type     string
		Error    string
		ParkedAt time.Time
	}
	letters, err := pgx.CollectRows(rows, pgx.RowToStructByName[letter])
	if err != nil {
		return err
	}
	for _, l := range letters {
		e, found, err := lookUp(ctx, log, eventIdentity{l.Stream, l.Revision, l.EventID})
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		_, err = tx.Exec(ctx, `INSERT INTO projections.dead_letters (projection, position, stream, revision, event_id, type, error, parked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, projection, e.Position, string(l.Stream), l.Revision, l.EventID, l.Type, l.Error, l.ParkedAt)
		if err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, lockObjects, projection); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `SELECT stream, revision, event_id FROM projections.ledger
		WHERE projection = $1 AND state IN ('due', 'given_up') GROUP BY 1, 2, 3`, projection)
	if err != nil {
		return err
	}
	open, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i eventIdentity, err error) {
		err = row.Scan(&i.stream, &i.revision, &i.id)
		return i, err
	})
	if err != nil {
		return err
	}
	for _, identity := range open {
		e, found, err := lookUp(ctx, log, identity)
		if err != nil {
			return err
		}
		if found {
			_, err = tx.Exec(ctx, `UPDATE projections.ledger SET position = $3 WHERE projection = $1 AND event_id = $2`, projection, identity.id, e.Position)
		} else {
			_, err = tx.Exec(ctx, `UPDATE projections.ledger
				SET state = 'skipped', error = 'the log no longer has the event', settled_at = clock_timestamp(), head = false
				WHERE projection = $1 AND event_id = $2 AND state IN ('due', 'given_up')`, projection, identity.id)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE projections.ledger l SET head = true WHERE projection = $1 AND state = 'due' AND NOT head AND NOT EXISTS (
		SELECT FROM projections.ledger e WHERE e.projection = l.projection AND e.object = l.object AND e.state = 'due' AND e.item < l.item)`, projection)
	return err
}
