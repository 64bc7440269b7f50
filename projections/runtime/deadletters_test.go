package runtime

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/provider"
	"waybill/projections"

	"github.com/google/uuid"
)

// While a stream's dead letters are applied the projector stands still: otherwise it would park the stream's next event for
// the ones that are just being applied, and nobody would look at it again.
func TestRetryStopsTheProjector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key = 4711
	var held atomic.Bool
	inner := w.model.Apply
	w.model.Apply = func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		if held.Load() && events[0].Revision == 1 {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, key); err != nil {
				return err
			}
		}
		return inner(ctx, tx, events)
	}
	r := w.start(nil)
	stream := domain.Stream(provider.Category, uuid.New())
	w.append(stream, provider.Reinstated{}, provider.Suspended{Reason: "poison"})
	w.caughtUp(r)

	holder, err := w.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, key); err != nil {
		t.Fatal(err)
	}
	w.poisoned.Store(false)
	held.Store(true)
	retried := make(chan error, 1)
	go func() {
		got, err := NewDeadLetters(w.pool, w.store, []projections.ReadModel{w.model}, nil).Retry(context.WithoutCancel(t.Context()), "tally", stream)
		if err == nil && got != (Retried{Done: 1}) {
			t.Errorf("retry: %+v", got)
		}
		retried <- err
	}()
	waits := func(query string) bool {
		var n int
		if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event_type = 'Lock' AND query LIKE $1`, query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	w.eventually("the retry in the middle of its work", func() bool { return waits("%pg_advisory_xact_lock%") })
	at := w.append(stream, provider.Reinstated{}).Position
	w.eventually("the projector waiting", func() bool {
		if w.place(w.model.Schema) >= at {
			t.Fatal("the projector goes on while dead letters are applied")
		}
		return waits("%projections.checkpoints%FOR UPDATE%")
	})
	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, key); err != nil {
		t.Fatal(err)
	}
	if err := <-retried; err != nil {
		t.Fatal(err)
	}
	w.equalsFold(r)
	if n := w.letters(); n != 0 {
		t.Errorf("%d dead letters, want 0", n)
	}
}
