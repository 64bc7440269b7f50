package eventstoredb_test

import (
	"context"
	"errors"
	"os"
	"strings"
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

// realServer is a server to test against instead of the one in this process; it may hold other data.
const realServer = "WAYBILL_TEST_ESDB"

// connectionString is the real server's, or that of one of the test's own, which is then not nil.
func connectionString(t testing.TB) (string, *esdbtest.Server) {
	if given := os.Getenv(realServer); given != "" {
		return given, nil
	}
	server := esdbtest.Start(t)
	return server.ConnectionString(), server
}

// ownServer skips a test that needs one to be broken at will.
func ownServer(t testing.TB) *esdbtest.Server {
	t.Helper()
	_, server := connectionString(t)
	if server == nil {
		t.Skip("it would break the server of " + realServer)
	}
	return server
}

func open(t testing.TB, config eventstoredb.Config) *eventstoredb.Store {
	t.Helper()
	s, err := eventstoredb.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// connected is a store that has asked its server once: what its timeout bounds from then on is what the test does.
func connected(t testing.TB, config eventstoredb.Config) *eventstoredb.Store {
	t.Helper()
	s := open(t, config)
	for end := time.Now().Add(2 * time.Minute); ; {
		var failed error
		for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, 1) {
			failed = err
		}
		if failed == nil {
			return s
		}
		if time.Now().After(end) {
			t.Fatal(failed)
		}
	}
}

func TestEventStore(t *testing.T) {
	suite := storetest.Store{Open: func(t *testing.T) domain.EventStore {
		address, _ := connectionString(t)
		return open(t, eventstoredb.Config{ConnectionString: address})
	}}
	if os.Getenv(realServer) == "" {
		var opened *esdbtest.Server
		suite.Open = func(t *testing.T) domain.EventStore {
			opened = esdbtest.Start(t)
			return open(t, eventstoredb.Config{ConnectionString: opened.ConnectionString()})
		}
		suite.Interrupt = func(t *testing.T) {
			if err := opened.Restart(); err != nil {
				t.Fatal(err)
			}
		}
	}
	storetest.Run(t, suite)
}

// A server from before caught-up messages said where they are, and each event had its limit, is no other store.
func TestAnOlderServer(t *testing.T) {
	storetest.Run(t, storetest.Store{Open: func(t *testing.T) domain.EventStore {
		server := esdbtest.Start(t, esdbtest.Options{Version: "24.10.0"})
		return open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	}})
}

// A store with a prefix sees its own streams only, whatever else the server holds.
func TestPrefixedStore(t *testing.T) {
	address, _ := connectionString(t)
	storetest.Run(t, storetest.Store{Open: func(t *testing.T) domain.EventStore {
		s := open(t, eventstoredb.Config{ConnectionString: address, Prefix: "t" + strings.ReplaceAll(uuid.NewString(), "-", "") + "_"})
		for e, err := range s.ReadAll(t.Context(), 0, domain.Forward, 1) {
			t.Fatalf("a new prefix holds %v, %v", e, err)
		}
		return s
	}})
}

// Two nodes on one server are one store.
func TestTwoNodes(t *testing.T) {
	address, _ := connectionString(t)
	storetest.Run(t, storetest.Store{Open: func(t *testing.T) domain.EventStore {
		n := &nodes{
			EventStore: open(t, eventstoredb.Config{ConnectionString: address}), other: open(t, eventstoredb.Config{ConnectionString: address}),
		}
		for _, err := range n.other.ReadAll(t.Context(), 0, domain.Forward, 1) { // it is connected from now on, as the suite counts goroutines
			if err != nil {
				t.Fatal(err)
			}
		}
		return n
	}})
}

// nodes appends through one or the other by turns, and reads through the first. What one node cannot know, it says so;
// then the stream decides, as commands have it decide.
type nodes struct {
	domain.EventStore
	other domain.EventStore
	turn  atomic.Int64
	// appends are those made so far, by stream and first id; each is locked while it is under way, so that there is a first.
	appends sync.Map
}

func (n *nodes) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent) (domain.AppendResult, error) {
	node := n.EventStore
	if n.turn.Add(1)%2 == 0 {
		node = n.other
	}
	var first uuid.UUID
	if len(events) > 0 {
		first = events[0].ID
	}
	known, _ := n.appends.LoadOrStore(string(stream)+first.String(), new(appended))
	known.(*appended).Lock()
	defer known.(*appended).Unlock()
	result, err := node.Append(ctx, stream, expected, events)
	if err == nil {
		if result.Duplicate && !known.(*appended).done {
			return result, errors.New("called a duplicate, but it is the first")
		}
		result.Duplicate = known.(*appended).done
		known.(*appended).done = true
	}
	return result, err
}

