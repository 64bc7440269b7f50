package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// Item is one event as one scope sees it.
type Item struct {
	Scope Scope
	// Position is the event's in the log: items of a scope come in its order, and no item ever comes before one that was there.
	Position domain.Position
	// Previous is the position of the item before it in the scope; 0 of the first.
	Previous domain.Position
	EventID  uuid.UUID
	Type     string
	// Kind and ObjectID name the stream that the event is of, and Revision is its revision there.
	Kind     string
	ObjectID uuid.UUID
	Revision domain.Revision
	At       time.Time
	// Data is a JSON object: what the scope may know of the event.
	Data json.RawMessage
}

// Queries reads the feed.
type Queries struct{ DB projections.Querier }

// MaxItems is the most that one call gives.
const MaxItems = 1000

// perEvent is how many scopes may see one event at most.
const perEvent = 4

const (
	columnsOfItem = `SELECT audience, owner, position, previous, event_id, type, kind, object_id, revision, at, data FROM ` + tableItems
	// complete is up to where no event is missing: no further than a stream that stands still.
	complete = ` AND position <= coalesce((SELECT min(until) FROM ` + tableParked + `), 9223372036854775807)`
)

// Items are what comes after a position in a scope, oldest first; MaxItems at most, or limit if that is less.
func (q Queries) Items(ctx context.Context, s Scope, after domain.Position, limit int) ([]Item, error) {
	if after > math.MaxInt64 {
		return nil, nil
	}
	rows, _ := q.DB.Query(ctx, columnsOfItem+` WHERE audience = $1 AND owner = $2 AND position > $3`+complete+`
		ORDER BY position LIMIT $4`, string(s.Audience), s.Owner, after, bounded(limit))
	return collect(rows)
}

// After are what comes after a position in all scopes, oldest first, each event with all of its scopes; about MaxItems at most, or
// about limit if that is less.
func (q Queries) After(ctx context.Context, after domain.Position, limit int) ([]Item, error) {
	if after > math.MaxInt64 {
		return nil, nil
	}
	most := bounded(limit) + perEvent
	rows, _ := q.DB.Query(ctx, columnsOfItem+` WHERE position > $1`+complete+`
		ORDER BY position, audience, owner LIMIT $2`, after, most)
	items, err := collect(rows)
	if err != nil || len(items) < most {
		return items, err
	}
	last := items[len(items)-1].Position // may lack a scope
	for len(items) > 0 && items[len(items)-1].Position == last {
		items = items[:len(items)-1]
	}
	return items, nil
}

// At are the items of the event at a position, one for each scope that sees it; none of an event that nobody sees, or that the feed
// does not show yet.
func (q Queries) At(ctx context.Context, position domain.Position) ([]Item, error) {
	if position > math.MaxInt64 {
		return nil, nil
	}
	rows, _ := q.DB.Query(ctx, columnsOfItem+` WHERE position = $1`+complete+` ORDER BY audience, owner`, position)
	return collect(rows)
}

func bounded(limit int) int {
	if limit <= 0 {
		return MaxItems
	}
	return min(limit, MaxItems)
}

func collect(rows pgx.Rows) ([]Item, error) {
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Item, err error) {
		err = row.Scan(&i.Scope.Audience, &i.Scope.Owner, &i.Position, &i.Previous, &i.EventID, &i.Type, &i.Kind, &i.ObjectID,
			&i.Revision, &i.At, &i.Data)
		projections.UTC(&i.At)
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return items, nil
}
