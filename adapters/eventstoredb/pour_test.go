package eventstoredb_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// runs are so many events of a few streams by turns, each an append of its own but for every fifth, which is two.
func runs(n int) (all [][]domain.RecordedEvent, order []uuid.UUID) {
	next := map[domain.StreamName]domain.Revision{}
	for len(order) < n {
		stream := domain.StreamName(fmt.Sprintf("storetest-%d", len(order)%7))
		run := make([]domain.RecordedEvent, 1, 2)
		if len(all)%5 == 0 {
			run = run[:2]
		}
		for i := range run {
			run[i] = domain.RecordedEvent{ID: uuid.New(), Stream: stream, Revision: next[stream], Type: "happened.v1", Data: []byte("{}")}
			next[stream]++
			order = append(order, run[i].ID)
		}
		all = append(all, run)
	}
	return all, order
}

// holds fails the test unless the log is that, in that order.
func holds(t *testing.T, s *eventstoredb.Store, want []uuid.UUID) {
	t.Helper()
	var got []uuid.UUID
	for e, err := range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		check(t, err)
		got = append(got, e.ID)
	}
	if len(got) != len(want) {
		t.Fatalf("the log holds %d events, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("event %d is another", i+1)
		}
	}
}

func TestPourKeepsTheOrder(t *testing.T) {
	server, address := secured(t)
	cluster := esdbtest.StartCluster(t, 3)
	cluster.SetLeader(1)
	for name, address := range map[string]string{"with TLS and users": address, "three nodes": cluster.ConnectionString()} {
		for _, inFlight := range []int{1, 2, 64, 256} {
			prefix := fmt.Sprintf("%d.", inFlight)
			s := open(t, eventstoredb.Config{ConnectionString: address, Prefix: prefix})
			all, order := runs(1000)
			stored, last, err := s.Pour(t.Context(), all, inFlight)
			if err != nil || stored != len(order) {
				t.Fatalf("%s: %d of %d events, %v", name, stored, len(order), err)
			}
			holds(t, s, order)
			if stored, again, err := s.Pour(t.Context(), all[:100], inFlight); err != nil || stored == 0 || again >= last {
				t.Errorf("%s, sent again: %d events to %d, %v", name, stored, again, err)
			}
			holds(t, s, order)
		}
	}
	server.SetPassword("admin", "second")
	all, _ := runs(3)
	s := open(t, eventstoredb.Config{ConnectionString: address})
	if _, _, err := s.Pour(t.Context(), all, 64); !errors.Is(err, domain.ErrRefused) {
		t.Error(err)
	}
}

// What goes wrong in the middle of it, and what is known then. What was not known to be stored is sent again, and is there once.
func TestPourInterrupted(t *testing.T) {
	server := esdbtest.Start(t)
	for name, tt := range map[string]struct {
		effect esdbtest.Effect
		want   error
	}{
		"dropped before":     {esdbtest.DropBefore(), domain.ErrOutcomeUnknown},
		"dropped after":      {esdbtest.DropAfter(), domain.ErrOutcomeUnknown},
		"timed out, written": {esdbtest.AbortAfter(), domain.ErrOutcomeUnknown},
		"another leads":      {esdbtest.NotLeader(server.Addr()), domain.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: uuid.NewString()[:8] + "."})
			all, order := runs(300)
			server.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, After: 50, Times: 1, Effect: tt.effect})
			stored, _, err := s.Pour(t.Context(), all, 32)
			if !errors.Is(err, tt.want) || stored >= len(order) {
				t.Fatalf("%d events, %v, want %v", stored, err, tt.want)
			}
			for skipped := 0; skipped < stored; all = all[1:] {
				skipped += len(all[0])
			}
			if _, _, err := s.Pour(t.Context(), all, 32); err != nil {
				t.Fatal(err)
			}
			holds(t, s, order)
		})
	}
}

// A server that refuses an append and takes the ones after it has spoilt the order, and that is said; a refusal of the first,
// which goes alone, spoils nothing.
func TestPourOutOfOrder(t *testing.T) {
	for after, spoilt := range map[int]bool{0: false, 50: true} {
		for name, effect := range map[string]esdbtest.Effect{"not ready": esdbtest.NotReady(), "too busy": esdbtest.TooBusy()} {
			server := esdbtest.Start(t)
			s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: time.Minute})
			server.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, After: after, Times: 1, Effect: effect})
			all, _ := runs(300)
			_, _, err := s.Pour(t.Context(), all, 32)
			if errors.Is(err, eventstoredb.ErrOutOfOrder) != spoilt || !errors.Is(err, domain.ErrUnavailable) {
				t.Errorf("%s after %d: %v", name, after, err)
			}
		}
	}
	server := esdbtest.Start(t, esdbtest.Options{MaxEventBytes: 100})
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: time.Minute})
	all, _ := runs(3)
	all[0][0].Data = make([]byte, 200)
	if _, _, err := s.Pour(t.Context(), all, 32); !errors.Is(err, domain.ErrTooLarge) {
		t.Error(err)
	}
	hanging := esdbtest.Start(t)
	hanging.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, Effect: esdbtest.Delay(time.Hour)})
	s = connected(t, eventstoredb.Config{ConnectionString: hanging.ConnectionString(), Timeout: 3 * time.Second})
	if _, _, err := s.Pour(t.Context(), all, 32); !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Error(err)
	}
}
