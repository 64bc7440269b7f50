package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/storetest"
	"waybill/projections/runtimetest"
)

func TestCompareWhileWriting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	streams := make([]domain.StreamName, 20)
	for i := range streams {
		streams[i] = someProduct()
		w.append(streams[i], product.Listed{}, product.Pinned{})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if _, err := storetest.AppendToEnd(ctx, w.store, streams[n%len(streams)], runtimetest.Events(product.Unpinned{})); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	last := domain.Position(0)
	for range 5 {
		w.eventually("a later position", func() bool { return w.head() > last })
		found := w.compare()
		if len(found.Differences) > 0 || found.Rows > int64(len(streams)) || found.Applied != w.eventsTo(found.Position) || found.Position < last {
			t.Fatalf("after %d: %+v", last, found)
		}
		last = found.Position
	}
	cancel()
	writers.Wait()
}

func TestCompareFindsWhatWasTampered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	streams := make([]string, 10)
	for i := range streams {
		stream := someProduct()
		streams[i] = string(stream)
		w.append(stream, product.Listed{}, product.Pinned{})
	}
	w.caughtUp(r)
	for _, c := range []struct {
		name, sql string
		want      Difference
	}{
		{"changed", `UPDATE tally_v1.tallies SET last = last + 1 WHERE stream = $1`, Difference{Changed: 1}},
		{"missing", `DELETE FROM tally_v1.tallies WHERE stream = $1`, Difference{Missing: 1}},
		{"renamed", `UPDATE tally_v1.tallies SET stream = '?' || stream WHERE stream = $1`, Difference{Missing: 1, Surplus: 1}},
	} {
		if found := w.compare(); len(found.Differences) > 0 || found.Rows != 10 {
			t.Fatalf("before: %+v", found)
		}
		if _, err := w.pool.Exec(t.Context(), c.sql, streams[0]); err != nil {
			t.Fatal(err)
		}
		found := w.compare()
		if len(found.Differences) != 1 {
			t.Fatalf("%s: %+v", c.name, found)
		}
		got := found.Differences[0]
		if !slices.Contains(got.Keys, streams[0]) {
			t.Errorf("%s: keys %v, want %s", c.name, got.Keys, streams[0])
		}
		if got.Table != "tallies" || got.Missing != c.want.Missing || got.Surplus != c.want.Surplus || got.Changed != c.want.Changed {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.pool.Exec(t.Context(), `CREATE TABLE tally_v1.more ()`); err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(t.Context(), w.pool, w.store, w.model); err == nil {
		t.Error("a table too many was not noticed")
	}
	w.onlyLive()
}

func TestCompareCountsParkedStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append("provider-0198c0de-0000-7000-8000-000000000001", provider.Suspended{Reason: "poison"}, provider.Reinstated{})
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	if found := w.compare(); found.Parked != 1 || found.Rows != 1 || len(found.Differences) > 0 {
		t.Fatalf("%+v", found)
	}
	if n := w.letters(); n != 2 {
		t.Errorf("%d dead letters, want 2", n)
	}
	w.onlyLive()
}

func TestCompareAndRebuildExcludeEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	var second error
	_, err := Rebuild(t.Context(), w.pool, w.store, w.model, func(Progress) {
		_, second = Compare(t.Context(), w.pool, w.store, w.model)
	})
	if err != nil || !errors.Is(second, ErrRebuilding) {
		t.Fatalf("rebuild: %v; comparison, meanwhile: %v, want ErrRebuilding", err, second)
	}
}

// eventsTo counts the log's events up to a position.
func (w *world) eventsTo(at domain.Position) (n int) {
	w.t.Helper()
	for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Position <= at {
			n++
		}
	}
	return n
}

func (w *world) compare() Comparison {
	w.t.Helper()
	found, err := Compare(w.t.Context(), w.pool, w.store, w.model)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// onlyLive checks that nothing is left of what was made beside the live tables.
func (w *world) onlyLive() {
	w.t.Helper()
	var n int
	err := w.pool.QueryRow(w.t.Context(), `SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tally_v1_%')
		+ (SELECT count(*) FROM projections.checkpoints WHERE projection LIKE 'tally_v1_%')
		+ (SELECT count(*) FROM projections.dead_letters WHERE projection LIKE 'tally_v1_%')`).Scan(&n)
	if err != nil || n != 0 {
		w.t.Errorf("%d things are left: %v", n, err)
	}
}
