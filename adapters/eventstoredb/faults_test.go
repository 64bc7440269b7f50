package eventstoredb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
	"waybill/domain/storetest"
)

// The faults that a store heals without anybody noticing, but for the time it takes.
func healed(server *esdbtest.Server) map[string]esdbtest.Fault {
	return map[string]esdbtest.Fault{
		"connection dropped before the append": {Method: esdbtest.Append, Effect: esdbtest.DropBefore()},
		"connection dropped after the append":  {Method: esdbtest.Append, Effect: esdbtest.DropAfter()},
		"aborted before the append":            {Method: esdbtest.Append, Effect: esdbtest.AbortBefore()},
		"aborted after the append":             {Method: esdbtest.Append, Effect: esdbtest.AbortAfter()},
		"another is the leader":                {Method: esdbtest.Append, Effect: esdbtest.NotLeader(server.Addr())},
		"refused while sending":                {Method: esdbtest.Append, Effect: esdbtest.RefuseWhileSending()},
		"not ready":                            {Method: esdbtest.Append, Effect: esdbtest.NotReady()},
		"too busy":                             {Method: esdbtest.Append, Effect: esdbtest.TooBusy()},
		"slow":                                 {Method: esdbtest.Append, Effect: esdbtest.Delay(20 * time.Millisecond)},
		"connection dropped before a read":     {Method: esdbtest.Read, Effect: esdbtest.DropBefore()},
		"read ended in the middle":             {Method: esdbtest.Read, Effect: esdbtest.DropSubscription(3)},
		"not ready for a read":                 {Method: esdbtest.Read, Effect: esdbtest.NotReady()},
		"subscription refused":                 {Method: esdbtest.Subscribe, Effect: esdbtest.NotReady()},
		"subscription dropped at once":         {Method: esdbtest.Subscribe, Effect: esdbtest.DropSubscription(0)},
		"subscription dropped in the middle":   {Method: esdbtest.Subscribe, Effect: esdbtest.DropSubscription(5)},
	}
}

// TestContractUnderFaults runs the whole contract while every few calls one goes wrong.
func TestContractUnderFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	var hits atomic.Int64
	storetest.Run(t, storetest.Store{Parallel: true, Open: func(t *testing.T) domain.EventStore {
		server := esdbtest.Start(t)
		t.Cleanup(func() { hits.Add(int64(server.Faulted())) })
		for range 8 {
			after := 2
			for _, f := range healed(server) { // in another order each time
				f.After, f.Times = after, 1
				server.Inject(f)
				after += 11
			}
		}
		return open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	}})
	t.Logf("%d calls went wrong", hits.Load())
	if hits.Load() < 500 {
		t.Errorf("only %d calls went wrong", hits.Load())
	}
}

// Each fault by itself: nothing acknowledged is lost, nothing is there twice, the order is kept, and a subscriber sees it.
func TestEveryFaultIsHealed(t *testing.T) {
	for name := range healed(ownServer(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t)
			s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
			fault := healed(server)[name]
			fault.After, fault.Times = 3, 4
			server.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			const writers, each = 4, 15
			var writing sync.WaitGroup
			acked := make([][]uuid.UUID, writers)
			for w := range writers {
				writing.Go(func() { acked[w] = write(ctx, t, s, each) })
			}
			seen := map[uuid.UUID]bool{}
			for e, err := range s.Subscribe(ctx, 0) {
				if err != nil {
					t.Fatal(err)
				}
				if seen[e.ID] {
					t.Fatal("a subscriber got an event twice")
				}
				if seen[e.ID] = true; len(seen) == writers*each {
					break
				}
			}
			writing.Wait()
			for range 5 { // enough reads for a fault of theirs
				n := 0
				for e, err := range s.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
					if n++; err != nil || !seen[e.ID] {
						t.Fatal(e.ID, err)
					}
				}
				if n != writers*each {
					t.Fatalf("%d events in the log, %d were acknowledged", n, writers*each)
				}
			}
			if server.Faulted() == 0 {
				for range s.Subscribe(ctx, 0) { // only subscriptions would be hit, and there was one
					break
				}
			}
			for _, ids := range acked {
				for _, id := range ids {
					if !seen[id] {
						t.Fatal("what was acknowledged was not seen")
					}
				}
			}
		})
	}
}

// write appends so many single events to a stream of its own; every append must succeed.
func write(ctx context.Context, t *testing.T, s domain.EventStore, n int) (acked []uuid.UUID) {
	stream, expected := domain.Stream("storetest", uuid.New()), domain.NoStream()
	for i := range n {
		events := newEvents(1)
		result, err := s.Append(ctx, stream, expected, events)
		if err != nil || result.Duplicate || result.Revision != domain.Revision(i) {
			t.Errorf("event %d: %+v, %v", i, result, err)
			return acked
		}
		acked = append(acked, events[0].ID)
		expected = domain.Exactly(result.Revision)
	}
	return acked
}

