package docs

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
)

// TestRoleOfCompose runs what the image of PostgreSQL runs, on a server whose roles and databases are as the image leaves them.
func TestRoleOfCompose(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("needs psql")
	}
	folder, err := os.MkdirTemp("", "waybill-role-") // where the server's user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(folder, "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ask := func(as string, sql string) (answer string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), as)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if last := results[len(results)-1]; len(last.Rows) > 0 {
			answer = string(last.Rows[0][0])
		}
		return answer
	}
	base, err := url.Parse(server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	as := func(user, password, database string) string {
		u := *base
		u.User, u.Path = url.UserPassword(user, password), "/"+database
		return u.String()
	}
	ask(server.AdminURL(), `CREATE ROLE image SUPERUSER LOGIN PASSWORD 'sesame'`)
	ask(as("image", "sesame", "postgres"), `ALTER ROLE waybill RENAME TO postgres`)
	ask(as("image", "sesame", "postgres"), `ALTER DATABASE waybill RENAME TO another`)

	script := exec.Command("sh", repository+"docs/deploy/postgres/role.sh")
	script.Env = []string{
		"PATH=" + os.Getenv("PATH"), "PGHOST=" + base.Hostname(), "PGPORT=" + base.Port(), "PGUSER=image", "PGPASSWORD=sesame",
		"DATABASE_PASSWORD=open'sesame",
	}
	if out, err := script.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	own := as("waybill", "open'sesame", "waybill")
	if super := ask(own, `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user`); super != "f" {
		t.Error("the role may do more than own its database")
	}
	if encoding := ask(own, `CREATE SCHEMA eventstore; SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database
		WHERE datname = current_database()`); encoding != "UTF8 C" {
		t.Errorf("the database is %s", encoding)
	}
}