type appended struct {
	sync.Mutex
	done bool
}

func TestDuplicatesOfAnotherNodeAreUnconfirmed(t *testing.T) {
	address, _ := connectionString(t)
	config := eventstoredb.Config{ConnectionString: address}
	one, other := open(t, config), open(t, config)
	ctx, stream, events := t.Context(), domain.Stream("storetest", uuid.New()), newEvents(2)
	first, err := one.Append(ctx, stream, domain.NoStream(), events)
	if err != nil {
		t.Fatal(err)
	}
	again, err := other.Append(ctx, stream, domain.NoStream(), events)
	if err != nil || again.Revision != first.Revision || again.Position != first.Position || !again.Unconfirmed {
		t.Errorf("first %+v, another node %+v, %v", first, again, err)
	}
	again, err = one.Append(ctx, stream, domain.NoStream(), events)
	if err != nil || !again.Duplicate || again.Position != first.Position {
		t.Errorf("first %+v, the same node %+v, %v", first, again, err)
	}
	// A node knows what it has read.
	reader := open(t, config)
	for _, err := range reader.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
	}
	again, err = reader.Append(ctx, stream, domain.NoStream(), events)
	if err != nil || !again.Duplicate || again.Position != first.Position {
		t.Errorf("first %+v, a node that has read it %+v, %v", first, again, err)
	}
}

func newEvents(n int) []domain.NewEvent {
	events := make([]domain.NewEvent, n)
	for i := range events {
		events[i] = domain.NewEvent{ID: uuid.New(), Type: "thing-happened.v1", Data: []byte(`{"n":1}`), Metadata: []byte(`{"m":1}`)}
	}
	return events
}

func TestOurNamesAreNotTheServers(t *testing.T) {
	address, _ := connectionString(t)
	s := open(t, eventstoredb.Config{ConnectionString: address})
	if _, err := s.Append(t.Context(), "$settings", domain.NoStream(), newEvents(1)); !errors.Is(err, domain.ErrInvalidAppend) {
		t.Errorf("got %v", err)
	}
}

