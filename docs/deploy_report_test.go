package docs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/embedded"
	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/models"
	"waybill/projections/reporting"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// reported is a server with Waybill's tables, and something in them, on which report.sql was run.
type reported struct {
	t      *testing.T
	server *embedded.Server
	pool   *pgxpool.Pool
	store  domain.EventStore
	url    string // of the role
	folder string // the server's
}

func report(t *testing.T, before bool) *reported {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("needs psql")
	}
	folder, err := os.MkdirTemp("", "waybill-report-") // where the server's user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o711); err != nil { // the server may run as another user
		t.Fatal(err)
	}
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(folder, "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	r := &reported{t: t, server: server, folder: filepath.Join(folder, "db")}
	if r.pool, err = pgxpool.New(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.pool.Close)
	role, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	role.User = url.UserPassword("waybill_report", "open sesame")
	r.url = role.String()
	if before {
		r.makeRole()
	}
	if err := postgres.Migrate(t.Context(), r.pool); err != nil {
		t.Fatal(err)
	}
	r.prepare()
	if !before {
		r.list(`CREATE ROLE waybill_serve`)
		r.list(`GRANT USAGE ON SCHEMA eventstore TO waybill_serve`)
		r.makeRole()
		r.makeRole() // a second time is once
		if refused := r.list(`SELECT oid::regprocedure::text FROM pg_proc
			WHERE proname ~ '^pg_(try_)?advisory_' AND NOT has_function_privilege('waybill_serve', oid, 'EXECUTE')`); len(refused) > 0 {
			t.Errorf("who serves, and does not own the tables, may not call %v any more", refused)
		}
	}
	r.store = runtimetest.Store(t, r.pool)
	v, p := domaintest.ID("v"), domaintest.ID("p")
	runtimetest.Append(t, r.store, domain.Stream(provider.Category, v),
		provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}, provider.Approved{Revision: 1})
	runtimetest.Append(t, r.store, domain.Stream(product.Category, p),
		product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("海运专线")}, product.Approved{Revision: 1}, product.Listed{})
	r.rebuild()
	return r
}

func (r *reported) makeRole() {
	r.t.Helper()
	psql := exec.Command("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname="+r.server.AdminURL(),
		"--file="+repository+"docs/deploy/postgres/report.sql", "--command=ALTER ROLE waybill_report PASSWORD 'open sesame'")
	if out, err := psql.CombinedOutput(); err != nil || len(out) > 0 {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

func (r *reported) prepare() {
	r.t.Helper()
	if err := runtime.Prepare(r.t.Context(), r.pool, models.All); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reported) rebuild() {
	r.t.Helper()
	for _, m := range models.All {
		if _, err := runtime.Rebuild(r.t.Context(), r.pool, r.store, m, nil); err != nil {
			r.t.Fatal(err)
		}
	}
}

// as runs statements as the role, in a session of their own, and answers what failed.
func (r *reported) as(sql ...string) error {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(r.t.Context()))
	for _, s := range sql {
		if _, err := conn.PgConn().Exec(r.t.Context(), s).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// list is the first column of what a superuser finds.
func (r *reported) list(sql string) []string {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.server.AdminURL())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(r.t.Context()))
	rows, _ := conn.Query(r.t.Context(), sql)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func refused(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42501" || pgErr.Code == "0LP01")
}

// writable ends what is only a default: what follows is refused for lack of a right.
const writable = `SET default_transaction_read_only = off; SET transaction_read_only = off;
	SET statement_timeout = 0; SET search_path = pg_catalog`

// TestTheReportingRoleReadsTheViewsAndNothingElse, whether the role or the tables were there first, and after a rebuild of everything.
func TestTheReportingRoleReadsTheViewsAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"the role first": true, "the tables first": false} {
		t.Run(name, func(t *testing.T) {
			r := report(t, before)
			r.attack()
			r.prepare()
			r.rebuild()
			r.attack()
		})
	}
}

