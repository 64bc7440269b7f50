package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/logcopy/logtest"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/projections/runtimetest"
)

// openDB is a database of the test's own and the store on it.
func openDB(t testing.TB) (*pgxpool.Pool, *postgres.EventStore) {
	t.Helper()
	pool := pgtest.Database(t, "waybill", migrate)
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { store.Close() })
	return pool, store
}

// filled imports a log into a new database.
func filled(t testing.TB, log []domain.RecordedEvent) *pgxpool.Pool {
	t.Helper()
	pool, store := openDB(t)
	logtest.Import(t, store, log)
	return pool
}

// endOf is the position of a store's newest event; 0 while there is none.
func endOf(t testing.TB, store domain.EventStore) (end domain.Position) {
	t.Helper()
	for e, err := range store.ReadAll(t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil {
			t.Error(err)
		}
		end = e.Position
	}
	return end
}

// TestCopyCommand runs the command itself, on URLs.
func TestCopyCommand(t *testing.T) {
	t.Parallel()
	log := logtest.Random(300, 10)
	from := filled(t, log)
	bare := pgtest.Database(t, "", nil) // without tables
	env := environ{"DATABASE_URL": pgtest.URL(from), "BARE": pgtest.URL(bare)}
	var out bytes.Buffer
	err := run(t.Context(), []string{"copy", "--from=postgres", "--to=env:BARE"}, env.get, &out)
	if err == nil || !strings.Contains(err.Error(), `run "waybill migrate"`) || !strings.Contains(err.Error(), "naming that database") {
		t.Errorf("into a database without tables: %v", err)
	}
	line{t, environ{"DATABASE_URL": pgtest.URL(bare)}}.do("migrate")
	if err := run(t.Context(), []string{"copy", "--from=postgres", "--to=env:BARE"}, env.get, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"copied    300 events in ", "verified  300 events ", "sha256    ", "waybill rebuild all"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	store := postgres.NewEventStore(bare)
	defer store.Close()
	logtest.Expect(t, store, log, true)
	other := strings.Replace(pgtest.URL(bare), "?", "?application_name=other&", 1)
	empty := pgtest.Database(t, "", nil)
	for name, c := range map[string]struct {
		from, to, want string
	}{
		"the same words":    {"postgres", "postgres", "same store"},
		"the same database": {pgtest.URL(bare), other, "same store"},
		"and by its name":   {"postgres", pgtest.URL(from), "same store"},
		"no such scheme":    {"postgres", "mysql://root:sesame@host/db", `want "postgres"`},
		"no such port":      {"postgres", "postgres://root:sesame@host:port/db", "cannot be parsed"},
		"no such server":    {"postgres", "postgres://root:sesame@127.0.0.1:1/db", "--to: database"},
		"no log":            {pgtest.URL(empty), "postgres", "holds no log"},
	} {
		out.Reset()
		env["FROM"], env["TO"] = c.from, c.to
		err := run(t.Context(), []string{"copy", "--from=env:FROM", "--to=env:TO"}, env.get, &out)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error()+out.String(), "sesame") {
			t.Errorf("%s: the password shows: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"copy", "--from=postgres", "--to=env:BARE"}, env.get, &out); err == nil || !strings.Contains(err.Error(), "run the same command again") {
		t.Errorf("Ctrl-C: %v", err)
	}
}

// A password is in no argument, and no part of one in an error, however it is spelled.
func TestNoPasswordShows(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	for _, between := range []string{"", "@", "/", "1/", "?", "1?", "#", "1#", ":", "%", " ", "1?tls=", "@/?"} {
		password := "quince" + between + "medlar"
		if strings.HasPrefix(between, "1") {
			password = between + "medlar"
		}
		for _, form := range []string{
			"postgres://root:%s@127.0.0.1:1/db", "postgresql://root:%s@127.0.0.1:1/db?sslmode=disable", "esdb://admin:%s@127.0.0.1:port",
			"esdb://admin:%s@127.0.0.1:1?tls=false", "esdb+discover://admin:%s@127.0.0.1:1?nonsense=1", "mysql://root:%s@host",
			"postgres://127.0.0.1:1/db?password=%s", "host=127.0.0.1 port=1 password=%s",
		} {
			url := strings.Replace(form, "%s", password, 1)
			env["TO"] = url
			for name, args := range map[string][]string{
				"argument": {"copy", "--from=postgres", "--to=" + url},
				"variable": {"copy", "--from=postgres", "--to=env:TO"},
				"surplus":  {"copy", "--from=postgres", "--to=env:TO", url},
				"wrong":    {"serve", "--database=" + url},
			} {
				var out bytes.Buffer
				err := run(t.Context(), args, env.get, &out)
				if err == nil {
					t.Errorf("%s %s: no error", name, url)
					continue
				}
				if said := err.Error() + out.String(); strings.Contains(said, "quince") || strings.Contains(said, "medlar") {
					t.Errorf("%s %s: %s", name, url, said)
				}
				if want := "env:TARGET"; name == "argument" && !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, want %q", url, err, want)
				}
			}
		}
	}
}

// What others keep in the same EventStoreDB does not come along.
func TestCopyLeavesOthersStreamsOut(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	mine, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mine.Close() })
	others, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: "their"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = others.Close() })
	id := uuid.New()
	runtimetest.Append(t, mine, domain.Stream(account.Category, id), account.Opened{DisplayName: "三亚"})
	runtimetest.Append(t, others, domain.Stream(account.Category, id), account.Opened{DisplayName: "别人"})
	runtimetest.Append(t, mine, domain.Stream(account.Category, id), account.Closed{Reason: "注销"})

	env, pool := onDatabase(t)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"copy", "--from", server.ConnectionString(), "--to=postgres"}, env.get, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"copied    2 events", "left out  streams that others keep"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	copied := postgres.NewEventStore(pool)
	t.Cleanup(func() { _ = copied.Close() })
	if end := endOf(t, copied); end != 2 {
		t.Errorf("the log ends at %d, want 2", end)
	}
}

// What docs/operating.md tells an operator to do moves a world from one store to the other and back.
func TestMoveToEventStoreDBAndBack(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	server := esdbtest.Start(t)
	do := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), args, env.get, &out); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out.String()
	}
	do("seed")
	first := do("copy", "--from=postgres", "--to", server.ConnectionString())
	env["WAYBILL_EVENTSTORE"] = server.ConnectionString()
	do("rebuild", "all")
	env.verified(t)
	do("staff", "add", "--name", "陈静", "--role", "reviewer", "--as", "运营 吴海") // the log goes on there

	back := do("copy", "--from", server.ConnectionString(), "--to=postgres")
	if logtest.Digest(t, first) == logtest.Digest(t, back) || !strings.Contains(back, "copied    3 events") {
		t.Errorf("not what was added:\n%s%s", first, back)
	}
	delete(env, "WAYBILL_EVENTSTORE")
	do("rebuild", "all")
	env.verified(t)
	if logtest.Digest(t, do("copy", "--from", server.ConnectionString(), "--to=postgres", "--verify-only")) != logtest.Digest(t, back) {
		t.Error("the digest is another")
	}
}