// What the server counts and the port does not (the types, twice their length) is refused before it is sent.
func TestTooLargeForTheServer(t *testing.T) {
	address, _ := connectionString(t)
	s := open(t, eventstoredb.Config{ConnectionString: address})
	events := newEvents(domain.MaxAppendEvents)
	for i := range events {
		events[i].Type = strings.Repeat("t", domain.MaxNameBytes)
		events[i].Data = make([]byte, domain.MaxAppendBytes/domain.MaxAppendEvents-100)
	}
	stream := domain.Stream("storetest", uuid.New())
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), events); !errors.Is(err, domain.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// A server that takes less than is usual says so, and what it says arrives.
func TestTooLargeForThisServer(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{MaxAppendBytes: 10_000})
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	events := newEvents(1)
	events[0].Data = make([]byte, 20_000)
	if _, err := s.Append(t.Context(), domain.Stream("storetest", uuid.New()), domain.NoStream(), events); !errors.Is(err, domain.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// Nothing waits for a server for long, and nothing is left of a store that was closed.
func TestNoServer(t *testing.T) {
	server := esdbtest.Start(t)
	address := server.ConnectionString() + "&maxDiscoverAttempts=2&discoveryInterval=10"
	server.Stop()
	s := open(t, eventstoredb.Config{ConnectionString: address, Timeout: time.Second})
	ctx := t.Context()
	if _, err := s.Append(ctx, domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1)); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	for what, seq := range map[string]func(func(domain.RecordedEvent, error) bool){
		"read a stream": s.ReadStream(ctx, "storetest-x", 0, domain.Forward, 1),
		"read the log":  s.ReadAll(ctx, 0, domain.Forward, 1),
		"subscribe":     s.Subscribe(ctx, 0),
	} {
		n := 0
		for _, err := range seq {
			if n++; !errors.Is(err, domain.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d answers", what, n)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		_, err := s.Append(ctx, domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1))
		if err == nil {
			break
		}
		unknown := errors.Is(err, domain.ErrOutcomeUnknown) // a busy machine takes longer than a second
		if !unknown && !errors.Is(err, domain.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("the server is there again: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(ctx, domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1)); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("append to a closed store: %v", err)
	}
}

// Breaking off a read, a subscription or an append is no fault of the connection.
func TestGivingUpCostsNoConnection(t *testing.T) {
	server := esdbtest.Start(t)
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	stream := domain.Stream("storetest", uuid.New())
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(domain.MaxAppendEvents)); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		for range s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
			break
		}
		for range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
			break
		}
		for range s.ReadAll(t.Context(), 0, domain.Forward, 1) { // and the next page is under way
		}
		for range s.Subscribe(t.Context(), 0) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_, err := s.Append(ctx, domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1))
		if err != nil && !errors.Is(err, domain.ErrOutcomeUnknown) && !errors.Is(err, domain.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := s.Restarts(); n != 0 {
		t.Errorf("%d new clients", n)
	}
}

// The server knows only positions where an event begins; the port takes any.
func TestPositionsThatNoEventHas(t *testing.T) {
	address, _ := connectionString(t)
	s := open(t, eventstoredb.Config{ConnectionString: address, Prefix: "t" + strings.ReplaceAll(uuid.NewString(), "-", "") + "_"})
	stream := domain.Stream("storetest", uuid.New())
	events := newEvents(5)
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), events); err != nil {
		t.Fatal(err)
	}
	var at []domain.Position
	for e, err := range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, e.Position)
	}
	for _, tt := range []struct {
		at    domain.Position
		dir   domain.Direction
		first int // of the events; -1 for none
		n     int
	}{
		{at[1] + 1, domain.Forward, 2, 3},
		{at[2] - 1, domain.Forward, 2, 3},
		{at[4] + 1, domain.Forward, -1, 0},
		{at[4] + 1<<40, domain.Forward, -1, 0},
		{at[2] + 1, domain.Backward, 2, 3},
		{at[2] - 1, domain.Backward, 1, 2},
		{at[4] + 1, domain.Backward, 4, 5},
		{at[4] + 1<<40, domain.Backward, 4, 5},
	} {
		n := 0
		for e, err := range s.ReadAll(t.Context(), tt.at, tt.dir, domain.NoLimit) {
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 && (tt.first < 0 || e.ID != events[tt.first].ID) {
				t.Errorf("%d %v begins with %s@%d", tt.at, tt.dir, e.Stream, e.Revision)
			}
			n++
		}
		if n != tt.n {
			t.Errorf("%d %v: %d events, want %d", tt.at, tt.dir, n, tt.n)
		}
	}
	for e, err := range s.Subscribe(t.Context(), at[1]+1) {
		if err != nil || e.ID != events[2].ID {
			t.Errorf("a subscription between two events begins with %s@%d, %v", e.Stream, e.Revision, err)
		}
		break
	}
}

// A store that is closed, or has given a client up, leaves no connection behind.
func TestConnectionsAreClosed(t *testing.T) {
	server := esdbtest.Start(t)
	few := func(what string, most int) {
		t.Helper()
		deadline := time.Now().Add(2 * time.Minute)
		for server.Connections() > most {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d connections", what, server.Connections())
			}
			time.Sleep(time.Millisecond)
		}
	}
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	stream := domain.Stream("storetest", uuid.New())
	if _, err := s.Append(t.Context(), stream, domain.NoStream(), newEvents(1)); err != nil {
		t.Fatal(err)
	}
	if server.Connections() == 0 {
		t.Fatal("no connection was counted")
	}
	server.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: esdbtest.NotReady(), Times: 1}) // the client is given up for it
	if _, err := s.Append(t.Context(), stream, domain.Exactly(0), newEvents(1)); err != nil {
		t.Fatal(err)
	}
	if s.Restarts() == 0 {
		t.Fatal("the client was kept")
	}
	few("after another client was made", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	few("after the end", 0)
}
