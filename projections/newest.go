package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Newest is a list of rows in the order of a time, the newest first, and of their ids within a moment.
type Newest[T any] struct {
	List List
	// Name is for errors.
	Name string
	// Table and Columns are what rows are read from, by the names of T's fields; At and ID are the columns of the order.
	Table, Columns, At, ID string
	// Place is where a row stands.
	Place func(T) (at time.Time, id uuid.UUID)
}

// Page is the stretch behind the cursor after of what the conditions leave; ErrBadCursor for one of another list.
func (l Newest[T]) Page(ctx context.Context, db Querier, w Where, after string, limit int, counted bool) (Page[T], error) {
	var none Page[T]
	total, err := Total(ctx, db, counted, `SELECT FROM `+l.Table+w.SQL(), w.Args...)
	if err != nil {
		return none, err
	}
	if after != "" {
		c, err := DecodeCursor(after, l.List)
		if err != nil {
			return none, err
		}
		w.And("("+l.At+", "+l.ID+") < (?, ?)", c.Time(), c.ID)
	}
	size := PageSize(limit)
	rows, _ := db.Query(ctx, `SELECT `+l.Columns+` FROM `+l.Table+w.SQL()+
		` ORDER BY `+l.At+` DESC, `+l.ID+` DESC`+LimitClause(size), w.Args...)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	if err != nil {
		return none, fmt.Errorf("%s: %w", l.Name, err)
	}
	page := Cut(found, size, func(row T) string {
		at, id := l.Place(row)
		return CursorAt(false, at, id).Encode(l.List)
	})
	page.Total = total
	return page, nil
}
