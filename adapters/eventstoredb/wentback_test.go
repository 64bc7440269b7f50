package eventstoredb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
	"waybill/domain/storetest"
)

// restorable is a server whose log can be put back to what it was, under the same address.
type restorable struct {
	*esdbtest.Server
	t    *testing.T
	data string
}

func startRestorable(t *testing.T) *restorable {
	r := &restorable{t: t, data: t.TempDir()}
	r.Server = esdbtest.Start(t, esdbtest.Options{Data: r.data})
	return r
}

// backup copies the log as it is.
func (r *restorable) backup() string {
	r.t.Helper()
	to := r.t.TempDir()
	journal, err := os.ReadFile(filepath.Join(r.data, "journal"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "journal"), journal, 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return to
}

// restore ends the server and has another take its place.
func (r *restorable) restore(from string) {
	r.t.Helper()
	addr := r.Addr()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.data = from
	r.Server = esdbtest.Start(r.t, esdbtest.Options{Data: from, Listen: addr})
}

func put(t *testing.T, store domain.EventStore, stream domain.StreamName) domain.AppendResult {
	t.Helper()
	e := domain.NewEvent{ID: uuid.New(), Type: "put", Data: []byte(`{}`), Metadata: []byte(`{}`)}
	result, err := storetest.AppendToEnd(t.Context(), store, stream, []domain.NewEvent{e})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestALogThatWentBackEndsSubscriptions: nothing is yielded of a log that does not have what was yielded last, also when it is longer.
func TestALogThatWentBackEndsSubscriptions(t *testing.T) {
	t.Parallel()
	for name, grown := range map[string]int{"shorter": 1, "longer": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startRestorable(t)
			store := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
			stream := domain.Stream("put", uuid.New())
			put(t, store, stream)
			backup := server.backup()
			for range 4 {
				put(t, store, stream)
			}
			var ended error
			got := 0
			for e, err := range store.Subscribe(t.Context(), 0) {
				if err != nil {
					ended = err
					break
				}
				if got++; e.Revision == 4 {
					server.restore(backup)
					for range grown {
						put(t, open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()}), stream)
					}
				}
			}
			if !errors.Is(ended, domain.ErrWentBack) || errors.Is(ended, domain.ErrUnavailable) || got != 5 {
				t.Errorf("%d events, and then: %v", got, ended)
			}
		})
	}
}

// TestALogThatWentBackEndsReads: half of the one log is not continued with half of the other.
func TestALogThatWentBackEndsReads(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(domain.EventStore, context.Context, domain.StreamName, func()) (int, error){
		"the log": func(s domain.EventStore, ctx context.Context, _ domain.StreamName, change func()) (n int, err error) {
			for _, err = range s.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
				if n++; n == 2 {
					change()
				}
			}
			return n, err
		},
		"a stream": func(s domain.EventStore, ctx context.Context, stream domain.StreamName, change func()) (n int, err error) {
			for _, err = range s.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
				if n++; n == 2 {
					change()
				}
			}
			return n, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startRestorable(t)
			stream := domain.Stream("put", uuid.New())
			store := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
			put(t, store, stream)
			backup := server.backup()
			for range 12 {
				var events []domain.NewEvent
				for range 50 {
					events = append(events, domain.NewEvent{ID: uuid.New(), Type: "put", Data: make([]byte, 10_000)})
				}
				if _, err := storetest.AppendToEnd(t.Context(), store, stream, events); err != nil {
					t.Fatal(err)
				}
			}
			// More than is on its way when the second event is looked at, which is the first that the restored log lacks: who has seen only
			// what both logs have is rightly told no more than that.
			n, err := read(store, t.Context(), stream, func() { server.restore(backup) })
			if !errors.Is(err, domain.ErrWentBack) {
				t.Errorf("%d events, and then: %v", n, err)
			}
		})
	}
}

