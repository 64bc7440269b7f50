package figures

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// sqlStretchOf is the stretch of position $1.
const sqlStretchOf = `(SELECT stretch FROM stretches WHERE behind < $1 ORDER BY stretch DESC LIMIT 1)`

// What adds the facts of a position to the sums of its stretch, which ended without them.
var (
	sqlMendSums   = intoCells(sqlStretchOf, sqlSums("facts", "position = $1"))
	sqlMendCounts = intoCells(sqlStretchOf, sqlCounts("facts", "position = $1"))

	sqlMendBooked = `INSERT INTO booked AS c (day, stretch, what, who, n, a, b) SELECT day, ` + sqlStretchOf + `, what, ` + bookedArrays + ` FROM facts
		WHERE position = $1 AND measure = 'booking' GROUP BY day, what
		ON CONFLICT (day, stretch, what) DO UPDATE SET who = c.who || excluded.who, n = c.n || excluded.n, a = c.a || excluded.a, b = c.b || excluded.b`

	sqlMendStocks = `INSERT INTO stocks AS s (stretch, measure, kind, what, key, n)
		SELECT stretch, measure, kind, what, key, n FROM stretches CROSS JOIN (
			SELECT measure, kind, what, coalesce(destination, '') AS key, sum(n) AS n FROM facts
			WHERE position = $1 AND measure IN ('pending', 'public') GROUP BY 1, 2, 3, 4
		) sums WHERE ends >= $1
		ON CONFLICT (stretch, measure, kind, what, key) DO UPDATE SET n = s.n + excluded.n`
)

// mend writes the facts that belong into stretches that ended long ago, and adds them to the sums of these.
func (b *book) mend(ctx context.Context, tx pgx.Tx) error {
	if len(b.belated) == 0 {
		return nil
	}
	if err := b.copy(ctx, tx, b.belated); err != nil {
		return err
	}
	var (
		w  pgx.Batch
		at domain.Position
	)
	for _, f := range b.belated {
		if f.Position != at {
			at = f.Position
			w.Queue(sqlMendSums, at)
			w.Queue(sqlMendCounts, at)
			w.Queue(sqlMendBooked, at)
			w.Queue(sqlMendStocks, at)
			w.Queue(`DELETE FROM stocks WHERE n = 0 AND stretch >= `+sqlStretchOf, at)
		}
		w.Queue(`UPDATE stretches SET facts = facts + 1 WHERE stretch = `+sqlStretchOf, at)
		if f.stock() {
			w.Queue(`UPDATE stretches SET first_day = least(first_day, $2) WHERE stretch = `+sqlStretchOf, at, int(f.Day))
			w.Queue(`UPDATE stretches SET through = greatest(through, $2) WHERE stretch >= `+sqlStretchOf, at, int(f.Day))
		}
	}
	b.belated = nil
	if err := tx.SendBatch(ctx, &w).Close(); err != nil {
		return fmt.Errorf("what comes late: %w", err)
	}
	return nil
}
