package logcopy

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/logcopy/logtest"
	"waybill/cmd/progress"
	"waybill/domain"
)

// opened is a store that a test copies from or to; pool is nil when it is no PostgreSQL.
type opened struct {
	domain.EventStore
	pool *pgxpool.Pool
}

// openDB is a PostgreSQL store on a database of the test's own.
func openDB(t testing.TB) *opened {
	t.Helper()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { store.Close() })
	return &opened{EventStore: store, pool: pool}
}

// openESDB is a store on an EventStoreDB.
func openESDB(t testing.TB, server *esdbtest.Server, prefix string) *opened {
	t.Helper()
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &opened{EventStore: store}
}

// filled imports a log into a new database.
func filled(t testing.TB, log []domain.RecordedEvent) *opened {
	t.Helper()
	s := openDB(t)
	logtest.Import(t, s.EventStore, log)
	return s
}

// copyOnce copies with small chunks, so that a log has many of them. It returns the report, and the notes.
func copyOnce(ctx context.Context, t testing.TB, from, to *opened, verifyOnly bool) (report, notes string, err error) {
	t.Helper()
	k := newCopier(from.EventStore, to.EventStore)
	k.chunkEvents, k.chunkBytes = 100, 1<<20
	file, err := os.Create(filepath.Join(t.TempDir(), "progress"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	k.progress = progress.New(file)
	report, err = k.run(ctx, verifyOnly)
	k.progress.Close()
	written, readErr := os.ReadFile(file.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	return report, string(written), err
}

func mustCopy(t testing.TB, from, to *opened) string {
	t.Helper()
	report, notes, err := copyOnce(t.Context(), t, from, to, false)
	if err != nil {
		t.Fatalf("copy: %v\n%s", err, notes)
	}
	return report
}

func discard(t testing.TB) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
