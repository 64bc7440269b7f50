package preflight

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
	"waybill/adapters/postgres/pgtest"
)

// TestDurability: what a server says of its disk and its standbys, on one of the test's own that keeps what it was given.
func TestDurability(t *testing.T) {
	t.Parallel()
	if err := pgtest.Available(); err != nil {
		t.Skip(err)
	}
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	admin, err := pgx.Connect(t.Context(), server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	owner, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	n := node(t, server.URL(), nil)
	finds(t, n, "durability", Fine, "fsync and full_page_writes are on")
	set := func(statements ...string) {
		t.Helper()
		for _, statement := range append(statements, `SELECT pg_reload_conf()`) {
			if _, err := admin.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Of the role, which says it to new sessions at once; the server takes its own files when it comes to it.
	set(`ALTER ROLE ` + owner.User.Username() + ` SET synchronous_commit = off`)
	finds(t, n, "durability", Warn, "synchronous_commit = off", "ALTER ROLE", "RESET synchronous_commit")
	set(`ALTER ROLE ` + owner.User.Username() + ` SET synchronous_commit = local`)
	finds(t, n, "durability", Fine, "synchronous_commit is local")
	set(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	for found := ""; found != "nobody"; {
		if err := admin.QueryRow(t.Context(), `SHOW synchronous_standby_names`).Scan(&found); err != nil {
			t.Fatal(err)
		}
	}
	finds(t, n, "durability", Warn, "synchronous_standby_names = nobody", "none is connected", "start the standbys")
	if all := Run(t.Context(), n).found(t, "durability"); len(all) != 2 || !strings.Contains(all[0].String(), "synchronous_commit = local") {
		t.Errorf("found %v", all)
	}
	if os.Getenv("WAYBILL_TEST_DATABASE_URL") == "" { // the server of the tests waits for no disk
		finds(t, node(t, pgtest.URL(pgtest.Database(t, "", nil)), nil), "durability", Warn, "fsync = off", "acknowledged decisions are lost")
	}
}
