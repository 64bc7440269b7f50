package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/pgtest"
	"waybill/projections/models"
)

// catalogue is all that a database has of objects and their definitions, and how many rows Waybill's bookkeeping has.
func catalogue(t *testing.T, pool *pgxpool.Pool) string {
	t.Helper()
	var text string
	err := pool.QueryRow(t.Context(), `SELECT concat_ws(E'\n',
		(SELECT string_agg(nspname || coalesce(obj_description(oid, 'pg_namespace'), '') || coalesce(nspacl::text, ''), E'\n' ORDER BY nspname)
			FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%'),
		(SELECT string_agg(concat_ws(' ', relnamespace::regnamespace, relname, relkind, relfilenode, relacl), E'\n' ORDER BY relnamespace, relname)
			FROM pg_class WHERE relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')),
		(SELECT string_agg(concat_ws(' ', attrelid::regclass, attname, atttypid), E'\n' ORDER BY attrelid, attnum)
			FROM pg_attribute WHERE attrelid >= 16384))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// everyCommand is one way to call each command that opens the database, but for those that migrate.
func everyCommand(t *testing.T) [][]string {
	t.Helper()
	correction := filepath.Join(t.TempDir(), "correction.json")
	if err := os.WriteFile(correction, []byte(example(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(everyOtherCommand, []string{"calendar", "correct", correction, "--as=吴海"})
}

var everyOtherCommand = [][]string{
	{"seed"},
	{"seed", "--products=3"},
	{"staff", "add", "--name=吴海", "--role=operator"},
	{"staff", "list"},
	{"account", "open", "--name=三亚海丰", "--uscc=91460200MA5TBJ3K4Y", "--legal-representative=邢小雨", "--as=吴海"},
	{"account", "list"},
	{"account", "find", "海丰"},
	{"account", "show", "吴海"},
	{"account", "certify", "吴海", "--name=三亚海丰", "--uscc=91460200MA5TBJ3K4Y", "--legal-representative=邢小雨", "--as=吴海"},
	{"account", "close", "吴海", "--reason=注销", "--as=吴海"},
	{"role", "grant", "吴海", "--role=auditor", "--as=吴海"},
	{"role", "revoke", "吴海", "--role=auditor", "--reason=调岗", "--as=吴海"},
	{"provider", "limit-pins", "吴海", "--limit=3", "--reason=试", "--as=吴海"},
	{"provider", "lift-pin-limit", "吴海", "--reason=试", "--as=吴海"},
	{"token", "issue", "吴海", "--role=operator", "--as=吴海"},
	{"token", "list"},
	{"token", "revoke", "--all", "--reason=遗失", "--as=吴海"},
	{"rebuild", "all"},
	{"rebuild", "listing"},
	{"deadletters", "list"},
	{"deadletters", "show", "listing", "1"},
	{"deadletters", "retry", "listing", "product-0192e5a0-0000-7000-8000-000000000001", "--as=吴海"},
	{"deadletters", "skip", "listing", "product-0192e5a0-0000-7000-8000-000000000001", "--position=1", "--reason=试", "--as=吴海"},
	{"prune"},
	{"media", "list"},
	{"media", "collect"},
	{"media", "verify"},
	{"media", "adopt"},
	{"replay", "product-0192e5a0-0000-7000-8000-000000000001"},
	{"export", "--as=吴海"},
	{"verify"},
	{"calendar", "show"},
	{"calendar", "due", "--submitted=2026-02-13T10:00:00+08:00", "--days=1"},
	{"report", "daily"},
	{"copy", "--from=postgres", "--to=env:OTHER"},
	{"copy", "--from=env:OTHER", "--to=postgres"},
	{"copy", "--from=env:OTHER", "--to=env:DATABASE_URL"},
	{"copy", "--verify-only", "--from=postgres", "--to=env:OTHER"},
}

// TestOnlyMigrateAndServeMigrate: no other command changes the tables of a database that is not up to date, and each says what to do.
func TestOnlyMigrateAndServeMigrate(t *testing.T) {
	t.Parallel()
	other := pgtest.Database(t, "waybill", migrate)
	behind := pgtest.Database(t, "waybill", migrate)
	// As an earlier version left it.
	pgtest.AsAdmin(t, behind, `DROP SCHEMA `+models.All[0].Schema+` CASCADE; DELETE FROM projections.vocabulary WHERE name = 'product'`)
	for name, pool := range map[string]*pgxpool.Pool{"empty": pgtest.Database(t, "", nil), "of an earlier version": behind} {
		env := environ{
			"DATABASE_URL": pgtest.URL(pool), "OTHER": pgtest.URL(other), "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir(),
		}
		before := catalogue(t, pool)
		for _, args := range everyCommand(t) {
			var out bytes.Buffer
			err := run(t.Context(), args, env.get, &out)
			if err == nil || !strings.Contains(err.Error(), "waybill migrate") && !strings.Contains(err.Error(), "holds no log") {
				t.Errorf("%s: %v: %v", name, args, err)
			}
			if after := catalogue(t, pool); after != before {
				t.Fatalf("%s: %v changed it", name, args)
			}
		}
		l := line{t, env}
		l.do("migrate")
		if catalogue(t, pool) == before {
			t.Errorf("%s: migrate changed nothing", name)
		}
		l.do("token", "list")
		l.do("staff", "add", "--name", "吴海", "--role", "operator")
	}
}

// TestEveryCommandIsTried holds the table above to the commands that there are.
func TestEveryCommandIsTried(t *testing.T) {
	t.Parallel()
	parser, err := newParser(t.Context(), func(string) string { return "" }, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{"serve": true, "migrate": true, "openapi": true}
	for _, args := range everyCommand(t) {
		command, err := parser.Parse(args)
		if err != nil {
			t.Errorf("%v: %v", args, err)
			continue
		}
		tried[command.Selected().FullPath()[len("waybill "):]] = true
		if parser, err = newParser(t.Context(), func(string) string { return "" }, new(bytes.Buffer)); err != nil { // it keeps what it was told
			t.Fatal(err)
		}
	}
	for _, leaf := range parser.Model.Leaves(true) {
		if path := leaf.FullPath()[len("waybill "):]; !tried[path] {
			t.Errorf("%q is not tried", path)
		}
	}
}

// worker is a role that owns nothing, and the environment with it.
func worker(t *testing.T, env environ, pool *pgxpool.Pool) (role string, as environ) {
	t.Helper()
	role = fmt.Sprintf("worker_%d", rand.Int64())
	pgtest.AsAdmin(t, pool, `CREATE ROLE `+role+` LOGIN PASSWORD 'sesame'`)
	t.Cleanup(func() { pgtest.AsAdmin(t, pool, `DROP OWNED BY `+role+` CASCADE; DROP ROLE `+role) })
	u, err := url.Parse(env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "sesame")
	as = maps.Clone(env)
	as["DATABASE_URL"] = u.String()
	return role, as
}

// TestServingWithoutOwningTables: who may only read and write rows serves on tables that another role has made, and is told what it lacks.
func TestServingWithoutOwningTables(t *testing.T) {
	t.Parallel()
	for _, migrates := range []string{"true", "false"} {
		env, pool := onDatabase(t)
		role, env := worker(t, env, pool)
		env["WAYBILL_MIGRATE"] = migrates
		var out bytes.Buffer
		err := run(t.Context(), []string{"serve"}, env.get, &out)
		if err == nil || !strings.Contains(err.Error(), "rights: ") || !strings.Contains(err.Error(), "GRANT USAGE ON SCHEMA eventstore TO "+role) {
			t.Fatalf("without any right: %v", err)
		}
		if err := run(t.Context(), []string{"token", "list"}, env.get, &out); err == nil || !strings.Contains(err.Error(), "GRANT USAGE ON SCHEMA") {
			t.Errorf("a command without any right: %v", err)
		}
		_, cure, _ := strings.Cut(err.Error(), "run as an administrator: ")
		cure, _, _ = strings.Cut(cure, "\n")
		pgtest.AsAdmin(t, pool, cure)
		served(t, env)
	}
}

// served has a node serve and the demo world be seeded and seen.
func served(t *testing.T, env environ) {
	t.Helper()
	n := startNode(t, "worker", env)
	l := line{t, env}
	l.do("seed")
	env.inspect(t, func(ctx context.Context, a *app) error { return a.caughtUp(ctx, patience) })
	eventually(t, "answers", n.answers)
	l.do("token", "list")
	n.interrupt()
}

// TestTwoRoles: one makes the tables, now and in a rebuild; the other, by what deploy.md has an administrator grant once, works on them.
func TestTwoRoles(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "", nil)
	env := environ{"DATABASE_URL": pgtest.URL(pool), "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}
	role, as := worker(t, env, pool)
	owner := pool.Config().ConnConfig.User
	pgtest.AsAdmin(t, pool, `ALTER DEFAULT PRIVILEGES FOR ROLE `+owner+` GRANT USAGE ON SCHEMAS TO `+role+`;
		ALTER DEFAULT PRIVILEGES FOR ROLE `+owner+` GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO `+role)
	as["WAYBILL_MIGRATE"] = "false"
	var out bytes.Buffer
	err := run(t.Context(), []string{"serve"}, as.get, &out)
	if err == nil || !strings.Contains(err.Error(), "versions: ") || !strings.Contains(err.Error(), "WAYBILL_MIGRATE=false") {
		t.Errorf("before the tables were made: %v", err)
	}
	l := line{t, env}
	l.do("migrate")
	served(t, as)
	l.do("rebuild", "listing")
	served(t, as)
}

// TestANewerVersionWasHere: a command of an earlier one works as long as what it needs is there, and says which version does when it is not.
func TestANewerVersionWasHere(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	l := line{t, env}
	m := models.All[0]
	pgtest.AsAdmin(t, pool, `INSERT INTO eventstore.migrations (version_id, is_applied) VALUES (999, true);
		INSERT INTO projections.schema_versions (version_id, is_applied) VALUES (999, true);
		CREATE SCHEMA `+m.Name+`_v999; INSERT INTO projections.vocabulary (kind, name) VALUES ('type', 'world-ended.v1')`)
	l.do("token", "list")
	l.do("verify")
	l.do("migrate")
	n := startNode(t, "older", env)
	eventually(t, "answers", n.answers)
	n.interrupt()
	if log := n.log.String(); !strings.Contains(log, "a newer version of Waybill was here") || !strings.Contains(log, "check=versions") {
		t.Errorf("it is not told:\n%s", log)
	}
	pgtest.AsAdmin(t, pool, `DROP SCHEMA `+m.Schema+` CASCADE`) // as prune does of the newer version
	for _, args := range [][]string{{"verify"}, {"token", "list"}} {
		if err := run(t.Context(), args, env.get, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "newer version's binary") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestEveryReasonAtOnce: a start that is refused names all that stands in its way, and what to do, and a misspelt variable is one.
func TestEveryReasonAtOnce(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	server := esdbtest.Start(t)
	env["DATABASE_URL"] = "postgres://waybill:sesame@127.0.0.1:1/waybill"
	env["WAYBILL_EVENTSTORE"] = "esdb://" + server.Addr() + "?tls=true"
	env["WAYBILL_MEDIA"] = "file:///proc/version"
	err := run(t.Context(), []string{"serve"}, env.get, new(bytes.Buffer))
	for _, want := range []string{"database: ", "DATABASE_URL", "eventstore: ", "tls=true or tls=false", "images: ", "WAYBILL_MEDIA"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "sesame") {
		t.Errorf("the password shows: %v", err)
	}
	env["WAYBILL_EVENT_STORE"], env["WAYBILL_LATER"] = env["WAYBILL_EVENTSTORE"], "x"
	n := launchNode(t, "misspelt", env)
	<-n.exited
	if log := n.log.String(); n.err == nil || !strings.Contains(log, "WAYBILL_EVENT_STORE") || !strings.Contains(log, "is WAYBILL_EVENTSTORE meant?") {
		t.Errorf("it went on: %v\n%s", n.err, log)
	}
}

// TestTheEmbeddedDatabaseIsMigratedByWhoeverStartsIt: it is this machine's own. Who joins leaves it to the one that serves.
func TestTheEmbeddedDatabaseIsMigratedByWhoeverStartsIt(t *testing.T) {
	t.Parallel()
	if err := pgtest.Available(); err != nil {
		t.Skip(err)
	}
	env := environ{"WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}
	l := line{t, env}
	l.do("staff", "add", "--name", "吴海", "--role", "operator") // before anybody served
	n := startNode(t, "it", env)
	l.do("staff", "list")
	env.inspect(t, func(ctx context.Context, a *app) error {
		_, err := a.pool.Exec(ctx, `DROP SCHEMA `+models.All[0].Schema+` CASCADE`) // as of an earlier version
		return err
	})
	if err := run(t.Context(), []string{"staff", "list"}, env.get, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "waybill migrate") {
		t.Errorf("beside a server: %v", err)
	}
	l.do("migrate")
	n.interrupt()
	l.do("staff", "list")
}