func (r *reported) attack() {
	t := r.t
	t.Helper()
	views := r.list(`SELECT format('%I.%I', schemaname, viewname) FROM pg_views WHERE schemaname = 'reporting'`)
	if len(views) < 15 {
		t.Fatalf("views %v", views)
	}
	for _, view := range views {
		if err := r.as(`SELECT * FROM ` + view); err != nil {
			t.Errorf("%s: %v", view, err)
		}
		for _, s := range []string{
			`DELETE FROM %s`, `INSERT INTO %s DEFAULT VALUES`, `SELECT * FROM %s FOR SHARE`, `LOCK TABLE %s IN ACCESS EXCLUSIVE MODE`,
			`LOCK TABLE %s IN ROW EXCLUSIVE MODE`, `DROP VIEW %s`, `ALTER VIEW %s RENAME TO mine`, `COMMENT ON VIEW %s IS 'mine'`,
			`COPY %s TO PROGRAM 'cat'`, `COPY %s TO '/tmp/waybill-stolen'`, `CREATE RULE r AS ON SELECT TO %s DO INSTEAD SELECT 1`,
		} {
			err := r.as(writable, `BEGIN; `+fmt.Sprintf(s, view))
			if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) && pgErr.Code == "55000" { // nothing can be written into it by anybody
				continue
			}
			if !refused(err) {
				t.Errorf("%s: %v", fmt.Sprintf(s, view), err)
			}
		}
		if err := r.as(writable, `GRANT SELECT ON `+view+` TO PUBLIC`); err != nil { // a warning, and no grant
			t.Error(err)
		}
	}
	if all := r.list(`SELECT relname FROM pg_class WHERE relnamespace = 'reporting'::regnamespace AND relacl::text ~ '[{,]='`); len(all) > 0 {
		t.Errorf("everybody may read %v", all)
	}
	tables := r.list(`SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'reporting')`)
	if len(tables) < 40 || !slices.Contains(tables, "eventstore.events") || !slices.Contains(tables, reporting.Model.Schema+".cases") {
		t.Fatalf("tables %v", tables)
	}
	tables = append(tables, "pg_catalog.pg_authid", "pg_catalog.pg_shadow", "pg_catalog.pg_statistic", "pg_catalog.pg_largeobject",
		"pg_catalog.pg_user_mapping", "pg_catalog.pg_hba_file_rules", "pg_catalog.pg_file_settings", "pg_catalog.pg_backend_memory_contexts")
	for _, table := range tables {
		for _, s := range []string{
			`SELECT * FROM %s LIMIT 1`, `SELECT count(*) FROM %s`, `SELECT query_to_xml('SELECT * FROM %s', true, true, '')`, `COPY %s TO STDOUT`,
		} {
			err := r.as(writable, fmt.Sprintf(s, table))
			if pgErr := (*pgconn.PgError)(nil); errors.As(err, &pgErr) && pgErr.Code == "42809" { // COPY of a view or a sequence
				continue
			}
			if !refused(err) {
				t.Errorf("%s: %v", fmt.Sprintf(s, table), err)
			}
		}
	}
	for _, f := range r.list(`SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace <> 'pg_catalog'::regnamespace
		AND pronamespace <> 'information_schema'::regnamespace AND has_schema_privilege('waybill_report', pronamespace, 'USAGE')`) {
		t.Errorf("it may call %s", f)
	}
	for _, s := range attacks(r.server) {
		if err := r.as(writable, s); !refused(err) {
			t.Errorf("%s: %v", s, err)
		}
	}
	r.attackSessions()
}

// attacks are what else the role might try.
func attacks(server *embedded.Server) []string {
	owner, admin := userOf(server.URL()), userOf(server.AdminURL())
	return []string{
		`CREATE TABLE public.t (x int)`, `CREATE TABLE reporting.t (x int)`, `CREATE TEMP TABLE t (x int)`, `CREATE SCHEMA mine`,
		`CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'`,
		`CREATE FUNCTION public.leak(text) RETURNS boolean COST 0.0001 LANGUAGE sql AS 'SELECT true'`,
		`CREATE EXTENSION dblink`, `CREATE EXTENSION postgres_fdw`, `CREATE EXTENSION pg_trgm`,
		`CREATE FOREIGN DATA WRAPPER f`, `CREATE DATABASE mine`, `CREATE ROLE mine`, `ALTER ROLE waybill_report SUPERUSER`,
		`ALTER ROLE waybill_report CONNECTION LIMIT 100`, `SET temp_file_limit = -1`, `CREATE PUBLICATION p FOR ALL TABLES`,
		`CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()`,
		`SET ROLE ` + owner, `SET ROLE ` + admin, `SET SESSION AUTHORIZATION ` + admin,
		`GRANT ` + owner + ` TO waybill_report`, `SET ROLE pg_read_all_data`,
		`ALTER SYSTEM SET fsync = off`, `SELECT pg_reload_conf()`, `SELECT pg_read_file('postgresql.conf')`, `SELECT pg_ls_dir('.')`,
		`SELECT lo_import('/etc/passwd')`, `SELECT lo_create(0)`, `SELECT lo_creat(-1)`, `SELECT lo_from_bytea(0, 'x')`,
		`SELECT pg_advisory_lock(1)`, `SELECT pg_try_advisory_xact_lock_shared(1, 2)`, `SELECT pg_logical_emit_message(false, 'x', 'x')`,
		`SELECT pg_create_logical_replication_slot('s', 'pgoutput')`, `SELECT pg_switch_wal()`, `LOAD 'auto_explain'`,
		`CHECKPOINT`, `DROP SCHEMA reporting CASCADE`, `ALTER SCHEMA reporting RENAME TO mine`,
	}
}

