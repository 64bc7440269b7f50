package figures_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/figures"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// TestARebuildGivesTheSame reports as of every position, and verify finds nothing.
func TestARebuildGivesTheSame(t *testing.T) {
	model := figures.NewModel(4)
	only := []projections.ReadModel{model}
	pool := pgtest.Database(t, "figures", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, only)
	})
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { _ = store.Close() })
	p := week(t)
	d, err := workdays.ParseDay("2026-11-30")
	if err != nil {
		t.Fatal(err)
	}
	p.on("2026-12-02 09:00", "o", calendar.Category, "", calendar.Corrected{Version: "2026.1", Correction: workdays.Correction{
		Notice: "三府发〔2026〕9号", Days: []workdays.Special{{Day: d, Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}},
	}})
	log := make([]domain.RecordedEvent, len(p.Log))
	for i, e := range p.Log {
		log[i] = e.RecordedEvent
	}
	if _, err := store.Import(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	r, err := runtime.Start(t.Context(), runtime.Config{Pool: pool, Store: store, Models: only, Owner: "test", MaxWait: runtimetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	if err := r.Positions().Wait(t.Context(), model.Name, runtimetest.Head(t, store)); err != nil {
		t.Fatal(err)
	}
	every := func() (all string) {
		q := figures.Queries{DB: pool}
		for at := range len(log) + 1 {
			f := period(t, "2026-11-20", "2026-12-02")
			f.AsOf = domain.Position(at)
			turnaround, err := q.Turnaround(t.Context(), f)
			all += fmt.Sprintf("%+v %v\n", turnaround, err)
			daily, err := q.Daily(t.Context(), f)
			all += fmt.Sprintf("%+v %v\n", daily, err)
			listings, err := q.Listings(t.Context(), f)
			all += fmt.Sprintf("%+v %v\n", listings, err)
			f.By = figures.ByProvider
			bookings, err := q.Bookings(t.Context(), f)
			all += fmt.Sprintf("%+v %v\n", bookings, err)
		}
		return all
	}
	before := every()
	if found, err := runtime.Compare(t.Context(), pool, store, model); err != nil || len(found.Differences) > 0 || found.Rows == 0 {
		t.Errorf("verify: %+v, %v", found, err)
	}
	if _, err := runtime.Rebuild(t.Context(), pool, store, model, nil); err != nil {
		t.Fatal(err)
	}
	if after := every(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}
