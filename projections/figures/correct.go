package figures

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain/workdays"
	"waybill/projections/dues"
)

// perStatement bounds how many facts a correction holds in memory.
const perStatement = 5000

// correct counts anew, at the position of a correction, the time that lies in days which it changes.
func correct(ctx context.Context, tx pgx.Tx, size int, c dues.Correction) error {
	b := book{size: size}
	if err := b.load(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO versions (position, version) VALUES ($1, $2)`, c.Event.Position, c.After.Version()); err != nil {
		return err
	}
	b.begin(c.Event)
	first, last, ok := c.Span()
	if !ok {
		return nil
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`DECLARE counted NO SCROLL CURSOR FOR
		SELECT day, round, measure, kind, what, who, mode, destination, reasons, since_revision, since_first, until FROM facts
		WHERE until > '%s' AND least(since_revision, since_first) < '%s' AND position < %d ORDER BY position, seq`,
		literal(first), literal(last+1), c.Event.Position)); err != nil {
		return err
	}
	for {
		rows, _ := tx.Query(ctx, fmt.Sprintf(`FETCH %d FROM counted`, perStatement))
		counted, err := pgx.CollectRows(rows, countedFact)
		if err != nil {
			return err
		}
		for _, f := range counted {
			b.recount(f, c.Before, c.After)
		}
		if len(counted) < perStatement {
			b.end()
		}
		if err := b.flush(ctx, tx); err != nil || len(counted) < perStatement {
			_, closing := tx.Exec(ctx, `CLOSE counted`)
			return cmp.Or(err, closing)
		}
	}
}

func literal(d workdays.Day) string { return d.Start().Format(time.RFC3339) }

func countedFact(row pgx.CollectableRow) (f fact, err error) {
	err = row.Scan(&f.Day, &f.Round, &f.Measure, &f.Kind, &f.What, &f.Who, &f.Mode, &f.Destination, &f.Reasons,
		&f.SinceRevision, &f.SinceFirst, &f.Until)
	return f, err
}

// recount takes a fact back and counts it by another calendar, if that makes a difference.
func (b *book) recount(f fact, before, after *workdays.Calendar) {
	then, now := f, f
	then.count(before)
	now.count(after)
	if *then.A == *now.A && *then.B == *now.B && then.Late == now.Late {
		return
	}
	then.N, now.N = -1, 1
	for _, of := range []fact{then, now} {
		of.SinceRevision, of.SinceFirst, of.Until = nil, nil, nil
		b.add(of)
	}
}
