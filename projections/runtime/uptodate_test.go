package runtime

import (
	"context"
	"testing"

	"waybill/domain/product"
	"waybill/projections"
)

// TestUpToDate: a read model may be acted on only when it shows the whole log and has nothing parked.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sure := func() (bool, int) {
		t.Helper()
		rows := 0
		ok, err := UpToDate(t.Context(), w.pool, w.store, w.model, func(db projections.Querier) error {
			return db.QueryRow(context.Background(), `SELECT count(*) FROM tally_v1.tallies`).Scan(&rows)
		})
		if err != nil {
			t.Fatal(err)
		}
		return ok, rows
	}
	w.append(someProduct(), product.Listed{})
	if ok, _ := sure(); ok {
		t.Error("no projector has ever looked at the log")
	}
	r := w.start(nil)
	w.caughtUp(r)
	w.close(r)
	if ok, rows := sure(); !ok || rows != 1 {
		t.Errorf("caught up: %v with %d rows", ok, rows)
	}
	w.append(someProduct(), product.Listed{})
	if ok, _ := sure(); ok {
		t.Error("an event is not applied")
	}
	r = w.start(nil)
	w.caughtUp(r)
	w.close(r)
	if ok, rows := sure(); !ok || rows != 2 {
		t.Errorf("caught up again: %v with %d rows", ok, rows)
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO projections.dead_letters (projection, position, stream, revision, event_id, type, error)
		VALUES ($1, 1, 'product-x', 0, gen_random_uuid(), 'x', 'x')`, w.model.Schema); err != nil {
		t.Fatal(err)
	}
	if ok, _ := sure(); ok {
		t.Error("a stream is parked")
	}
}
