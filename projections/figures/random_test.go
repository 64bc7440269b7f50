package figures_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/figures"
	"waybill/projections/modeltest"
)

// tables are those of all read models, with a checkpoint of the figures.
func tables(t testing.TB) *pgxpool.Pool {
	pool := modeltest.Tables(t)
	_, err := pool.Exec(t.Context(), `CREATE SCHEMA projections; CREATE TABLE projections.checkpoints (projection text, position bigint);
		INSERT INTO projections.checkpoints VALUES ('`+figures.Model.Schema+`', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// project empties the tables and applies a log, with stretches of a size, in batches that end where cuts say.
func project(t modeltest.Fataler, pool *pgxpool.Pool, size int, log []projections.Event, cuts ...int) {
	t.Helper()
	ctx := context.Background()
	for _, name := range names(t, pool) {
		if _, err := pool.Exec(ctx, "DELETE FROM "+name); err != nil {
			t.Fatalf("%v", err)
		}
	}
	model, start := figures.NewModel(size), 0
	for _, end := range append(slices.Clone(cuts), len(log)) {
		if err := modeltest.Apply(ctx, pool, model, log[start:end]); err != nil {
			t.Fatalf("events %d to %d: %v", start, end, err)
		}
		start = end
	}
	if _, err := pool.Exec(ctx, `UPDATE projections.checkpoints SET position = $1`, len(log)); err != nil {
		t.Fatalf("%v", err)
	}
}

func names(t modeltest.Fataler, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, _ := pool.Query(context.Background(), `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, figures.Model.Schema)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v", err)
	}
	return names
}

// contents is every row of the tables.
func contents(t modeltest.Fataler, pool *pgxpool.Pool) string {
	t.Helper()
	var b strings.Builder
	for _, name := range names(t, pool) {
		rows, _ := pool.Query(context.Background(), `SELECT t::text FROM `+name+` t ORDER BY 1`)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%v", err)
		}
		fmt.Fprintf(&b, "%s\n\t%s\n", name, strings.Join(lines, "\n\t"))
	}
	return b.String()
}

// TestFiguresAreAFoldOfTheLog: whatever happened, in whatever order of times, and however it was cut into batches and stretches, each report
// as of each position is what a reading of the log up to there says.
func TestFiguresAreAFoldOfTheLog(t *testing.T) {
	pool := tables(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(1, 150).Draw(rt, "steps") {
			w.step(rt)
		}
		if len(w.Log) == 0 {
			return
		}
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.Log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		size := oneOf(rt, "stretch", 1, 3, 10, 40, 1000)
		project(rt, pool, size, w.Log, cuts...)
		for range 4 {
			checkReports(rt, pool, w.Log, drawFilter(rt, w.Log))
		}
	})
}

// TestStretchesDoNotDependOnBatches: the tables are those of one event at a time.
func TestStretchesDoNotDependOnBatches(t *testing.T) {
	pool := tables(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			w.step(rt)
		}
		if len(w.Log) == 0 {
			return
		}
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.Log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		size := oneOf(rt, "stretch", 1, 4, 20)
		project(rt, pool, size, w.Log, cuts...)
		cut := contents(rt, pool)
		every := make([]int, len(w.Log))
		for i := range every {
			every[i] = i + 1
		}
		project(rt, pool, size, w.Log, every...)
		if single := contents(rt, pool); cut != single {
			rt.Fatalf("batches cut at %v:\n%s\none at a time:\n%s", cuts, cut, single)
		}
	})
}

func drawFilter(t *rapid.T, log []projections.Event) figures.Filter {
	from := workdays.DayOf(projections.EventTime(log[rapid.IntRange(0, len(log)-1).Draw(t, "from")])) + workdays.Day(rapid.IntRange(-2, 2).Draw(t, "shift"))
	return figures.Filter{
		From: from, To: from + workdays.Day(oneOf(t, "days", 0, 1, 6, 30, 365)),
		AsOf: domain.Position(rapid.IntRange(0, len(log)).Draw(t, "as of")), Kind: oneOf(t, "kind", "", "", "provider", "product"),
	}
}

func checkReports(t *rapid.T, pool *pgxpool.Pool, log []projections.Event, f figures.Filter) {
	q, at := figures.Queries{DB: pool}, f.AsOf
	if at == 0 {
		at = domain.Position(len(log))
	}
	n := tell(log, at)
	same := func(what string, stamp figures.Stamp, got, want any, err error) {
		if err != nil {
			t.Fatalf("%s of %+v: %v", what, f, err)
		}
		modeltest.Equal(t, what, stamp, n.stamp(at))
		modeltest.Equal(t, fmt.Sprintf("%s of %+v", what, f), strings.ReplaceAll(fmt.Sprintf("%+v", got), "} {", "}\n{"),
			strings.ReplaceAll(fmt.Sprintf("%+v", want), "} {", "}\n{"))
	}
	funnel, err := q.Funnel(t.Context(), f)
	same("funnel", funnel.Stamp, funnel.Rows, n.funnel(f), err)
	rejections, err := q.Rejections(t.Context(), f)
	same("rejections", rejections.Stamp, rejections.Rows, n.refused(f), err)
	daily, err := q.Daily(t.Context(), f)
	same("daily", daily.Stamp, daily.Rows, n.daily(f), err)
	for _, f.By = range figures.TurnaroundBy {
		turnaround, err := q.Turnaround(t.Context(), f)
		same("turnaround", turnaround.Stamp, turnaround.Rows, n.turnaround(f), err)
	}
	for _, f.By = range figures.BookingsBy {
		bookings, err := q.Bookings(t.Context(), f)
		same("bookings", bookings.Stamp, bookings.Rows, n.booked(f), err)
	}
	for _, f.By = range figures.ListingsBy {
		listings, err := q.Listings(t.Context(), f)
		same("listings", listings.Stamp, listings.Rows, n.listings(f), err)
	}
}