// A server that is away for long: appends say so in time, and say truly whether they may have been written.
func TestOutcomesAreNamedTruly(t *testing.T) {
	for name, tt := range map[string]struct {
		effect  esdbtest.Effect
		timeout time.Duration // the store tries for two of them
		want    error
		there   int
	}{
		"refused for good": {esdbtest.NotLeader("127.0.0.1:1"), 3 * time.Second, domain.ErrUnavailable, 0},
		"aborted before":   {esdbtest.AbortBefore(), 3 * time.Second, domain.ErrOutcomeUnknown, 0},
		"aborted after":    {esdbtest.AbortAfter(), 3 * time.Second, domain.ErrOutcomeUnknown, 1},
		"no answer":        {esdbtest.Delay(time.Hour), 3 * time.Second, domain.ErrOutcomeUnknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t)
			hasty := connected(t, eventstoredb.Config{
				ConnectionString: server.ConnectionString() + "&maxDiscoverAttempts=1&gossipTimeout=1", Timeout: tt.timeout,
			})
			heal := server.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: tt.effect})
			stream, events := domain.Stream("storetest", uuid.New()), newEvents(1)
			if _, err := hasty.Append(t.Context(), stream, domain.NoStream(), events); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			heal()
			s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
			n := 0
			for _, err := range s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
				if n++; err != nil {
					t.Fatal(err)
				}
			}
			if n != tt.there {
				t.Errorf("%d events are there, want %d", n, tt.there)
			}
			if _, err := s.Append(t.Context(), stream, domain.NoStream(), events); err != nil { // the same ids, as the port asks
				t.Errorf("once more: %v", err)
			}
			n = 0
			for range s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
				n++
			}
			if n != 1 {
				t.Errorf("%d events at the end", n)
			}
		})
	}
}

// What the last attempt met does not make an earlier one's outcome known.
func TestUnknownOutcomeIsNotForgotten(t *testing.T) {
	server := esdbtest.Start(t)
	s := connected(t, eventstoredb.Config{
		ConnectionString: server.ConnectionString() + "&maxDiscoverAttempts=1&gossipTimeout=1", Timeout: 5 * time.Second,
	})
	server.Inject(esdbtest.Fault{Method: esdbtest.Append, Times: 1, Effect: esdbtest.AbortBefore()})
	server.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: esdbtest.NotLeader("127.0.0.1:1")})
	_, err := s.Append(t.Context(), domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1))
	if !errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, domain.ErrUnavailable) || server.Faulted() < 2 {
		t.Errorf("after %d refusals: %v", server.Faulted(), err)
	}
}

// A follower points to the leader, and the store goes there by itself; also when the leader changes.
func TestTheLeaderIsFollowed(t *testing.T) {
	cluster := esdbtest.StartCluster(t, 3)
	s := open(t, eventstoredb.Config{ConnectionString: cluster.ConnectionString()})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	stream, expected := domain.Stream("storetest", uuid.New()), domain.NoStream()
	for i := range 9 {
		if i%3 == 2 {
			cluster.SetLeader(i % 2)
		}
		result, err := s.Append(ctx, stream, expected, newEvents(1))
		if err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
		expected = domain.Exactly(result.Revision)
	}
	// The node it is on goes away for good.
	cluster.SetLeader(2)
	cluster.Node(0).Stop()
	for i := range 3 {
		result, err := s.Append(ctx, stream, expected, newEvents(1))
		if err != nil {
			t.Fatalf("append %d without the first node: %v", i, err)
		}
		expected = domain.Exactly(result.Revision)
	}
	if revision, _ := expected.Exact(); revision != 11 {
		t.Errorf("revision %d", revision)
	}
}

func TestSubscriptionsTellHowTheyAre(t *testing.T) {
	server := esdbtest.Start(t)
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	write(ctx, t, s, 20)
	taken, release := make(chan domain.Position), make(chan struct{})
	own, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e, err := range s.Subscribe(own, 0) {
			if err != nil {
				return
			}
			taken <- e.Position
			<-release
		}
	}()
	first := <-taken
	status := func() eventstoredb.SubscriptionStatus {
		all := s.Subscriptions()
		if len(all) != 1 {
			t.Fatalf("%d subscriptions", len(all))
		}
		return all[0]
	}
	if now := status(); now.CaughtUp {
		t.Errorf("caught up with 19 events to come: %+v", now)
	}
	if n, err := s.CountAfter(ctx, first, 1000); n != 19 || err != nil {
		t.Errorf("%d events behind, %v", n, err)
	}
	if n, err := s.CountAfter(ctx, first, 5); n != 5 || err != nil {
		t.Errorf("%d events behind, counted to 5, %v", n, err)
	}
	var last domain.Position
	for range 19 {
		release <- struct{}{}
		last = <-taken
	}
	close(release)
	for ctx.Err() == nil && !status().CaughtUp {
		time.Sleep(time.Millisecond)
	}
	if now := status(); now.After != last || now.Waiting != 0 || now.Lag != 0 || now.Drops != 0 {
		t.Errorf("at the end: %+v, the last event is at %d", now, last)
	}
	server.DropConnections()
	for ctx.Err() == nil && (status().Drops == 0 || !status().CaughtUp) {
		time.Sleep(time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error(fmt.Errorf("after a drop: %+v: %w", status(), ctx.Err()))
	}
	stop()
	<-ended
	if n := len(s.Subscriptions()); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}
