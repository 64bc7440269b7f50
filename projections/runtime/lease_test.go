package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/product"
)

func (w *world) lease(holder string, ttl time.Duration) lease {
	return lease{pool: w.pool, projection: w.model.Schema, holder: holder, ttl: ttl}
}

// quick is a lease that nobody loses because a process stalls, with a heartbeat that a test need not wait for.
func (w *world) quick(holder string) lease {
	l := w.lease(holder, 10*patience)
	l.every = 5 * time.Millisecond
	return l
}

// expiry is when the lease ends unless it is renewed, and who holds it; zero when nobody does.
func (w *world) expiry() (holder string, at time.Time) {
	w.t.Helper()
	err := w.pool.QueryRow(w.t.Context(), `SELECT holder, expires_at FROM projections.leases WHERE projection = $1`, w.model.Schema).Scan(&holder, &at)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		w.t.Error(err)
	}
	return holder, at
}

// TestALeaseCountsFromItsQuestion: when the answer that it is ours comes late, it may be another's again.
func TestALeaseCountsFromItsQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.lease("late", time.Microsecond) // no answer is as quick
	l.every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.hold(ctx, func(context.Context) error {
			t.Error("works with a lease that has ended")
			return nil
		})
	}()
	_, first := w.expiry()
	for taken := 0; taken < 3; {
		select {
		case <-done:
			t.Fatal("gave up")
		default:
		}
		if _, at := w.expiry(); !at.Equal(first) {
			first = at
			taken++
		}
	}
	cancel()
	<-done
}

func TestLeaseHasOneHolderAndIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A dead holder: it took the lease and never renews it.
	if taken, err := w.quick("dead").take(t.Context(), new(rival)); !taken || err != nil {
		t.Fatal(taken, err)
	}
	if taken, err := w.quick("impatient").take(t.Context(), new(rival)); taken || err != nil {
		t.Fatal("taken from a holder whose time is not over:", taken, err)
	}
	var holders, most, turns atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 {
		name := fmt.Sprint("node", i)
		all.Go(func() {
			for ctx.Err() == nil {
				_ = w.quick(name).hold(ctx, func(ctx context.Context) error {
					most.Store(max(most.Load(), holders.Add(1)))
					defer holders.Add(-1)
					holder, taken := w.expiry()
					if holder != name {
						t.Errorf("%s works while %q holds the lease", name, holder)
					}
					for now := taken; now.Sub(taken) < 30*time.Millisecond && ctx.Err() == nil; { // until several heartbeats came
						time.Sleep(time.Millisecond)
						_, now = w.expiry()
					}
					turns.Add(1)
					return nil
				})
			}
		})
	}
	if holder, _ := w.expiry(); holder != "dead" || turns.Load() != 0 {
		t.Errorf("%q holds the lease, after %d turns", holder, turns.Load())
	}
	w.exec(`UPDATE projections.leases SET expires_at = clock_timestamp() - interval '1 second'`)
	w.eventually("several turns", func() bool { return turns.Load() >= 4 || t.Failed() })
	cancel()
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d holders at a time", most.Load())
	}
}

func TestLosingTheLeaseStopsTheWork(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{
		"to another":    `UPDATE projections.leases SET holder = 'thief'`,
		"by being late": `UPDATE projections.leases SET holder = 'thief', expires_at = clock_timestamp() - interval '1 second'`,
		"altogether":    `DELETE FROM projections.leases`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			err := w.quick("a").hold(t.Context(), func(ctx context.Context) error {
				if _, err := w.pool.Exec(ctx, lose); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
			if !errors.Is(err, errLeaseLost) {
				t.Fatalf("got %v, want errLeaseLost", err)
			}
			if holder, _ := w.expiry(); strings.Contains(lose, "thief") && holder != "thief" {
				t.Errorf("the lease of another was given up: holder %q", holder)
			}
		})
	}
}

