package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/embedded"
	"waybill/adapters/postgres/pgtest"
)

// TestChaosKillALazyPostmaster is TestChaosKillPostmaster with a server that was told to acknowledge commits before they are on its disk,
// and to write them seldom: what Waybill acknowledges is there all the same.
func TestChaosKillALazyPostmaster(t *testing.T) {
	t.Parallel()
	env := onFolder(t)
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "0", env)
	h.to(n)
	env.asAdministrator(t, `ALTER SYSTEM SET synchronous_commit = off`, `ALTER SYSTEM SET wal_writer_delay = '10s'`,
		`ALTER SYSTEM SET wal_writer_flush_after = '100MB'`, `ALTER DATABASE waybill SET synchronous_commit = off`, `SELECT pg_reload_conf()`)
	n.kill()
	n = startNode(t, "1", env)
	h.to(n)
	chaos(h, rounds(3), func(int) {
		if err := syscall.Kill(env.postmaster(t), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	last := env.postmaster(t)
	n.interrupt()
	env.stopped(t, last)
}

// asAdministrator runs statements on the embedded PostgreSQL.
func (e environ) asAdministrator(t *testing.T, statements ...string) {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(e["WAYBILL_DATA_DIR"], "postgres"), Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := pgx.Connect(t.Context(), server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// mayBeLost are the tables whose rows come again from the log, or from whoever holds a lease, when a crash takes the last of them.
var mayBeLost = []string{"projections.checkpoints", "projections.dead_letters"}

// Every commit that something outlives is on the disk before it is acknowledged, whatever was said of the role and the database; what is
// not is a read model's. And all that works under whatever else may be said of them.
func TestPromisesUnderAdverseSettings(t *testing.T) {
	env, pool := onDatabase(t)
	adverse := []string{
		"synchronous_commit = off", "default_transaction_isolation = serializable", "default_transaction_deferrable = on",
		"statement_timeout = '20s'", "lock_timeout = '20s'", "idle_in_transaction_session_timeout = '20s'", "idle_session_timeout = '20s'",
		"search_path = decoy, pg_catalog", "timezone = 'Pacific/Kiritimati'", "datestyle = 'German, DMY'", "intervalstyle = sql_standard",
		"extra_float_digits = -15", "bytea_output = escape", "standard_conforming_strings = off", "client_encoding = 'GB18030'",
		"quote_all_identifiers = on", "transform_null_equals = on", "gin_fuzzy_search_limit = 1", "array_nulls = off", "exit_on_error = on",
		"plan_cache_mode = force_generic_plan", "work_mem = 64", "enable_indexscan = off", "jit_above_cost = 0", "row_security = off",
	}
	pgtest.AsAdmin(t, pool, watched(pool))
	for i, setting := range adverse {
		of := "DATABASE " + pgx.Identifier{pool.Config().ConnConfig.Database}.Sanitize()
		if i%2 == 0 {
			of = "ROLE " + pgx.Identifier{pool.Config().ConnConfig.User}.Sanitize() + " IN " + of
		}
		pgtest.AsAdmin(t, pool, "ALTER "+of+" SET "+setting)
	}
	tour(t, env)
	env.verified(t)
	for _, args := range [][]string{{"rebuild", "all"}, {"token", "list"}, {"media", "verify"}, {"media", "list"}, {"media", "collect"}, {"prune"}, {"deadletters", "list"}} {
		if err := run(t.Context(), args, env.get, io.Discard); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	rows, _ := pool.Query(t.Context(), `SELECT tab, what, count(*) FROM public.seen WHERE how NOT IN ('on, read committed', 'remote_apply, read committed')
		AND tab NOT IN (SELECT format('%s.%s', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('eventstore', 'access', 'media', 'projections'))
		GROUP BY 1, 2 ORDER BY 1`)
	type seen struct {
		Table, What string
		Times       int
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[seen])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if !slices.Contains(mayBeLost, s.Table) {
			t.Errorf("%d times %s of %s would not outlive a crash, or is of another isolation", s.Times, s.What, s.Table)
		}
	}
	var watchedTables int
	if err := pool.QueryRow(t.Context(), `SELECT count(DISTINCT tab) FROM public.seen`).Scan(&watchedTables); err != nil || watchedTables < 8 {
		t.Errorf("only %d tables were written to (%v)", watchedTables, err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"copy", "--from", "postgres", "--to", "env:TARGET"}, with(env, "TARGET", pgtest.URL(pgtest.Database(t, "bare", migrate))).get, &out); err != nil {
		t.Errorf("copy: %v\n%s", err, out.String())
	}
}

func with(env environ, name, value string) environ {
	more := environ{name: value}
	for k, v := range env {
		more[k] = v
	}
	return more
}

// watched are statements that have each row that is written say under which settings it was.
func watched(pool *pgxpool.Pool) string {
	sql := `CREATE TABLE public.seen (tab text, what text, how text);
		GRANT ALL ON public.seen TO PUBLIC;
		CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.seen VALUES (tg_table_schema || '.' || tg_table_name, tg_op,
				current_setting('synchronous_commit') || ', ' || current_setting('transaction_isolation'));
			RETURN NULL; END $$;
		CREATE SCHEMA decoy; GRANT USAGE ON SCHEMA decoy TO PUBLIC;
		CREATE FUNCTION decoy.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
		CREATE FUNCTION decoy.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;`
	rows, _ := pool.Query(context.Background(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname IN ('eventstore', 'access', 'media', 'projections')`)
	tables, _ := pgx.CollectRows(rows, pgx.RowTo[string])
	for i, table := range tables {
		sql += fmt.Sprintf("\nCREATE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.see();",
			"see"+strconv.Itoa(i), table)
	}
	return sql
}