func userOf(of string) string {
	u, err := url.Parse(of)
	if err != nil {
		return ""
	}
	return u.User.Username()
}

// attackSessions looks at others' sessions, and ends them.
func (r *reported) attackSessions() {
	t := r.t
	t.Helper()
	other, err := r.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	var pid int
	if err := other.QueryRow(t.Context(), `SELECT pg_backend_pid() /* a secret */`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{`pg_cancel_backend`, `pg_terminate_backend`} {
		if err := r.as(writable, fmt.Sprintf(`SELECT %s(%d)`, end, pid)); !refused(err) {
			t.Errorf("%s: %v", end, err)
		}
	}
	conn, err := pgx.Connect(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, _ := conn.Query(t.Context(), `SELECT coalesce(query, '') FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND usename <> 'waybill_report'`)
	queries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, q := range queries {
		if q != "<insufficient privilege>" && q != "" {
			t.Errorf("it reads %q", q)
		}
	}
	if err != nil {
		t.Error(err)
	}
	var settings string
	err = conn.QueryRow(t.Context(), `SELECT concat_ws(' ', current_setting('default_transaction_read_only'),
		current_setting('statement_timeout'),
		current_setting('idle_in_transaction_session_timeout'), current_setting('search_path'), current_setting('TimeZone'),
		current_setting('temp_file_limit'), (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user))`).Scan(&settings)
	if want := "on 5min 1min reporting Asia/Shanghai 2GB 5"; err != nil || settings != want {
		t.Errorf("settings %q, want %q: %v", settings, want, err)
	}
	if err := r.as(`CREATE TABLE reporting.t (x int)`); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("by default: %v", err)
	}
}

// TestTheViewsHoldNoPersonalData: nothing of an application or a booking that is a person's comes to be in a view, or in the role's sight.
func TestTheViewsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	r := report(t, true)
	profile := domaintest.Profile("立足三亚")
	secrets := []string{profile.Contact, profile.Phone, profile.LegalRepresentative, profile.USCC, profile.Address, string(profile.Licence)}
	for _, view := range r.list(`SELECT viewname FROM pg_views WHERE schemaname = 'reporting'`) {
		for _, line := range r.list(`SELECT v::text FROM reporting.` + view + ` v`) {
			for _, secret := range secrets {
				if strings.Contains(line, secret) {
					t.Errorf("%s shows %q: %s", view, secret, line)
				}
			}
		}
	}
	if got := r.list(`SELECT name || ' ' || standing FROM reporting.providers`); !slices.Equal(got, []string{profile.Name + " active"}) {
		t.Errorf("providers %q", got)
	}
}

// TestARebuildLeavesTheViewsAsTheyWere, row by row, but for the time at which they came to where they are.
func TestARebuildLeavesTheViewsAsTheyWere(t *testing.T) {
	t.Parallel()
	r := report(t, true)
	views := r.list(`SELECT viewname FROM pg_views WHERE schemaname = 'reporting' AND viewname <> 'about' ORDER BY 1`)
	read := func() (all []string) {
		for _, view := range views {
			all = append(all, r.list(`SELECT '`+view+` ' || v::text FROM reporting.`+view+` v ORDER BY 1`)...)
		}
		return append(all, r.list(`SELECT concat_ws(' ', version, position, last_event_at, calendar) FROM reporting.about`)...)
	}
	before := read()
	r.rebuild()
	if after := read(); !slices.Equal(before, after) || len(before) < 700 {
		t.Errorf("%d rows before a rebuild, %d after it, or others", len(before), len(after))
	}
	c, err := runtime.Compare(t.Context(), r.pool, r.store, reporting.Model)
	if err != nil || len(c.Differences) > 0 {
		t.Errorf("%+v, %v", c.Differences, err)
	}
	if after := read(); !slices.Equal(before, after) {
		t.Error("a comparison changed what the views show")
	}
}

// TestPsqlOnTheEmbeddedServer runs what docs/reporting.md says for it.
func TestPsqlOnTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	r := report(t, true)
	at := strings.Index(readFile(t, "docs/reporting.md"), "```sh\nPGPASSWORD=$(cat var/postgres/role-password)")
	if at < 0 {
		t.Fatal("reporting.md does not say how")
	}
	command, _, _ := strings.Cut(readFile(t, "docs/reporting.md")[at+len("```sh\n"):], "\n```")
	command = strings.ReplaceAll(command, "var/postgres/", r.folder+"/")
	ask := func(sql string) (string, error) {
		out, err := exec.Command("sh", "-c", command+" --no-psqlrc -At -c \"$1\"", "sh", sql).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if said, err := ask("SELECT count(*) FROM products"); err != nil || said != "1" {
		t.Errorf("%q, %v", said, err)
	}
	if said, err := ask("CREATE TABLE t (x int)"); err == nil || !strings.Contains(said, "read-only transaction") {
		t.Errorf("%q, %v", said, err)
	}
}
