package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"waybill/domain/product"
)

func (w *world) lease(holder string, ttl time.Duration) lease {
	return lease{pool: w.pool, projection: w.model.Schema, holder: holder, ttl: ttl}
}

// claim takes the lease, by force if need be, and the checkpoint under a new epoch.
func (w *world) claim(holder string) checkpoint {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), `DELETE FROM projections.leases`); err != nil {
		w.t.Fatal(err)
	}
	l := w.lease(holder, time.Minute)
	if taken, err := l.take(w.t.Context()); !taken || err != nil {
		w.t.Fatal("take:", taken, err)
	}
	at, err := l.claim(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

func TestOldEpochIsFencedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	target, all := w.target()
	old := w.claim("frozen")
	now := w.claim("successor")
	if _, _, err := target.apply(t.Context(), old, all); !errors.Is(err, errFenced) {
		t.Fatalf("a batch under an old epoch: %v, want errFenced", err)
	}
	if n := len(w.tallies()); n != 0 {
		t.Fatalf("%d rows from an old epoch", n)
	}
	if _, _, err := target.apply(t.Context(), now, all); err != nil {
		t.Fatal(err)
	}
	// The database lost its last transactions: whoever thinks he is further must go back, not leave a gap.
	now.position = all.last + 10
	if _, _, err := target.apply(t.Context(), now, batch{last: all.last + 11}); !errors.Is(err, errFenced) {
		t.Fatalf("a batch after a position that the database lost: %v, want errFenced", err)
	}
	if _, err := w.lease("frozen", time.Minute).claim(t.Context()); !errors.Is(err, errLeaseLost) {
		t.Fatalf("a claim without the lease: %v, want errLeaseLost", err)
	}
}

func TestLeaseHasOneHolderAndIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ttl = 300 * time.Millisecond
	// A dead holder: it took the lease and never renews it.
	if taken, err := w.lease("dead", ttl).take(t.Context()); !taken || err != nil {
		t.Fatal(taken, err)
	}
	var holders, most atomic.Int64
	var turns [3]atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range turns {
		all.Go(func() {
			for ctx.Err() == nil {
				_ = w.lease(fmt.Sprint("node", i), ttl).hold(ctx, func(ctx context.Context) error {
					most.Store(max(most.Load(), holders.Add(1)))
					defer holders.Add(-1)
					turns[i].Add(1)
					select {
					case <-time.After(2 * ttl): // longer than the lease lives without its heartbeat
					case <-ctx.Done():
					}
					return nil
				})
			}
		})
	}
	w.eventually("several turns", func() bool { return turns[0].Load()+turns[1].Load()+turns[2].Load() >= 4 })
	cancel()
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d holders at a time", most.Load())
	}
}

func TestLosingTheLeaseStopsTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.lease("a", 300*time.Millisecond).hold(t.Context(), func(ctx context.Context) error {
		if _, err := w.pool.Exec(ctx, `UPDATE projections.leases SET holder = 'thief'`); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errLeaseLost) {
		t.Fatalf("got %v, want errLeaseLost", err)
	}
	var holder string
	if err := w.pool.QueryRow(t.Context(), `SELECT holder FROM projections.leases`).Scan(&holder); err != nil || holder != "thief" {
		t.Errorf("the lease of another was given up: holder %q, %v", holder, err)
	}
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	short := func(owner string) *Runtime {
		return w.start(func(c *Config) { c.Owner, c.LeaseTTL = owner, 600*time.Millisecond })
	}
	a, b := short("a"), short("b")
	stream := someProduct()
	write := func() {
		t.Helper()
		for range 20 {
			at := w.append(stream, product.Listed{}).Position
			for _, r := range []*Runtime{a, b} { // also on the node that does not project
				if err := r.Positions().Wait(t.Context(), "tally", at); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.equalsFold(a)
	}
	write()
	status, err := a.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	holder, survivor := a, &b
	if status[0].Holder[0] == 'b' {
		holder, survivor = b, &a
	}
	w.close(holder)
	started := time.Now()
	at := w.append(stream, product.Unlisted{}).Position
	if err := (*survivor).Positions().Wait(t.Context(), "tally", at); err != nil {
		t.Fatal(err)
	}
	t.Logf("taken over in %v", time.Since(started))
	w.equalsFold(*survivor)
}
