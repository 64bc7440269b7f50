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
	"waybill/domain/operation"
	"waybill/projections"
)

// Owed is an item of the ledger as its recipient may see it.
type Owed struct {
	EventID  uuid.UUID
	Stream   domain.StreamName
	Revision domain.Revision
	Position domain.Position
	Type     string
	// State is due, done, given_up or skipped.
	State string
	Tries int
	// Error is what the last attempt came to; empty when there was none, or it succeeded.
	Error string
	// NextTry is when it is tried next, at the earliest: an earlier item of its object, or a pause of the recipient, may hold it longer.
	// nil unless it is due.
	NextTry *time.Time
	// SettledAt is when it was delivered, given up or skipped.
	SettledAt *time.Time
}

// Deliveries is what a reaction owes to its recipients, and what became of that.
type Deliveries struct {
	pool       *pgxpool.Pool
	store      domain.EventStore
	name       string
	projection string
}

// NewDeliveries is for one reaction.
func NewDeliveries(pool *pgxpool.Pool, store domain.EventStore, name, storedName string) *Deliveries {
	return &Deliveries{pool: pool, store: store, name: name, projection: storedName}
}

const owedColumns = `event_id, stream, revision, position, type, state, tries, error, due_at, settled_at, item`

func scanOwed(row pgx.CollectableRow) (listedItem, error) {
	var (
		l   listedItem
		due time.Time
	)
	err := row.Scan(&l.EventID, &l.Stream, &l.Revision, &l.Position, &l.Type, &l.State, &l.Tries, &l.Error, &due, &l.SettledAt, &l.item)
	if l.State == itemDue {
		l.NextTry = &due
	}
	if l.State == itemDone {
		l.Error = ""
	}
	projections.UTC(&due, l.SettledAt)
	return l, err
}

type listedItem struct {
	Owed
	item int64
}

// OwedFilter narrows the list; an empty state is any.
type OwedFilter struct {
	State string
	After string
	Limit int
	// Total asks for Page.Total.
	Total bool
}

// List gives what a recipient got and is to get, the newest first.
func (d *Deliveries) List(ctx context.Context, recipient string, f OwedFilter) (projections.Page[Owed], error) {
	var none projections.Page[Owed]
	w, order := projections.Where{}, "item DESC"
	w.And("recipient <> '' AND projection = ?", d.projection)
	w.And("recipient = ?", recipient)
	key, marks, of := "item", "?", []any(nil)
	if f.State != "" {
		// Named in the order, so that the planner does not walk along what the recipient got in other states.
		w.And("state >= ? AND state <= ?", f.State, f.State)
		key, marks, of, order = "state, item", "?, ?", []any{f.State}, "state DESC, item DESC"
	}
	total, err := projections.Total(ctx, d.pool, f.Total, `SELECT FROM projections.ledger`+w.SQL(), w.Args...)
	if err != nil {
		return none, err
	}
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, projections.ListDeliveries)
		if err != nil {
			return none, err
		}
		w.And("("+key+") < ("+marks+")", append(of, c.At)...)
	}
	size := projections.PageSize(f.Limit)
	rows, _ := d.pool.Query(ctx, `SELECT `+owedColumns+` FROM projections.ledger`+w.SQL()+` ORDER BY `+order+projections.LimitClause(size),
		projections.Planned(w.Args)...)
	all, err := pgx.CollectRows(rows, scanOwed)
	if err != nil {
		return none, fmt.Errorf("deliveries: %w", err)
	}
	page := projections.Cut(all, size, func(l listedItem) string {
		return projections.Cursor{At: l.item}.Encode(projections.ListDeliveries)
	})
	cut := projections.Page[Owed]{Next: page.Next, Total: total}
	for _, l := range page.Rows {
		cut.Rows = append(cut.Rows, l.Owed)
	}
	return cut, nil
}

// Resend has an item tried again from now on, whatever became of it, and records who asked for that. A request that was carried out
// before does it again only while the item is not delivered. domain.ErrNotFound when the recipient was never owed the event.
func (d *Deliveries) Resend(ctx context.Context, request uuid.UUID, recipient string, event uuid.UUID, actor domain.Actor) (Owed, error) {
	tx, err := d.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginFollowing + durable})
	if err != nil {
		return Owed{}, err
	}
	defer rollback(ctx, tx)
	item, err := d.item(ctx, tx, recipient, event)
	if err != nil {
		return Owed{}, err
	}
	letters := DeadLetters{store: d.store}
	correlation, err := uuid.Parse(recipient)
	if err != nil {
		correlation = request
	}
	fact := operation.DeadLettersRetried{ReadModel: d.name, Stream: item.Stream, Position: item.Position, Letters: 1}
	repeated, err := letters.recordOnce(ctx, request, event, correlation, fact, actor)
	if err != nil {
		return Owed{}, err
	}
	if repeated && item.State == itemDone {
		return item, nil
	}
	if _, err := makeDue(ctx, tx, d.projection, event, recipient); err != nil {
		return Owed{}, err
	}
	if item, err = d.item(ctx, tx, recipient, event); err != nil {
		return Owed{}, err
	}
	return item, tx.Commit(ctx)
}

func (d *Deliveries) item(ctx context.Context, tx pgx.Tx, recipient string, event uuid.UUID) (Owed, error) {
	rows, _ := tx.Query(ctx, `SELECT `+owedColumns+` FROM projections.ledger
		WHERE projection = $1 AND event_id = $2 AND recipient = $3 AND recipient <> ''`, d.projection, event, recipient)
	found, err := pgx.CollectExactlyOneRow(rows, scanOwed)
	if errors.Is(err, pgx.ErrNoRows) {
		return Owed{}, domain.ErrNotFound
	}
	return found.Owed, err
}

// mostCounted bounds what Waiting counts.
const mostCounted = 10_000

// Waiting counts, up to 10,000 each, the objects of which something waits to be delivered, those of them whose last attempt failed, and
// what was given up.
func (d *Deliveries) Waiting(ctx context.Context) (objects, failing, givenUp int, err error) {
	err = d.pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE tries > 0), (SELECT count(*) FROM (
			SELECT FROM projections.ledger WHERE projection = $1 AND state = 'given_up' LIMIT $2) g)
		FROM (SELECT tries FROM projections.ledger WHERE projection = $1 AND head LIMIT $2) h`, d.projection, mostCounted).
		Scan(&objects, &failing, &givenUp)
	return objects, failing, givenUp, err
}
