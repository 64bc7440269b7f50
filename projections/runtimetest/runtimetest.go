// Package runtimetest is what the tests of the projection runtime, and of what runs on it, have in common.
package runtimetest

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/storetest"
)

// OnEventStoreDB begins the names of the tests that are run again on an EventStoreDB of which every few calls something goes
// wrong: the subscription is dropped or refused, the connection breaks, an append is written and not acknowledged.
const OnEventStoreDB = "TestOnEventStoreDB/"

// Patience is how long a test waits for what must happen, on a machine that does other things too; it costs nothing while things go well.
const Patience = 5 * time.Minute

// Lease is for nodes of a test that nobody takes over from: no stall of the machine loses it, and so has anything done twice. Whoever
// waits for another's lease looks at it three times in that time.
const Lease = time.Minute

// Store is PostgreSQL's, in the pool's database; in a test named TestOnEventStoreDB/… it is a faulty EventStoreDB's.
func Store(t testing.TB, pool *pgxpool.Pool) domain.EventStore {
	t.Helper()
	if !strings.HasPrefix(t.Name(), OnEventStoreDB) {
		store := postgres.NewEventStore(pool)
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	server := esdbtest.Start(t)
	faults := map[string]esdbtest.Fault{
		"dropped in the middle": {Method: esdbtest.Subscribe, Effect: esdbtest.DropSubscription(4)},
		"dropped at once":       {Method: esdbtest.Subscribe, Effect: esdbtest.DropSubscription(0)},
		"refused":               {Method: esdbtest.Subscribe, Effect: esdbtest.NotReady()},
		"not acknowledged":      {Method: esdbtest.Append, Effect: esdbtest.DropAfter()},
		"timed out":             {Method: esdbtest.Append, Effect: esdbtest.AbortAfter()},
		"not the leader":        {Method: esdbtest.Append, Effect: esdbtest.NotLeader(server.Addr())},
		"slow":                  {Method: esdbtest.Append, Effect: esdbtest.Delay(20 * time.Millisecond)},
		"half a read":           {Method: esdbtest.Read, Effect: esdbtest.DropSubscription(2)},
	}
	for i, name := range slices.Sorted(maps.Keys(faults)) {
		for round := range 10 {
			f := faults[name]
			f.Times = 1
			f.After = round * 9 // counted by method
			if f.Method != esdbtest.Subscribe {
				f.After = 5 + 40*round + 7*i
			}
			server.Inject(f)
		}
	}
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	t.Cleanup(func() { t.Logf("%d calls to EventStoreDB went wrong", server.Faulted()) })
	return store
}

// Append adds facts to the end of a stream, wherever that is.
func Append(t testing.TB, store domain.EventStore, stream domain.StreamName, facts ...domain.Event) domain.AppendResult {
	t.Helper()
	result, err := storetest.AppendToEnd(t.Context(), store, stream, Events(facts...))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Events are facts ready for a store, of the system and of now.
func Events(facts ...domain.Event) []domain.NewEvent {
	meta, _ := json.Marshal(domain.Metadata{Actor: domain.System, At: time.Now().UTC(), Schema: domain.MetadataSchema})
	events := make([]domain.NewEvent, len(facts))
	for i, f := range facts {
		data, _ := json.Marshal(f)
		events[i] = domain.NewEvent{ID: uuid.New(), Type: f.EventType(), Data: data, Metadata: meta}
	}
	return events
}

// Head is the position of the log's last event; 0 when there is none.
func Head(t testing.TB, store domain.EventStore) domain.Position {
	t.Helper()
	for e, err := range store.ReadAll(t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil {
			t.Fatal(err)
		}
		return e.Position
	}
	return 0
}

// Eventually polls until ok, or fails the test after Patience.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", Patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Hold gives a projection to another node, which neither does anything with it nor dies, until letGo is called.
func Hold(t testing.TB, pool *pgxpool.Pool, projection string) (letGo func()) {
	t.Helper()
	exec := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	// A lease that is not renewed would not keep a node out for longer than a lease can be.
	exec(`INSERT INTO projections.leases VALUES ('` + projection + `', 'another node', now() + interval '1 hour');
		CREATE FUNCTION projections.held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		CREATE TRIGGER held BEFORE INSERT OR UPDATE ON projections.leases FOR EACH ROW WHEN (NEW.projection = '` + projection + `')
			EXECUTE FUNCTION projections.held()`)
	return func() {
		t.Helper()
		exec(`DROP FUNCTION projections.held() CASCADE; DELETE FROM projections.leases WHERE projection = '` + projection + `'`)
	}
}

// Log is the test's own log where it is verbose, and nothing otherwise.
func Log(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
