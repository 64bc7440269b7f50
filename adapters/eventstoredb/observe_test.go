package eventstoredb_test

import (
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// An append that was sent is observed once; that the stream was elsewhere is no failure of the server.
func TestAppendsAreObserved(t *testing.T) {
	server := esdbtest.Start(t)
	var mu sync.Mutex
	var seen []eventstoredb.Appended
	s := open(t, eventstoredb.Config{
		ConnectionString: server.ConnectionString() + "&maxDiscoverAttempts=1&gossipTimeout=1", Timeout: 5 * time.Second,
		Observe: func(a eventstoredb.Appended) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, a)
		},
	})
	stream := domain.Stream("storetest", uuid.New())
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(2)); !errors.Is(err, domain.ErrConflict) {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), nil); !errors.Is(err, domain.ErrInvalidAppend) {
		t.Fatal(err)
	}
	server.Stop()
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(1)); err == nil {
		t.Fatal("appended to a server that is stopped")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 3 || seen[0].Events != 3 || seen[1].Events != 2 || seen[2].Events != 1 {
		t.Fatalf("observed %+v", seen)
	}
	if seen[0].Err != nil || seen[1].Err != nil || seen[2].Err == nil {
		t.Errorf("observed %+v", seen)
	}
}

// Every call goes to the leader: a follower would pass a write on, and what it has to read may not be the latest.
func TestCallsGoToTheLeader(t *testing.T) {
	cluster := esdbtest.StartCluster(t, 2)
	s := open(t, eventstoredb.Config{ConnectionString: cluster.ConnectionString()})
	stream := domain.Stream("storetest", uuid.New())
	add := func(stream domain.StreamName) error {
		_, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(1))
		return err
	}
	if err := add(stream); err != nil {
		t.Fatal(err)
	}
	first := func(seq iter.Seq2[domain.RecordedEvent, error]) error {
		for _, err := range seq {
			return err
		}
		return errors.New("nothing was read")
	}
	for what, tt := range map[string]struct {
		method esdbtest.Method
		call   func() error
	}{
		"append":        {esdbtest.Append, func() error { return add(domain.Stream("storetest", uuid.New())) }},
		"read a stream": {esdbtest.Read, func() error { return first(s.ReadStream(t.Context(), stream, 0, domain.Forward, 1)) }},
		"read the log":  {esdbtest.Read, func() error { return first(s.ReadAll(t.Context(), 0, domain.Forward, 1)) }},
	} {
		for leader := range 2 {
			cluster.SetLeader(leader)
			node := cluster.Node(leader)
			before := node.Faulted()
			cancel := node.Inject(esdbtest.Fault{Method: tt.method, Effect: esdbtest.Delay(time.Millisecond)}) // so that it counts
			if err := tt.call(); err != nil {
				t.Fatal(what, err)
			}
			cancel()
			if node.Faulted() == before {
				t.Errorf("%s: no call at node %d, which leads", what, leader)
			}
		}
	}
}

// A read that is interrupted goes on behind the last event that it had, in either direction and up to its limit.
func TestReadsGoOnBehindTheLast(t *testing.T) {
	server := esdbtest.Start(t)
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	stream, events := domain.Stream("storetest", uuid.New()), newEvents(domain.MaxAppendEvents)
	for i := range events {
		events[i].Data = make([]byte, 1000) // so that much is under way when it is interrupted
	}
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), events); err != nil {
		t.Fatal(err)
	}
	const limit = domain.MaxAppendEvents - 10
	for what, tt := range map[string]struct {
		read     iter.Seq2[domain.RecordedEvent, error]
		backward bool
		want     int
	}{
		"stream forward":  {s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit), false, len(events)},
		"stream backward": {s.ReadStream(t.Context(), stream, domain.End, domain.Backward, limit), true, limit},
		"log forward":     {s.ReadAll(t.Context(), 0, domain.Forward, limit), false, limit},
		"log backward":    {s.ReadAll(t.Context(), domain.LogEnd, domain.Backward, domain.NoLimit), true, len(events)},
	} {
		before := server.Faulted()
		cancel := server.Inject(esdbtest.Fault{Method: esdbtest.Read, Times: 2, Effect: esdbtest.DropSubscription(200)})
		n := 0
		for e, err := range tt.read {
			if err != nil {
				t.Fatal(what, err)
			}
			want := domain.Revision(n)
			if tt.backward {
				want = domain.Revision(len(events) - 1 - n)
			}
			if e.Revision != want {
				t.Fatalf("%s: event %d is at revision %d, want %d", what, n, e.Revision, want)
			}
			n++
		}
		cancel()
		if n != tt.want || server.Faulted() != before+2 {
			t.Errorf("%s: %d events, want %d; %d interruptions", what, n, tt.want, server.Faulted()-before)
		}
	}
}
