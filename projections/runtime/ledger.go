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

// queueOwed writes the items of an event that was handled into the ledger, and that it was: under a recipient without a name.
func queueOwed(batch *pgx.Batch, projection string, e domain.RecordedEvent, items []Item) {
	const insert = `INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, settled_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $9 = 'done' THEN clock_timestamp() END) ON CONFLICT DO NOTHING`
	queue := func(item Item, state string) {
		if item.Object == "" {
			item.Object = string(e.Stream)
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

// dueItems lists items whose time has come and before which no other of their object is due, oldest first; those of busy
// objects are left out.
func (r *reactor) dueItems(ctx context.Context, busy []string, most int) ([]dueItem, error) {
	rows, err := r.pool.Query(ctx, `SELECT l.event_id, l.recipient, l.object, l.stream, l.revision, l.tries FROM projections.ledger l
		WHERE l.projection = $1 AND l.state = 'due' AND l.due_at <= clock_timestamp() AND l.object <> ALL ($2)
			AND NOT EXISTS (SELECT FROM projections.ledger e
				WHERE e.projection = l.projection AND e.object = l.object AND e.state = 'due' AND e.item < l.item)
		ORDER BY l.item LIMIT $3`, r.reaction.StoredName, busy, most)
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
		_, err := tx.Exec(ctx, `UPDATE projections.ledger SET state = $4, tries = $5, error = $6,
				due_at = clock_timestamp() + $7::interval, settled_at = CASE WHEN $4 <> 'due' THEN clock_timestamp() END
			WHERE projection = $1 AND event_id = $2 AND recipient = $3 AND state = 'due'`,
			r.reaction.StoredName, d.eventID, d.Recipient, state, d.tries, text, pause)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle an item of %s: %w", r.reaction.Name, err)
	}
	return nil
}
