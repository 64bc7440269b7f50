package runtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/storetest"
	"waybill/projections/runtimetest"
)

func TestRebuildWhileWritingAndReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	streams := make([]domain.StreamName, 50)
	for i := range streams {
		streams[i] = someProduct()
		w.append(streams[i], product.Listed{}, product.Pinned{})
	}
	w.caughtUp(r)

	ctx, cancel := context.WithCancel(t.Context())
	var (
		others sync.WaitGroup
		reads  atomic.Int64
	)
	for range 4 {
		others.Go(func() { // readers: never an error, never fewer rows or events than before
			var last int64
			for ctx.Err() == nil {
				var rows, events int64
				err := w.pool.QueryRow(ctx, `SELECT count(*), coalesce(sum(events), 0) FROM tally_v1.tallies WHERE last > $1`, -1).Scan(&rows, &events)
				if ctx.Err() != nil {
					return
				}
				if err != nil || rows != int64(len(streams)) || events < last {
					t.Errorf("read %d rows, %d events after %d: %v", rows, events, last, err)
					return
				}
				last = events
				reads.Add(1)
			}
		})
	}
	for i := range 2 {
		others.Go(func() { // writers
			for n := i; ctx.Err() == nil; n += 2 {
				if _, err := storetest.AppendToEnd(ctx, w.store, streams[n%len(streams)], runtimetest.Events(product.Unpinned{})); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		before := reads.Load()
		if _, err := Rebuild(ctx, w.pool, w.store, w.model, nil); err != nil {
			t.Fatal(err)
		}
		w.eventually("reads after the switch", func() bool { return reads.Load() > before+10 || t.Failed() })
	}
	cancel()
	others.Wait()
	w.equalsFold(r)
	var schemas int
	if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tally%'`).Scan(&schemas); err != nil || schemas != 1 {
		t.Errorf("%d schemas are left, want the live one: %v", schemas, err)
	}
}

func TestRebuildStartsAfreshAfterAnInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append(someProduct(), product.Listed{}, product.Pinned{})
	w.caughtUp(r)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := Rebuild(ctx, w.pool, w.store, w.model, func(Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted rebuild: %v", err)
	}
	w.equalsFold(r)
	n, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil)
	if err != nil || n != 2 {
		t.Fatalf("rebuild applied %d events, want 2: %v", n, err)
	}
	w.append(someProduct(), product.Listed{})
	w.equalsFold(r)
}

func TestOneRebuildAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	var second error
	_, err := Rebuild(t.Context(), w.pool, w.store, w.model, func(Progress) {
		_, second = Rebuild(t.Context(), w.pool, w.store, w.model, nil)
	})
	if err != nil || !errors.Is(second, ErrRebuilding) {
		t.Fatalf("first: %v; second, meanwhile: %v, want ErrRebuilding", err, second)
	}
}

func TestRebuildReplacesDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append("provider-0198c0de-0000-7000-8000-000000000001", provider.Suspended{Reason: "poison"}, provider.Reinstated{})
	w.caughtUp(r)
	if n := w.letters(); n != 2 {
		t.Fatalf("%d dead letters, want 2", n)
	}
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.letters(); n != 2 {
		t.Fatalf("%d dead letters after a rebuild of the same code, want 2", n)
	}
	w.poisoned.Store(false)
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.letters(); n != 0 {
		t.Fatalf("%d dead letters after a rebuild of repaired code, want 0", n)
	}
	w.append("provider-0198c0de-0000-7000-8000-000000000001", provider.Suspended{})
	w.poisoned.Store(true)
	w.caughtUp(r)
	rows, _ := w.pool.Query(t.Context(), `SELECT events FROM tally_v1.tallies`)
	if got, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || got < 3 {
		t.Fatalf("%d events, want at least 3: %v", got, err)
	}
}

func (w *world) letters() (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM projections.dead_letters WHERE projection = $1`, w.model.Schema).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
