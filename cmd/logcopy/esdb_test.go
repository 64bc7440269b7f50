package logcopy

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/cmd/logcopy/logtest"
	"waybill/domain"
)

func TestCopyToEventStoreDBAndBack(t *testing.T) {
	t.Parallel()
	log := logtest.Odd(1500)
	from, between, back := filled(t, log), openESDB(t, esdbtest.Start(t), ""), openDB(t)
	report := mustCopy(t, from, between)
	logtest.Expect(t, between, log, false)
	returned := mustCopy(t, between, back)
	logtest.Expect(t, back, log, false)
	if logtest.Digest(t, report) != logtest.Digest(t, returned) {
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
	logs := [][]domain.RecordedEvent{logtest.Random(300, 20), logtest.Random(300, 20)}
	for i, prefix := range []string{"one.", "two."} {
		from, to := filled(t, logs[i][:200]), openESDB(t, server, prefix)
		mustCopy(t, from, to)
		logtest.Import(t, from.EventStore, logs[i][200:])
		mustCopy(t, from, to)
		logtest.Expect(t, to, logs[i], false)
	}
	logtest.Expect(t, openESDB(t, server, "one."), logs[0], false)
}

func TestCopyRefusesOtherEventStoreDB(t *testing.T) {
	t.Parallel()
	log, other := logtest.Random(200, 10), logtest.Random(1, 1)
	held := append(append([]domain.RecordedEvent(nil), log[:100]...), other...)
	from, to := filled(t, log), openESDB(t, esdbtest.Start(t), "")
	mustCopy(t, filled(t, held), to)
	if _, _, err := copyOnce(t.Context(), t, from, to, false); err == nil || !strings.Contains(err.Error(), "event 101 is") {
		t.Errorf("got %v", err)
	}
	logtest.Expect(t, to, held, false)
}

// However calls fail, with or without effect, on either side, every event is copied once and in order.
func TestCopyThroughFaults(t *testing.T) {
	t.Parallel()
	server, second := esdbtest.Start(t), esdbtest.Start(t)
	log := logtest.Random(1500, 100)
	from, between, back := filled(t, log), openESDB(t, server, ""), openDB(t)
	for i, effect := range []esdbtest.Effect{
		esdbtest.DropBefore(), esdbtest.DropAfter(), esdbtest.AbortBefore(), esdbtest.AbortAfter(), esdbtest.NotReady(), esdbtest.TooBusy(),
	} {
		server.Inject(esdbtest.Fault{Method: esdbtest.Append, After: 20 + 50*i + rand.N(30), Times: 1, Effect: effect})
	}
	server.Inject(esdbtest.Fault{Method: esdbtest.Read, After: 1, Times: 1, Effect: esdbtest.DropAfter()})
	mustCopy(t, from, between)
	logtest.Expect(t, between, log, false)
	server.Inject(esdbtest.Fault{Method: esdbtest.Read, Times: 2, Effect: esdbtest.DropSubscription(100 + rand.N(100))})
	mustCopy(t, between, back)
	logtest.Expect(t, back, log, false)
	if server.Faulted() < 9 {
		t.Errorf("only %d calls failed", server.Faulted())
	}
	again := openESDB(t, second, "")
	restarted := &meddled{EventStore: from.EventStore, every: 300, times: 3, meddle: func() {
		if err := second.Restart(); err != nil {
			t.Error(err)
		}
	}}
	mustCopy(t, &opened{EventStore: restarted}, again)
	if restarted.done != restarted.times {
		t.Errorf("restarted %d times", restarted.done)
	}
	logtest.Expect(t, again, log, false)
}
