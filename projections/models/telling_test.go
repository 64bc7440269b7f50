package models_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// TestAStreamIsToldAsTheTableHasIt: of whatever happened, the entries that are told of a stream's events are the rows of the history, page
// by page and both ways, with each other's cursors; of what was deleted they are those that were there before.
func TestAStreamIsToldAsTheTableHasIt(t *testing.T) {
	pool := modeltest.Tables(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
			bookings: map[uuid.UUID]booking.State{}, created: map[uuid.UUID]time.Time{},
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			w.step(rt)
		}
		streams := map[domain.StreamName][]projections.Event{}
		upTo := len(w.Log)
		for i, e := range w.Log {
			if e.Type == (product.Deleted{}).EventType() {
				upTo = min(upTo, i) // from then on rows are blanked
			}
		}
		for _, e := range w.Log[:upTo] {
			streams[e.Stream] = append(streams[e.Stream], e)
		}
		modeltest.Truncate(rt, pool)
		if upTo > 0 {
			modeltest.Project(rt, pool, w.Log[:upTo], upTo)
		}
		for stream, events := range streams {
			for _, descending := range []bool{false, true} {
				pages(rt, pool, events, history.Filter{
					Stream: stream, Descending: descending, Limit: rapid.IntRange(1, 5).Draw(rt, "limit"), Total: true,
				})
			}
		}
	})
}

// pages compares every page of a stream with the table's.
func pages(rt *rapid.T, pool *pgxpool.Pool, events []projections.Event, f history.Filter) {
	rt.Helper()
	for {
		want, err := history.Queries{DB: pool}.Query(context.Background(), f)
		if err != nil {
			rt.Fatal(err)
		}
		stretch, err := history.NewStretch(f)
		if err != nil {
			rt.Fatal(err)
		}
		var telling history.Telling
		for _, e := range events {
			entry, err := telling.Entry(e)
			if err != nil {
				rt.Fatal(err)
			}
			if !stretch.Add(entry) {
				break
			}
		}
		if got := stretch.Page(); !reflect.DeepEqual(got, want) {
			rt.Fatalf("%+v\ntold  %+v\nthere %+v", f, got, want)
		}
		if f.After = want.Next; f.After == "" {
			return
		}
	}
}
