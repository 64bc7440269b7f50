package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// Item is something that a reaction owes to the outside for one event. The ledger holds one for each event and recipient,
// whatever happens to the log or to the read models: what was delivered once is not delivered again.
type Item struct {
	// Recipient is who, or what, is to get it: an id, never an address or anything else about a person. It is not empty.
	Recipient string
	// Object orders: an item waits for the earlier ones of the same object, and for no others. The event's stream when empty.
	// Both are at most 256 bytes of text.
	Object string
}

const maxItemName = 256

// check returns an error for an item that the ledger cannot hold.
func (i Item) check() error {
	if i.Recipient == "" {
		return errors.New("the reaction owes something to nobody")
	}
	for _, name := range []string{i.Recipient, i.Object} {
		if len(name) > maxItemName || projections.Storable(name) != name {
			return fmt.Errorf("recipient or object %.50q is no text of at most %d bytes", name, maxItemName)
		}
	}
	return nil
}

// The states of an item: it waits for its (next) attempt, it was delivered, its attempts are used up, an operator gave it up.
const (
	itemDue     = "due"
	itemDone    = "done"
	itemGivenUp = "given_up"
	itemSkipped = "skipped"
)

// Delivery is an item with its event.
type Delivery struct {
	Item
	Event projections.Event
	// Try counts the attempts from 1.
	Try int
}

// Of each object one item is its head: the first that is due. Only heads are delivered. Whoever changes which one that is holds the lock
// of the object, which it shares with some others since locks are few, and queues the new head after the change.
const (
	lockObject  = `SELECT pg_advisory_xact_lock(hashtext('ledger ' || $1), hashtext($2) & 127)`
	lockObjects = `SELECT pg_advisory_xact_lock(hashtext('ledger ' || $1), n) FROM generate_series(0, 127) n`
	nextOfQueue = `UPDATE projections.ledger SET head = true WHERE projection = $1 AND object = $2 AND state = 'due' AND NOT head AND item = (
		SELECT item FROM projections.ledger WHERE projection = $1 AND object = $2 AND state = 'due' ORDER BY item LIMIT 1)`
)

// queueOwed writes the items of an event that was handled into the ledger, and that it was: under a recipient without a name.
func queueOwed(batch *pgx.Batch, projection string, e domain.RecordedEvent, items []Item) {
	const insert = `INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, settled_at, head)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $9 = 'done' THEN clock_timestamp() END, $9 = 'due' AND NOT EXISTS (
			SELECT FROM projections.ledger e WHERE e.projection = $1 AND e.object = $4 AND e.state = 'due')) ON CONFLICT DO NOTHING`
	locked := map[string]bool{}
	queue := func(item Item, state string) {
		if item.Object == "" {
			item.Object = string(e.Stream)
		}
		if state == itemDue && !locked[item.Object] {
			locked[item.Object] = true
			batch.Queue(lockObject, projection, item.Object)
		}
		batch.Queue(insert, projection, e.ID, item.Recipient, item.Object, string(e.Stream), e.Revision, e.Position, e.Type, state)
	}
	queue(Item{}, itemDone)
	for _, item := range items {
		queue(item, itemDue)
	}
}

