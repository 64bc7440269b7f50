package main

import (
	"context"
	"io"
	nethttp "net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain/media"
	"waybill/projections/models"
)

// frozen is a command that runs as a process of its own, to be stopped in the middle; it is killed with the test.
func frozen(t *testing.T, env environ, args ...string) *os.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return cmd.Process
}

// stop is kill -STOP.
func stop(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// blocked waits until a session waits for a lock in a statement that is like a pattern.
func blocked(t *testing.T, pool *pgxpool.Pool, like string) {
	t.Helper()
	eventually(t, "a session that waits in "+like, func() bool {
		var n int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE $1`, like).Scan(&n)
		return err == nil && n > 0
	})
}

// TestFrozenCommands has commands stop in the middle, with in hand what the nodes and other commands wait for. The server lets go of it.
func TestFrozenCommands(t *testing.T) {
	t.Parallel()
	schema := models.All[0].Schema
	gate := func(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) (open func()) {
		t.Helper()
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
		return func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }
	}
	// again is a command that needs what the frozen one has.
	again := func(t *testing.T, env environ, args ...string) {
		t.Helper()
		eventually(t, args[0]+" again", func() bool { return run(t.Context(), args, env.get, io.Discard) == nil })
	}
	for name, freeze := range map[string]func(*testing.T, environ, *pgxpool.Pool){
		"a rebuild that switches": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `GRANT USAGE ON SCHEMA `+schema+` TO CURRENT_USER`) // the switch waits for who changes the schema
			p := frozen(t, env, "rebuild", models.All[0].Name)
			blocked(t, pool, "ALTER SCHEMA%")
			stop(t, p)
			open()
		},
		"a rebuild that fills its tables": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `LOCK TABLE projections.dead_letters IN SHARE ROW EXCLUSIVE MODE`)
			p := frozen(t, env, "rebuild", models.All[0].Name)
			blocked(t, pool, "DELETE FROM projections.dead_letters%")
			stop(t, p)
			open()
			again(t, env, "rebuild", models.All[0].Name)
		},
		"a comparison": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `LOCK TABLE projections.dead_letters IN SHARE ROW EXCLUSIVE MODE`)
			p := frozen(t, env, "verify", models.All[0].Name)
			blocked(t, pool, "DELETE FROM projections.dead_letters%")
			stop(t, p)
			open()
			again(t, env, "verify", models.All[0].Name)
		},
		"a migration of the event store": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			const lock = 0x77617962_6d696772 // the checks before it, which read the table too, have passed when it waits for that
			first := gate(t, pool, `SELECT pg_advisory_xact_lock($1)`, int64(lock))
			p := frozen(t, env, "migrate")
			blocked(t, pool, "%pg_advisory_xact_lock%")
			open := gate(t, pool, `LOCK TABLE eventstore.migrations IN ACCESS EXCLUSIVE MODE`)
			first()
			blocked(t, pool, "%eventstore.migrations%")
			stop(t, p)
			open()
			again(t, env, "migrate")
		},
		"a migration of the read models": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `LOCK TABLE projections.schema_versions IN ACCESS EXCLUSIVE MODE`)
			p := frozen(t, env, "migrate")
			blocked(t, pool, "%projections.schema_versions%")
			stop(t, p)
			open()
			again(t, env, "migrate")
		},
		"a prune": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `LOCK TABLE projections.checkpoints IN ACCESS EXCLUSIVE MODE`)
			p := frozen(t, env, "prune")
			blocked(t, pool, "SELECT projection FROM projections.checkpoints ORDER BY%")
			stop(t, p)
			open()
			again(t, env, "prune")
		},
		"a copy of the log": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			target := pgtest.Database(t, "waybill", migrate)
			open := gate(t, target, `LOCK TABLE eventstore.events IN SHARE ROW EXCLUSIVE MODE`)
			from := environ{"FROM": env["DATABASE_URL"], "TO": pgtest.URL(target)}
			p := frozen(t, from, "copy", "--from=env:FROM", "--to=env:TO")
			blocked(t, target, "copy%")
			stop(t, p)
			open()
			again(t, from, "copy", "--from=env:FROM", "--to=env:TO")
		},
		"a collection of images": func(t *testing.T, env environ, pool *pgxpool.Pool) {
			open := gate(t, pool, `LOCK TABLE media.uploads IN ACCESS EXCLUSIVE MODE`)
			p := frozen(t, env, "media", "collect")
			blocked(t, pool, "%media.uploads%")
			stop(t, p)
			open()
			again(t, env, "media", "collect")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, pool := onDatabase(t)
			r := &replicated{t: t, env: env}
			r.begin("one")
			r.write("POST", "海南省三亚市一号")
			freeze(t, env, pool)
			r.written("海南省三亚市二号")
			eventually(t, "the live projector at the end of the log", func() bool {
				var there bool
				err := pool.QueryRow(t.Context(), `SELECT position = (SELECT max(position) FROM eventstore.events)
					FROM projections.checkpoints WHERE projection = $1`, schema).Scan(&there)
				return err == nil && there
			})
			r.ready()
			u := &uploader{t: t, client: nethttp.DefaultClient, token: r.token}
			u.url.Store(&r.node.url)
			u.upload(t.Context(), "logo", samples()[media.Logo], "again")
		})
	}
}
