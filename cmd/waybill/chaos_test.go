package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/embedded"
	"waybill/adapters/postgres/pgtest"
)

const chaosClients = 6

// rounds is how often a test kills: so many times, and twelve times as many with WAYBILL_CHAOS=long.
func rounds(n int) int {
	if os.Getenv("WAYBILL_CHAOS") == "long" {
		return 12 * n
	}
	return n
}

// chaos kills again and again while clients write, for ten minutes at most.
func chaos(h *hammer, rounds int, kill func(round int)) {
	h.t.Helper()
	end := time.Now().Add(10 * time.Minute)
	h.during(func() {
		for round := 0; round < rounds && time.Now().Before(end); round++ {
			h.progress(1 + rand.N(60))
			kill(round)
		}
		h.progress(50)
	})
	h.check()
}

// onDatabase is the environment of servers on a database of the test's own, and a pool on it.
func onDatabase(t testing.TB) (environ, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.Database(t, "waybill", migrate)
	return environ{"DATABASE_URL": pgtest.URL(pool), "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}, pool
}

func TestChaosKillServer(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "0", env)
	h.to(n)
	chaos(h, rounds(5), func(round int) {
		n.kill()
		if round%4 == 3 { // and again, somewhere in its start
			n = launchNode(t, "early "+strconv.Itoa(round), env)
			time.Sleep(rand.N(150 * time.Millisecond))
			n.kill()
		}
		n = startNode(t, strconv.Itoa(round+1), env)
		h.to(n)
	})
	n.interrupt()
}

func TestChaosKillBackends(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "it", env)
	h.to(n)
	const sessions = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
	killed := 0
	chaos(h, rounds(8), func(int) {
		var now int
		eventually(t, "some sessions", func() bool {
			if err := pool.QueryRow(t.Context(), sessions).Scan(&now); err != nil {
				t.Fatal(err)
			}
			return now >= 5
		})
		err := pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&now)
		if err != nil {
			t.Fatal(err)
		}
		killed += now
	})
	t.Logf("%d sessions were ended", killed)
	if killed < 8*5 {
		t.Error("hardly any session was ended")
	}
	n.interrupt() // the process had lived on
}

// TestChaosKillPostmaster kills a PostgreSQL that syncs its log: appends wait for the disk, read models do not, so they
// come back older than they were, each with a checkpoint that says so.
func TestChaosKillPostmaster(t *testing.T) {
	t.Parallel()
	env := onFolder(t)
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "0", env)
	h.to(n)
	chaos(h, rounds(5), func(round int) {
		if err := syscall.Kill(env.postmaster(t), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 {
			n.kill()
			n = startNode(t, strconv.Itoa(round+1), env)
			h.to(n)
		}
	})
	last := env.postmaster(t)
	n.interrupt()
	env.stopped(t, last)
}

// onFolder is the environment of servers on an embedded PostgreSQL in a folder of the test's own. An unprivileged user can
// enter it, unlike t.TempDir.
func onFolder(t testing.TB) environ {
	t.Helper()
	dir, err := os.MkdirTemp("", "waybill-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := embedded.StopUnused(ctx, filepath.Join(dir, "postgres"), 0); err != nil {
			t.Errorf("stop what is left: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	// Not the standard address: another test's node may take that between two of this one.
	return environ{"WAYBILL_DATA_DIR": dir, "DATABASE_URL": "", "WAYBILL_ADDR": "127.0.0.1:0"}
}

// postmaster waits for the embedded PostgreSQL's process id.
func (e environ) postmaster(t testing.TB) (pid int) {
	t.Helper()
	file := filepath.Join(e["WAYBILL_DATA_DIR"], "postgres", "data", "postmaster.pid")
	eventually(t, "a PostgreSQL that runs", func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		first, _, _ := strings.Cut(string(b), "\n")
		pid, err = strconv.Atoi(first)
		return err == nil && pid > 1 && syscall.Kill(pid, 0) == nil
	})
	return pid
}

// stopped checks that the embedded PostgreSQL, which was this process, has ended and does not run again.
func (e environ) stopped(t testing.TB, pid int) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(e["WAYBILL_DATA_DIR"], "postgres", "data", "postmaster.pid")); err == nil {
		t.Error("postmaster.pid is still there")
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil && !strings.Contains(string(stat), ") Z ") { // its parent has gone, and the next may not wait for it
		t.Errorf("PostgreSQL outlived its last user: %s", stat)
	}
}