// The database's clock jumps under a lease: put forward, it seems over, and put back, longer than it is. Its holder keeps it.
func TestLeaseOutlivesAJumpOfTheClock(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]string{"forward": "-", "back": "+"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.lease("a", time.Minute)
			l.every = 5 * time.Millisecond
			err := l.hold(t.Context(), func(ctx context.Context) error {
				w.exec(`UPDATE projections.leases SET expires_at = expires_at ` + jump + ` interval '1 hour'`)
				w.eventually("the lease renewed", func() bool {
					var sound bool
					err := w.pool.QueryRow(ctx, `SELECT expires_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 minute'
						FROM projections.leases WHERE holder = 'a'`).Scan(&sound)
					return (err == nil && sound) || ctx.Err() != nil
				})
				return context.Cause(ctx)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A dead holder's lease that is longer than a lease can be keeps nobody out for that long.
func TestLeaseLongerThanALeaseIsVoid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if taken, err := w.lease("dead", time.Hour).take(t.Context(), new(rival)); !taken || err != nil {
		t.Fatal(taken, err)
	}
	next := w.lease("next", 200*time.Millisecond)
	if taken, err := next.take(t.Context(), new(rival)); taken || err != nil {
		t.Fatal("taken at first sight, before its holder could have renewed it:", taken, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := next.hold(ctx, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

// A lease that seems over just after its holder has renewed it, as when the clock was put forward, is not another's yet.
func TestLeaseThatIsRenewedIsNotOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if taken, err := w.quick("a").take(t.Context(), new(rival)); !taken || err != nil {
		t.Fatal(taken, err)
	}
	next := w.quick("next")
	next.every = 100 * time.Millisecond
	seen := new(rival)
	if taken, err := next.take(t.Context(), seen); taken || err != nil {
		t.Fatal(taken, err)
	}
	w.exec(`UPDATE projections.leases SET expires_at = clock_timestamp() - interval '1 hour'`)
	if taken, err := next.take(t.Context(), seen); taken || err != nil {
		t.Fatal("taken from one who has just renewed it:", taken, err)
	}
	w.eventually("it is taken from one who does not", func() bool {
		taken, err := next.take(t.Context(), seen)
		return err == nil && taken
	})
}

// Who cannot ask the database whether the lease is still theirs stops before another may have it.
func TestLeaseIsLostWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pool, err := pgxpool.New(t.Context(), pgtest.URL(w.pool))
	if err != nil {
		t.Fatal(err)
	}
	l := w.lease("a", 300*time.Millisecond)
	l.pool = pool
	err = l.hold(t.Context(), func(ctx context.Context) error {
		pool.Close() // every question is an error from now on
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errLeaseLost) {
		t.Fatalf("got %v, want errLeaseLost", err)
	}
}

// Whoever stays out because of an event that it does not know comes back when the checkpoint has passed it, or was put back.
func TestStayingOutEnds(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]string{"passed": `position + 1`, "put back": `position - 1`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.exec(`UPDATE projections.checkpoints SET position = 1000000 WHERE projection = $1`, w.model.Schema)
			unknown := domain.Position(1_000_000)
			if name == "put back" {
				unknown = 2_000_000
			} else {
				w.exec(`UPDATE projections.checkpoints SET position = 999990 WHERE projection = $1`, w.model.Schema)
			}
			back := make(chan struct{})
			go func() {
				defer close(back)
				w.quick("a").stayOut(t.Context(), unknown)
			}()
			w.eventually("it is back", func() bool {
				w.exec(`UPDATE projections.checkpoints SET position = `+step+` WHERE projection = $1`, w.model.Schema)
				select {
				case <-back:
					return true
				default:
					return false
				}
			})
		})
	}
}

// TestWhatIsAwayIsSaidOnce: a store that is away is no news at every attempt; any other error is.
func TestWhatIsAwayIsSaidOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		said int
	}{
		"the event store": {fmt.Errorf("look up: %w", domain.ErrUnavailable), 1},
		"another error":   {errors.New("out of order"), 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var log said
			ctx, stop := context.WithCancel(t.Context())
			tries := 0
			w.quick("a").keepWorking(ctx, log.logger(), func(bool) {}, func(context.Context) error {
				if tries++; tries == 6 {
					stop()
				}
				return c.err
			})
			if got := strings.Count(log.all(), "stopped by an error"); got != c.said {
				t.Errorf("said %d times, want %d, of %d tries", got, c.said, tries)
			}
		})
	}
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	called := func(owner string) *Runtime {
		return w.start(func(c *Config) { c.Owner, c.LeaseTTL = owner, DefaultLeaseTTL })
	}
	a, b := called("a"), called("b")
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
	name, _ := w.expiry() // also of one that has lost it meanwhile, and will take it again
	holder, survivor := a, b
	if strings.HasPrefix(name, "b") {
		holder, survivor = b, a
	}
	w.close(holder)
	at := w.append(stream, product.Unlisted{}).Position
	if err := survivor.Positions().Wait(t.Context(), "tally", at); err != nil {
		t.Fatal(err)
	}
	w.equalsFold(survivor)
}
