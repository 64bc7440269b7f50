package dues_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/domain/workdays"
)

// BenchmarkCorrection is a correction that moves each of 100,000 open cases of one kind.
func BenchmarkCorrection(b *testing.B) {
	const cases = 100_000
	pool := tables(b)
	ctx := context.Background()
	submitted := at(b, "2026-03-12T10:00:00+08:00")
	due := workdays.Standard().Due(submitted, workdays.ForProduct)
	if _, err := pool.Exec(ctx, fmt.Sprintf(`INSERT INTO cases SELECT gen_random_uuid(), 'product', true, $1, $2, false, $3
		FROM generate_series(1, %d)`, cases), submitted, due.At, due.Calendar); err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `ANALYZE cases`); err != nil {
		b.Fatal(err)
	}
	l := newLog()
	working := false
	for b.Loop() {
		l.events = l.events[:0]
		l.correct(submitted, 0, day(b, "2026-03-13", working))
		working = !working
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return desk(ctx, tx, l.events) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cases)*float64(b.N)/b.Elapsed().Seconds(), "cases/s")
}
