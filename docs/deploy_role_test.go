package docs

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
)

// fresh is a server as an installation leaves it: a superuser postgres, and here another one whose password is known.
type fresh struct {
	t    *testing.T
	base *url.URL
}

func freshServer(t *testing.T) fresh {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("needs psql")
	}
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(scratch(t), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	base, err := url.Parse(server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	f := fresh{t, base}
	f.ask(server.AdminURL(), `CREATE ROLE image SUPERUSER LOGIN PASSWORD 'sesame'`)
	f.ask(f.as("image", "sesame", "postgres"), `ALTER ROLE waybill RENAME TO postgres`)
	f.ask(f.as("image", "sesame", "postgres"), `ALTER DATABASE waybill RENAME TO another`)
	return f
}

func (f fresh) ask(as, sql string) (answer string) {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), as)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(f.t.Context()))
	results, err := conn.PgConn().Exec(f.t.Context(), sql).ReadAll()
	if err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		answer = string(last.Rows[0][0])
	}
	return answer
}

// as is the URL of a database for a user.
func (f fresh) as(user, password, database string) string {
	u := *f.base
	u.User, u.Path = url.UserPassword(user, password), "/"+database
	return u.String()
}

// environment is all that a client of the superuser has.
func (f fresh) environment(more ...string) []string {
	return append([]string{
		"PATH=/usr/bin:/bin", "PGHOST=" + f.base.Hostname(), "PGPORT=" + f.base.Port(), "PGUSER=image", "PGPASSWORD=sesame",
	}, more...)
}

// TestRoleOfCompose runs what the image of PostgreSQL runs, on a server whose roles and databases are as the image leaves them.
func TestRoleOfCompose(t *testing.T) {
	t.Parallel()
	f := freshServer(t)
	script := exec.Command("sh", repository+"docs/deploy/postgres/role.sh")
	script.Env = f.environment("DATABASE_PASSWORD=open'sesame")
	if out, err := script.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	own := f.as("waybill", "open'sesame", "waybill")
	if super := f.ask(own, `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user`); super != "f" {
		t.Error("the role may do more than own its database")
	}
	if encoding := f.ask(own, `CREATE SCHEMA eventstore; SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database
		WHERE datname = current_database()`); encoding != "UTF8 C" {
		t.Errorf("the database is %s", encoding)
	}
}

// TestRolesAsWritten runs the two files for a new primary with the commands at their heads, each as often as it says.
func TestRolesAsWritten(t *testing.T) {
	t.Parallel()
	f := freshServer(t)
	for _, step := range []struct {
		file, command string
	}{
		{"roles.sql", "psql -v ON_ERROR_STOP=1 -f roles.sql"},
		{"report.sql", "psql -v ON_ERROR_STOP=1 -d waybill -f report.sql"},
		{"report.sql", "psql -v ON_ERROR_STOP=1 -d waybill -f report.sql"},
	} {
		head, _, _ := strings.Cut(strings.ReplaceAll(readFile(t, "docs/deploy/postgres/"+step.file), "\n-- ", " "), "\n")
		if !strings.Contains(head, step.command) {
			t.Errorf("%s does not say %s", step.file, step.command)
		}
		cmd := exec.Command("sh", "-eu", "-c", step.command)
		cmd.Dir, cmd.Env = repository+"docs/deploy/postgres", f.environment("PGDATABASE=postgres")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step.command, err, out)
		}
	}
	admin := f.as("image", "sesame", "waybill")
	for sql, want := range map[string]string{
		`SELECT string_agg(rolname || ' ' || rolreplication, ', ' ORDER BY rolname) FROM pg_roles
			WHERE rolname IN ('waybill', 'replicator', 'waybill_report')`: "replicator true, waybill false, waybill_report false",
		`SELECT slot_name FROM pg_replication_slots`:                                                       "waybill_replica1",
		`SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()`:               "waybill",
		`SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb) FROM pg_roles WHERE rolname = 'waybill'`: "f",
	} {
		if got := f.ask(admin, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}
