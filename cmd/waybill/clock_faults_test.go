package main

import (
	"context"
	nethttp "net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
)

var lagSample = regexp.MustCompile(`(?m)^waybill_projection_lag_seconds\S* (\S+)$`)

// steady asks a node how it is, again and again until ctx ends, and tells of a lag that only a jump of a clock can make, in its metrics
// or in what keeps it from being ready.
func (n *node) steady(ctx context.Context) {
	for ctx.Err() == nil {
		if status, body := probed(n.t, n.admin+"/readyz"); status == nethttp.StatusServiceUnavailable && strings.Contains(body, `"behind"`) {
			n.t.Errorf("%s: /readyz %s", n.name, body)
			return
		}
		_, body := probed(n.t, n.admin+"/metrics")
		for _, sample := range lagSample.FindAllStringSubmatch(body, -1) {
			if lag, err := strconv.ParseFloat(sample[1], 64); err != nil || lag < 0 || lag > 1000 {
				n.t.Errorf("%s: %s", n.name, sample[0])
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestFaultClockOfTheDatabase has the clock of a real PostgreSQL jump by most of an hour, back and forward, under two nodes. Who lives
// keeps its leases and goes on, nobody is taken to lag, and the leases of a node that dies right after a jump are free as soon as ever.
func TestFaultClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	const jump = 50 * time.Minute // tokens are for an hour
	clock := pgtest.OwnClock(t)
	config, err := pgxpool.ParseConfig(clock.URL)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	put := func(ahead time.Duration) {
		clock.Put(ahead)
		pool.Reset() // the jump may have ended sessions by their own time-outs
	}
	env := environ{"DATABASE_URL": clock.URL, "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}
	h := newHammer(t, env, 3)
	holder := startNode(t, "one", env)
	eventually(t, "one holding every lease", func() bool { return holds(t, pool, holder.name) })
	other := startNode(t, "two", env)
	h.to(other)
	h.during(func() {
		ctx, done := context.WithCancel(t.Context())
		var looking sync.WaitGroup
		for _, n := range []*node{holder, other} {
			looking.Go(func() { n.steady(ctx) })
		}
		h.progress(20)
		// Back and forward. Who is not woken up for longer than a lease loses it, jump or not: then it is tried again.
		const tries = 5
		was := time.Duration(0)
		for _, ahead := range []time.Duration{-jump, 0, jump, 0} {
			for try := 1; ; try++ {
				_, before := checkpoints(t, pool)
				put(ahead)
				h.progress(10)
				renewed(t, pool)
				_, after := checkpoints(t, pool)
				kept := len(before) == len(after)
				for projection, epoch := range before {
					kept = kept && after[projection] == epoch
				}
				if kept {
					break
				}
				if try == tries {
					t.Fatalf("put to %v: the leases went to %v, epochs from %v to %v", ahead, holders(t, pool), before, after)
				}
				put(was)
				eventually(t, "a node holding every lease", func() bool { return holds(t, pool, "one") || holds(t, pool, "two") })
				if holds(t, pool, other.name) {
					holder, other = other, holder
				}
			}
			was = ahead
		}
		done()
		looking.Wait()
	})
	for _, ahead := range []time.Duration{-jump, jump} {
		holder.kill()
		put(ahead)
		h.to(other)
		h.during(func() {
			eventually(t, other.name+" holding every lease", func() bool { return holds(t, pool, other.name) })
			h.progress(10)
		})
		holder, other = other, startNode(t, "next", env)
	}
	h.check()
	holder.interrupt()
	other.interrupt()
}

// renewed waits until all leases are sound by the database's clock: they were renewed since it was put.
func renewed(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	eventually(t, "leases as long as leases are", func() bool {
		var unsound int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM projections.leases
			WHERE expires_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 minute'`).Scan(&unsound)
		return err == nil && unsound == 0
	})
}
