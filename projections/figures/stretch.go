package figures

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/projections"
)

// sqlSums are the cells of facts that are counted by something, and have values.
func sqlSums(facts, where string) string {
	return `SELECT measure, label, day, kind, what, key, sum(n)::integer AS n, coalesce(sum(n) FILTER (WHERE late), 0)::integer AS late,
		array_agg(a ORDER BY a) FILTER (WHERE n > 0 AND a IS NOT NULL) AS a_in, array_agg(a ORDER BY a) FILTER (WHERE n < 0 AND a IS NOT NULL) AS a_out,
		array_agg(b ORDER BY b) FILTER (WHERE n > 0 AND b IS NOT NULL) AS b_in, array_agg(b ORDER BY b) FILTER (WHERE n < 0 AND b IS NOT NULL) AS b_out
		FROM ` + facts + ` CROSS JOIN LATERAL (
			SELECT '' COLLATE "C" AS label, '' COLLATE "C" AS key
			UNION ALL SELECT 'reviewer', who::text WHERE measure = 'decision'
			UNION ALL SELECT 'round', round::text WHERE measure = 'decision'
			UNION ALL SELECT 'reason', unnest(reasons) WHERE measure = 'decision'
			UNION ALL SELECT 'mode', mode WHERE measure = 'booking' AND mode <> ''
			UNION ALL SELECT 'destination', destination WHERE measure = 'booking' AND destination <> ''
		) labels WHERE measure IN ('decision', 'booking') AND ` + where + ` GROUP BY measure, label, day, kind, what, key`
}

// sqlCounts are those of the others.
func sqlCounts(facts, where string) string {
	return `SELECT measure, ''::text AS label, day, kind, what, coalesce(destination, '') AS key, sum(n)::integer AS n, 0 AS late,
		NULL::integer[] AS a_in, NULL::integer[] AS a_out, NULL::integer[] AS b_in, NULL::integer[] AS b_out FROM ` + facts + `
		WHERE measure IN ('stage', 'daily', 'pending', 'public') AND ` + where + ` GROUP BY measure, day, kind, what, key`
}

const cellColumns = `measure, label, day, stretch, kind, what, key, n, late, a_in, a_out, b_in, b_out`

var (
	sqlEndSums   = intoCells("$3", sqlSums("facts", "position > $1 AND position <= $2"))
	sqlEndCounts = intoCells("$3", sqlCounts("facts", "position > $1 AND position <= $2"))

	sqlEndStocks = `INSERT INTO stocks (stretch, measure, kind, what, key, n) SELECT $3, measure, kind, what, key, sum(n) FROM (
			SELECT measure, kind, what, key, n FROM stocks WHERE stretch = $3 - 1
			UNION ALL SELECT measure, kind, what, coalesce(destination, ''), n FROM facts
				WHERE position > $1 AND position <= $2 AND measure IN ('pending', 'public')
		) both_of GROUP BY measure, kind, what, key HAVING sum(n) <> 0`

	sqlEndBooked = `INSERT INTO booked (day, stretch, what, who, n, a, b) SELECT day, $3, what, ` + bookedArrays + ` FROM facts
		WHERE position > $1 AND position <= $2 AND measure = 'booking' GROUP BY day, what`
)

// bookedArrays are the columns of booked, fact by fact.
const bookedArrays = `array_agg(who ORDER BY position, seq) AS who, array_agg(n ORDER BY position, seq) AS n,
	array_agg(a ORDER BY position, seq) FILTER (WHERE a IS NOT NULL) AS a, array_agg(b ORDER BY position, seq) FILTER (WHERE b IS NOT NULL) AS b`

// intoCells adds some sums to the cells of a stretch, which has none but of facts that come late.
func intoCells(stretch, sums string) string {
	return `INSERT INTO cells AS c (` + cellColumns + `) SELECT measure, label, day, ` + stretch + `, kind, what, key, n, late, a_in, a_out, b_in, b_out
		FROM (` + sums + `) sums
		ON CONFLICT (measure, label, day, stretch, kind, what, key) DO UPDATE SET n = c.n + excluded.n, late = c.late + excluded.late,
			a_in = ` + both("a_in") + `, a_out = ` + both("a_out") + `, b_in = ` + both("b_in") + `, b_out = ` + both("b_out")
}

func both(column string) string {
	return `(SELECT array_agg(v ORDER BY v) FROM unnest(c.` + column + ` || excluded.` + column + `) v)`
}

// flush writes the facts that were collected, and ends the stretches that ended.
func (b *book) flush(ctx context.Context, tx pgx.Tx) error {
	if err := b.copy(ctx, tx, b.facts); err != nil {
		return err
	}
	var w pgx.Batch
	w.Queue(projections.ByIndex)
	for _, s := range b.ended {
		w.Queue(sqlEndSums, s.Behind, s.Ends, s.Stretch)
		w.Queue(sqlEndCounts, s.Behind, s.Ends, s.Stretch)
		w.Queue(sqlEndBooked, s.Behind, s.Ends, s.Stretch)
		w.Queue(sqlEndStocks, s.Behind, s.Ends, s.Stretch)
	}
	for _, s := range append(b.ended, b.at) {
		w.Queue(`INSERT INTO stretches (stretch, behind, ends, facts, first_day, through) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (stretch) DO UPDATE SET ends = $3, facts = $4, first_day = $5, through = $6`,
			s.Stretch, s.Behind, s.Ends, s.Facts, s.FirstDay, s.Through)
	}
	if err := tx.SendBatch(ctx, &w).Close(); err != nil {
		return fmt.Errorf("stretches: %w", err)
	}
	b.facts, b.ended = nil, nil
	return b.mend(ctx, tx)
}

func (b *book) copy(ctx context.Context, tx pgx.Tx, facts []fact) error {
	if len(facts) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"facts"}, factColumns,
		pgx.CopyFromSlice(len(facts), func(i int) ([]any, error) { return facts[i].row(), nil }))
	if err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	return nil
}
