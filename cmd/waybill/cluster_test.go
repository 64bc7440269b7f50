package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections/models"
)

// twoNodes are two servers on one database; the first holds every lease.
func twoNodes(t *testing.T) (one, two *node, h *hammer, pool *pgxpool.Pool) {
	t.Helper()
	env, pool := onDatabase(t)
	h = newHammer(t, env, 6)
	one = startNode(t, "one", env)
	eventually(t, "one holding every lease", func() bool { return holds(t, pool, "one") })
	two = startNode(t, "two", env)
	return one, two, h, pool
}

// holders are the nodes that hold a valid lease, by projection.
func holders(t *testing.T, pool *pgxpool.Pool) map[string]string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT projection, split_part(holder, '/', 1) FROM projections.leases WHERE expires_at > clock_timestamp()`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var projection, holder string
	if _, err := pgx.ForEachRow(rows, []any{&projection, &holder}, func() error {
		found[projection] = holder
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// holds reports whether a node holds the leases of all read models, and of whatever else has one.
func holds(t *testing.T, pool *pgxpool.Pool, name string) bool {
	t.Helper()
	found := holders(t, pool)
	for _, m := range models.All {
		if found[m.Schema] != name {
			return false
		}
	}
	return !slices.ContainsFunc(slices.Collect(maps.Values(found)), func(holder string) bool { return holder != name })
}

// checkpoints are how far the read models are, and the epochs of all that has a checkpoint, reactions too.
func checkpoints(t *testing.T, pool *pgxpool.Pool) (least domain.Position, epochs map[string]int64) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT projection, position, epoch FROM projections.checkpoints`)
	if err != nil {
		t.Fatal(err)
	}
	var (
		projection string
		at         domain.Position
		epoch      int64
	)
	least, epochs = domain.LogEnd, map[string]int64{}
	if _, err := pgx.ForEachRow(rows, []any{&projection, &at, &epoch}, func() error {
		epochs[projection] = epoch
		if !strings.HasPrefix(projection, "reaction_") {
			least = min(least, at)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return least, epochs
}

func TestClusterKillTheHolder(t *testing.T) {
	t.Parallel()
	one, two, h, pool := twoNodes(t)
	h.to(one)
	h.during(func() {
		h.progress(30)
		if !holds(t, pool, "one") {
			t.Fatalf("holders: %v", holders(t, pool))
		}
		one.kill()
		h.to(two)
		h.progress(5) // writes need no projector, and a client reads its own writes before it goes on
		eventually(t, "two holding every lease", func() bool { return holds(t, pool, "two") })
		h.progress(60)
		one = startNode(t, "one", h.env) // it is back, and waits
		h.progress(30)
	})
	if !holds(t, pool, "two") && two.losses() == 0 {
		t.Errorf("holders: %v", holders(t, pool))
	}
	h.check()
	one.interrupt()
	two.interrupt()
}

// TestClusterFrozenHolder stops the holder as a machine does that swaps or migrates, and wakes it up when another has
// long taken over: it must not write what it had in hand.
func TestClusterFrozenHolder(t *testing.T) {
	t.Parallel()
	holder, other, h, pool := twoNodes(t)
	h.to(other)
	h.during(func() {
		for range rounds(1) {
			h.progress(1 + rand.N(30))
			before, old := checkpoints(t, pool)
			holder.signal(syscall.SIGSTOP)
			eventually(t, other.name+" holding every lease", func() bool { return holds(t, pool, other.name) })
			var epochs map[string]int64
			eventually(t, other.name+" projecting everything", func() bool { // where the holder froze in a batch, that takes longer
				var at domain.Position
				at, epochs = checkpoints(t, pool)
				behind := func(name string) bool { return epochs[name] <= old[name] }
				return at > before && !slices.ContainsFunc(slices.Collect(maps.Keys(epochs)), behind)
			})

			lost, otherLost := holder.losses(), other.losses()
			holder.signal(syscall.SIGCONT)
			eventually(t, "the holder awake", holder.answers)
			eventually(t, "it knowing that it lost its leases", func() bool { return holder.losses() >= lost+len(models.All) })
			h.progress(20)
			// Unless the other one was stalled by itself, and lost them in its turn.
			if _, now := checkpoints(t, pool); other.losses() == otherLost && (!maps.Equal(now, epochs) || !holds(t, pool, other.name)) {
				t.Errorf("its waking up changed the epochs from %v to %v, holders %v", epochs, now, holders(t, pool))
			}
			holder, other = other, holder // the other way round
			h.to(other)
		}
	})
	h.check()
	holder.interrupt()
	other.interrupt()
}

// losses counts what the node logged when it lost leases.
func (n *node) losses() int {
	log := n.log.String()
	return strings.Count(log, "lease was lost") + strings.Count(log, "moved by somebody else")
}

// TestTwoCopiesShareOneFolder is `make run` twice, in every order of leaving.
func TestTwoCopiesShareOneFolder(t *testing.T) {
	t.Parallel()
	env := onFolder(t)
	h := newHammer(t, env, 2)
	first := startNode(t, "first", env)
	server := env.postmaster(t)
	second := startNode(t, "second", env)
	if first.url == second.url || env.postmaster(t) != server {
		t.Fatalf("%s and %s; PostgreSQL was process %d and is %d", first.url, second.url, server, env.postmaster(t))
	}
	h.to(first)
	h.during(func() {
		h.progress(10)
		h.to(second)
		h.progress(10)
		first.interrupt()
		h.progress(20)
	})
	h.check()
	second.interrupt()
	env.stopped(t, server)

	first, second = launchNode(t, "third", env), launchNode(t, "fourth", env) // both at once on a stopped cluster
	first.await()
	second.await()
	h.to(first)
	h.during(func() {
		h.progress(10)
		first.kill()
		second.kill()
		first = startNode(t, "fifth", env)
		h.to(first)
		h.progress(20)
	})
	h.check()
	server = env.postmaster(t)
	first.interrupt()
	env.stopped(t, server)
}
