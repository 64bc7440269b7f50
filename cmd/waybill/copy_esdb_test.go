package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// openESDB is a store on an EventStoreDB, as the command line opens it.
func openESDB(t testing.TB, server *esdbtest.Server, prefix string) *openedStore {
	t.Helper()
	s, err := openStore(t.Context(), config{eventStorePrefix: prefix}, server.ConnectionString(), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

func TestCopyToEventStoreDBAndBack(t *testing.T) {
	t.Parallel()
	log := oddLog(1500)
	from, between, back := filled(t, log), openESDB(t, esdbtest.Start(t), ""), openDB(t)
	report := mustCopy(t, from, between)
	expectLog(t, between, log, false)
	returned := mustCopy(t, between, back)
	expectLog(t, back, log, false)
	if digestOf(t, report) != digestOf(t, returned) {
		t.Errorf("the digest changed on the way:\n%s%s", report, returned)
	}
	// What is the target's own in PostgreSQL is the time of the copy in EventStoreDB.
	for e, err := range back.ReadAll(t.Context(), 0, domain.Forward, 1) {
		if err != nil || time.Since(e.RecordedAt) > time.Hour {
			t.Errorf("recorded at %s, %v", e.RecordedAt, err)
		}
	}
}

// Two logs share a server, each under its prefix.
func TestCopyToSharedEventStoreDB(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	logs := [][]domain.RecordedEvent{makeLog(300, 20), makeLog(300, 20)}
	for i, prefix := range []string{"one.", "two."} {
		from, to := filled(t, logs[i][:200]), openESDB(t, server, prefix)
		mustCopy(t, from, to)
		importLog(t, from, logs[i][200:])
		mustCopy(t, from, to)
		expectLog(t, to, logs[i], false)
	}
	expectLog(t, openESDB(t, server, "one."), logs[0], false)
}

func TestCopyRefusesOtherEventStoreDB(t *testing.T) {
	t.Parallel()
	log, other := makeLog(200, 10), makeLog(1, 1)
	held := append(append([]domain.RecordedEvent(nil), log[:100]...), other...)
	from, to := filled(t, log), openESDB(t, esdbtest.Start(t), "")
	mustCopy(t, filled(t, held), to)
	if _, _, err := copyOnce(t.Context(), t, from, to, false); err == nil || !strings.Contains(err.Error(), "event 101 is") {
		t.Errorf("got %v", err)
	}
	expectLog(t, to, held, false)
}

// However calls fail, with or without effect, on either side, every event is copied once and in order.
func TestCopyThroughFaults(t *testing.T) {
	t.Parallel()
	server, second := esdbtest.Start(t), esdbtest.Start(t)
	log := makeLog(1500, 100)
	from, between, back := filled(t, log), openESDB(t, server, ""), openDB(t)
	for i, effect := range []esdbtest.Effect{
		esdbtest.DropBefore(), esdbtest.DropAfter(), esdbtest.AbortBefore(), esdbtest.AbortAfter(), esdbtest.NotReady(), esdbtest.TooBusy(),
	} {
		server.Inject(esdbtest.Fault{Method: esdbtest.Append, After: 20 + 50*i + rand.N(30), Times: 1, Effect: effect})
	}
	server.Inject(esdbtest.Fault{Method: esdbtest.Read, After: 1, Times: 1, Effect: esdbtest.DropAfter()})
	mustCopy(t, from, between)
	expectLog(t, between, log, false)
	server.Inject(esdbtest.Fault{Method: esdbtest.Read, Times: 2, Effect: esdbtest.DropSubscription(100 + rand.N(100))})
	mustCopy(t, between, back)
	expectLog(t, back, log, false)
	if server.Faulted() < 9 {
		t.Errorf("only %d calls failed", server.Faulted())
	}
	again := openESDB(t, second, "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		mustCopy(t, from, again)
	}()
	restarts := 0
	for going := true; going; {
		select {
		case <-done:
			going = false
		case <-time.After(20 * time.Millisecond): // somewhere in it
			if restarts++; restarts <= 3 {
				if err := second.Restart(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if restarts < 2 {
		t.Errorf("restarted %d times", restarts)
	}
	expectLog(t, again, log, false)
}

func TestCopyToEventStoreDBKilled(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	log := makeLog(4000, 200)
	from, to := filled(t, log), openESDB(t, server, "")
	head := func() (head domain.Position) {
		for e, err := range to.ReadAll(t.Context(), domain.LogEnd, domain.Backward, 1) {
			if err != nil {
				t.Error(err)
			}
			head = e.Position
		}
		return head
	}
	killed := killCopies(t, pgtest.URL(from.pool), server.ConnectionString(), head, 200_000)
	t.Logf("killed %d times", killed)
	expectLog(t, to, log, false)
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
	do("staff", "add", "--name", "陈静", "--role", "reviewer") // the log goes on there

	back := do("copy", "--from", server.ConnectionString(), "--to=postgres")
	if digestOf(t, first) == digestOf(t, back) || !strings.Contains(back, "copied    2 events") {
		t.Errorf("not what was added:\n%s%s", first, back)
	}
	delete(env, "WAYBILL_EVENTSTORE")
	do("rebuild", "all")
	env.verified(t)
	if digestOf(t, do("copy", "--from", server.ConnectionString(), "--to=postgres", "--verify-only")) != digestOf(t, back) {
		t.Error("the digest is another")
	}
}