// TestAppendToALogThatWentBack: what is new is no repetition, though its position is one that an event had before.
func TestAppendToALogThatWentBack(t *testing.T) {
	t.Parallel()
	server := startRestorable(t)
	store := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	stream := domain.Stream("put", uuid.New())
	put(t, store, stream)
	backup := server.backup()
	for range 4 {
		put(t, store, stream)
	}
	server.restore(backup)
	if result := put(t, store, stream); result.Duplicate || result.Revision != 1 {
		t.Errorf("got %+v", result)
	}
	if result := put(t, store, stream); result.Duplicate || result.Revision != 2 {
		t.Errorf("got %+v", result)
	}
}

// TestEventAt: the event of a position is found as long as the server has it, whatever became of its stream.
func TestEventAt(t *testing.T) {
	t.Parallel()
	text, _ := connectionString(t)
	prefix := fmt.Sprintf("place%d_", uuid.New().ID())
	store := open(t, eventstoredb.Config{ConnectionString: text, Prefix: prefix})
	streams := []domain.StreamName{domain.Stream("put", uuid.New()), domain.Stream("put", uuid.New()), domain.Stream("put", uuid.New())}
	var at []domain.AppendResult
	for _, s := range streams {
		at = append(at, put(t, store, s))
	}
	client := rawClient(t, text)
	if _, err := client.DeleteStream(t.Context(), prefix+string(streams[1]), esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.TombstoneStream(t.Context(), prefix+string(streams[2]), esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	for i, s := range streams {
		e, found, err := store.EventAt(t.Context(), at[i].Position)
		if err != nil || !found || e.Stream != s || e.Revision != 0 || e.Position != at[i].Position {
			t.Errorf("%d: %+v, %v, %v", i, e, found, err)
		}
	}
	for _, none := range []domain.Position{0, at[1].Position + 1, at[2].Position + 1<<40, domain.LogEnd} {
		if _, found, err := store.EventAt(t.Context(), none); found || err != nil {
			t.Errorf("at %d: %v, %v", none, found, err)
		}
	}
}

// TestDeletedStreams: who reads or appends to a stream that was deleted in the server itself is told so.
func TestDeletedStreams(t *testing.T) {
	t.Parallel()
	text, _ := connectionString(t)
	prefix := fmt.Sprintf("deleted%d_", uuid.New().ID())
	store := open(t, eventstoredb.Config{ConnectionString: text, Prefix: prefix})
	hidden, gone := domain.Stream("put", uuid.New()), domain.Stream("put", uuid.New())
	for _, s := range []domain.StreamName{hidden, gone} {
		put(t, store, s)
		put(t, store, s)
	}
	client := rawClient(t, text)
	if _, err := client.DeleteStream(t.Context(), prefix+string(hidden), esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.TombstoneStream(t.Context(), prefix+string(gone), esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	event := func() []domain.NewEvent {
		return []domain.NewEvent{{ID: uuid.New(), Type: "put", Data: []byte(`{}`), Metadata: []byte(`{}`)}}
	}
	for _, dir := range []domain.Direction{domain.Forward, domain.Backward} {
		from := domain.Revision(0)
		if dir == domain.Backward {
			from = domain.End
		}
		for _, err := range store.ReadStream(t.Context(), gone, from, dir, 10) {
			if !errors.Is(err, domain.ErrStreamDeleted) {
				t.Errorf("read: %v", err)
			}
		}
	}
	for _, expected := range []domain.ExpectedRevision{domain.NoStream(), domain.Exactly(0), domain.Exactly(1)} {
		if _, err := store.Append(t.Context(), gone, expected, event()); !errors.Is(err, domain.ErrStreamDeleted) {
			t.Errorf("append expecting %s: %v", expected, err)
		}
	}
	// The server takes it as new, and goes on with its revisions: what is decided on nothing must not pass for the beginning.
	if _, err := store.Append(t.Context(), hidden, domain.NoStream(), event()); !errors.Is(err, domain.ErrStreamDeleted) {
		t.Errorf("append to what is hidden: %v", err)
	}
}

func rawClient(t *testing.T, text string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(text)
	if err != nil {
		t.Fatal(err)
	}
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
