package projections

import (
	"context"
	"fmt"
)

// MaxCount is how far lists are counted: enough for people, and no walk through a million rows.
const MaxCount = 10_000

// Count is how many rows a list has.
type Count struct {
	// N is exact, up to MaxCount.
	N int
	// AtLeast says that there are more than N.
	AtLeast bool
}

// CountRows counts what a statement selects; it should select no columns and need no order.
func CountRows(ctx context.Context, db Querier, sql string, args ...any) (Count, error) {
	var c Count
	if err := db.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (%s LIMIT %d) counted`, sql, MaxCount+1), Planned(args)...).Scan(&c.N); err != nil {
		return c, fmt.Errorf("count: %w", err)
	}
	return counted(c.N), nil
}

// counted is the count of so many rows, of which those beyond the limit need not be there.
func counted(rows int) Count {
	if rows > MaxCount {
		return Count{N: MaxCount, AtLeast: true}
	}
	return Count{N: rows}
}

// Total is CountRows for a list whose filter may ask for its total: nil when it does not.
func Total(ctx context.Context, db Querier, asked bool, sql string, args ...any) (*Count, error) {
	if !asked {
		return nil, nil //nolint:nilnil // no total is what was asked for
	}
	c, err := CountRows(ctx, db, sql, args...)
	return &c, err
}
