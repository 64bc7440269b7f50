package main

import (
	"io"
	"testing"

	"waybill/adapters/linktest"
	"waybill/adapters/postgres/pgtest"
)

// TestSilentDatabase has the way to the database, and to the read replica, go silent under every connection of a node: projectors, leases,
// listeners, appends and reads. All go on over new ones, also when those are swallowed for a while.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	pg := pgtest.Replicate(t, migrate)
	link, primary := linktest.To(t, pg.Primary)
	onReplica, standby := linktest.To(t, pg.Standby)
	r := &replicated{t: t, pg: pg, env: environ{
		"DATABASE_URL": primary, "WAYBILL_READ_DATABASE_URL": standby, "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir(),
	}}
	r.begin("one")
	r.reads(r.write("POST", "海南省三亚市一号"), "一号")
	link.Silence()
	r.written("海南省三亚市二号")
	onReplica.Silence()
	r.written("海南省三亚市三号")
	link.Swallow()
	onReplica.Swallow()
	eventually(t, "not ready", func() bool { status, _, _ := r.do("GET", "/readyz", "", ""); return status == 503 })
	link.Heal()
	onReplica.Heal()
	r.written("海南省三亚市四号")
	r.ready()
	r.node.interrupt()
}

// TestSilentDatabaseOfCommands has the way to the database go silent under a command. It ends, or goes on, and then works.
func TestSilentDatabaseOfCommands(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"rebuild": {"rebuild", "all"}, "verify": {"verify"}, "copy": {"copy", "--from=env:FROM", "--to=env:TO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, pool := onDatabase(t)
			if err := run(t.Context(), []string{"seed", "--products=300"}, env.get, io.Discard); err != nil {
				t.Fatal(err)
			}
			link, through := linktest.To(t, env["DATABASE_URL"])
			env["FROM"], env["TO"] = through, pgtest.URL(pgtest.Database(t, "waybill", migrate))
			env["DATABASE_URL"] = through
			ended := make(chan error, 1)
			go func() { ended <- run(t.Context(), args, env.get, io.Discard) }()
			eventually(t, "it is at work", func() bool {
				var n int
				err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
					WHERE datname = current_database() AND backend_type = 'client backend' AND query LIKE '%eventstore.events%'
					AND pid <> pg_backend_pid()`).Scan(&n)
				return err == nil && n > 0
			})
			link.Silence()
			eventually(t, "its end", func() bool {
				select {
				case err := <-ended:
					t.Log(err)
					return true
				default:
					return false
				}
			})
			eventually(t, "it works", func() bool { return run(t.Context(), args, env.get, io.Discard) == nil })
		})
	}
}
