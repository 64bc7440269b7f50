package projections

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/domain"
)

// TestOnEventStoreDB runs the tests of the projectors again, on an EventStoreDB of which every few calls something goes
// wrong: the subscription is dropped or refused, the connection breaks, an append is written and not acknowledged.
func TestOnEventStoreDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for name, test := range map[string]func(*testing.T){
		"ProjectorFollowsTheLog":                TestProjectorFollowsTheLog,
		"RedeliveredEventsChangeNothing":        TestRedeliveredEventsChangeNothing,
		"OldEpochIsFencedOut":                   TestOldEpochIsFencedOut,
		"TwoNodes":                              TestTwoNodes,
		"ConnectionsAreCutUnderLoad":            TestConnectionsAreCutUnderLoad,
		"PoisonParksItsStreamOnly":              TestPoisonParksItsStreamOnly,
		"EventThatCannotBeDecodedIsPoison":      TestEventThatCannotBeDecodedIsPoison,
		"MissingTableParksNothing":              TestMissingTableParksNothing,
		"RebuildWhileWritingAndReading":         TestRebuildWhileWritingAndReading,
		"RebuildStartsAfreshAfterInterruption":  TestRebuildStartsAfreshAfterAnInterruption,
		"RebuildReplacesDeadLetters":            TestRebuildReplacesDeadLetters,
		"CompareWhileWriting":                   TestCompareWhileWriting,
		"CompareCountsParkedStreams":            TestCompareCountsParkedStreams,
		"BookingsAreClosedWhenTheirProductGoes": TestBookingsAreClosedWhenTheirProductGoes,
		"ReactionRetriesAndGivesUp":             TestReactionRetriesAndGivesUp,
		"PubSub":                                TestPubSub,
	} {
		t.Run(name, test)
	}
}

// newStore is PostgreSQL's, in the pool's database; in TestOnEventStoreDB it is a faulty EventStoreDB's.
func newStore(t testing.TB, pool *pgxpool.Pool) domain.EventStore {
	t.Helper()
	if !strings.HasPrefix(t.Name(), "TestOnEventStoreDB/") {
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