// isNews reports whether an event has not been handled yet, as far as the ledger knows: after a change of log it is handed
// over again.
func (r *reactor) isNews(ctx context.Context, e domain.RecordedEvent) (bool, error) {
	if r.reaction.Deliver == nil {
		return true, nil
	}
	var known bool
	err := r.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM projections.ledger WHERE projection = $1 AND event_id = $2 AND recipient = '')`,
		r.reaction.StoredName, e.ID).Scan(&known)
	return !known, err
}

// dueItem is an item of the ledger that is to be delivered now.
type dueItem struct {
	Item
	eventID  uuid.UUID
	stream   domain.StreamName
	revision domain.Revision
	tries    int // over
}

// dueHeads finds the recipients one by one, and of each the head whose time came first.
const dueHeads = `WITH RECURSIVE waiting AS (
		(SELECT recipient FROM projections.ledger WHERE projection = $1 AND head AND recipient > $2 ORDER BY recipient LIMIT 1)
		UNION ALL
		SELECT (SELECT l.recipient FROM projections.ledger l WHERE l.projection = $1 AND l.head AND l.recipient > w.recipient
			ORDER BY l.recipient LIMIT 1) FROM waiting w WHERE w.recipient IS NOT NULL
	)
	SELECT i.event_id, i.recipient, i.object, i.stream, i.revision, i.tries FROM waiting w CROSS JOIN LATERAL (
		SELECT * FROM projections.ledger l
		WHERE l.projection = $1 AND l.head AND l.recipient = w.recipient AND l.due_at <= now() AND l.object <> ALL ($3)
		ORDER BY l.due_at, l.item LIMIT 1) i
	WHERE w.recipient <> ALL ($4) LIMIT $5`

// dueItems lists heads whose time has come, the oldest of each recipient, in the recipients' order from the one after a name. Those of
// busy objects and of the recipients that are passed over are left out. Its work grows with the recipients that something is owed to,
// and not with what is owed.
func (r *reactor) dueItems(ctx context.Context, after string, busy, passed []string, most int) ([]dueItem, error) {
	rows, err := r.pool.Query(ctx, dueHeads, r.reaction.StoredName, after, busy, passed, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d dueItem, err error) {
		err = row.Scan(&d.eventID, &d.Recipient, &d.Object, &d.stream, &d.revision, &d.tries)
		return d, err
	})
}

// settle writes what became of an attempt, on the disk: lost, it is made again. Due items only, so that nobody's later word
// is overwritten.
func (r *reactor) settle(ctx context.Context, d dueItem, state, text string, pause time.Duration) error {
	err := durably(ctx, r.pool, func(tx pgx.Tx) error {
		var batch pgx.Batch
		batch.Queue(lockObject, r.reaction.StoredName, d.Object)
		batch.Queue(`UPDATE projections.ledger SET state = $4, tries = $5, error = $6, head = head AND $4 = 'due',
				due_at = clock_timestamp() + $7::interval, settled_at = CASE WHEN $4 <> 'due' THEN clock_timestamp() END
			WHERE projection = $1 AND event_id = $2 AND recipient = $3 AND state = 'due'`,
			r.reaction.StoredName, d.eventID, d.Recipient, state, d.tries, text, pause)
		if state != itemDue {
			batch.Queue(nextOfQueue, r.reaction.StoredName, d.Object)
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("settle an item of %s: %w", r.reaction.Name, err)
	}
	return nil
}

// makeDue has an item's attempts begin now, whatever became of it, before later items of its object. It returns false when there is
// none.
func makeDue(ctx context.Context, tx pgx.Tx, projection string, event uuid.UUID, recipient string) (found bool, err error) {
	var object string
	err = tx.QueryRow(ctx, `SELECT object FROM projections.ledger WHERE projection = $1 AND event_id = $2 AND recipient = $3 AND recipient <> ''`,
		projection, event, recipient).Scan(&object)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var batch pgx.Batch
	batch.Queue(lockObject, projection, object)
	batch.Queue(`UPDATE projections.ledger SET head = false WHERE projection = $1 AND object = $2 AND head`, projection, object)
	batch.Queue(`UPDATE projections.ledger SET state = 'due', tries = 0, due_at = clock_timestamp(), settled_at = NULL
		WHERE projection = $1 AND event_id = $2 AND recipient = $3`, projection, event, recipient)
	batch.Queue(nextOfQueue, projection, object)
	return true, tx.SendBatch(ctx, &batch).Close()
}

// forgotten bounds one transaction of forget.
const forgotten = 1000

// forget deletes what was settled longer ago than the reaction keeps it.
func (r *reactor) forget(ctx context.Context) error {
	for {
		tag, err := r.pool.Exec(ctx, `DELETE FROM projections.ledger WHERE (projection, event_id, recipient) IN (
			SELECT projection, event_id, recipient FROM projections.ledger
			WHERE projection = $1 AND state IN ('done', 'skipped') AND settled_at < now() - $2::interval
			ORDER BY settled_at LIMIT $3) AND state IN ('done', 'skipped')`, // not what is due again since it was found
			r.reaction.StoredName, r.reaction.Keeps, forgotten)
		if err != nil || tag.RowsAffected() < forgotten {
			return err
		}
	}
}
