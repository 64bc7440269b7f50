// Package storetest is the contract of domain.EventStore as a suite: every store passes it. It uses fresh streams only,
// so it can run on a store that holds other data and has other writers.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Store is the store under test.
type Store struct {
	// Open returns the store, empty or not; it closes it at the end of the test. Each test opens its own.
	Open func(t *testing.T) domain.EventStore
	// Interrupt, when given, makes the opened store's server drop all its connections and come back by itself.
	Interrupt func(t *testing.T)
	// Parallel runs tests at once that do not count goroutines, for a store that mostly waits. Open is then called at once, too.
	Parallel bool
}

// Run runs the suite.
func Run(t *testing.T, s Store) {
	groups := []struct {
		name  string
		tests map[string]func(*testing.T, domain.EventStore)
	}{
		{"append", appendTests},
		{"idempotence", idempotenceTests},
		{"race", raceTests},
		{"read", readTests},
		{"subscribe", subscribeTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for name, test := range g.tests {
				t.Run(name, func(t *testing.T) {
					if s.Parallel && g.name != "subscribe" {
						t.Parallel()
					}
					test(t, s.Open(t))
				})
			}
		})
	}
	if s.Interrupt != nil {
		t.Run("interrupt", func(t *testing.T) {
			for name, test := range interruptTests {
				t.Run(name, func(t *testing.T) { test(t, s.Open(t), s.Interrupt) })
			}
		})
	}
}

// AppendToEnd appends to a stream wherever it ends, as commands do: read, append, after a conflict again. It is for tests
// whose streams have other writers. Its errors are those of the store, but for ErrConflict.
func AppendToEnd(
	ctx context.Context, s domain.EventStore, stream domain.StreamName, events []domain.NewEvent,
) (domain.AppendResult, error) {
	for {
		expected := domain.NoStream()
		for e, err := range s.ReadStream(ctx, stream, domain.End, domain.Backward, 1) {
			if err != nil {
				return domain.AppendResult{}, err
			}
			expected = domain.Exactly(e.Revision)
		}
		result, err := s.Append(ctx, stream, expected, events)
		if !errors.Is(err, domain.ErrConflict) {
			return result, err
		}
	}
}

// deadline bounds every test; a store that takes as long is stuck.
const deadline = 3 * time.Minute

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func newStream() domain.StreamName { return domain.Stream("storetest", uuid.New()) }

// newEvents makes n events that can be told apart.
func newEvents(n int) []domain.NewEvent {
	events := make([]domain.NewEvent, n)
	for i := range events {
		id := uuid.New()
		events[i] = domain.NewEvent{
			ID: id, Type: fmt.Sprintf("storetest-%d.v1", i%3),
			Data: fmt.Appendf(nil, `{"n":%d,"id":%q}`, i, id), Metadata: fmt.Appendf(nil, `{"m":%d}`, i),
		}
	}
	return events
}

func mustAppend(ctx context.Context, t *testing.T, s domain.EventStore, stream domain.StreamName,
	expected domain.ExpectedRevision, events ...domain.NewEvent,
) domain.AppendResult {
	t.Helper()
	result, err := s.Append(ctx, stream, expected, events)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func refuse(ctx context.Context, t *testing.T, s domain.EventStore, stream domain.StreamName,
	expected domain.ExpectedRevision, want error, events ...domain.NewEvent,
) {
	t.Helper()
	result, err := s.Append(ctx, stream, expected, events)
	if !errors.Is(err, want) {
		t.Fatalf("expecting %s: got %+v, %v; want %v", expected, result, err, want)
	}
}

func collect(t *testing.T, seq iter.Seq2[domain.RecordedEvent, error]) []domain.RecordedEvent {
	t.Helper()
	var all []domain.RecordedEvent
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func readStream(ctx context.Context, t *testing.T, s domain.EventStore, stream domain.StreamName) []domain.RecordedEvent {
	t.Helper()
	return collect(t, s.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit))
}

// expectStream holds a stream to exactly these events, in order, at revisions from 0, byte by byte.
func expectStream(ctx context.Context, t *testing.T, s domain.EventStore, stream domain.StreamName, want ...domain.NewEvent) {
	t.Helper()
	got := readStream(ctx, t, s, stream)
	if len(got) != len(want) {
		t.Fatalf("%d events in the stream, want %d", len(got), len(want))
	}
	for i := range want {
		expectEvent(t, got[i], stream, domain.Revision(i), want[i])
	}
}

func expectEvent(t *testing.T, got domain.RecordedEvent, stream domain.StreamName, revision domain.Revision, want domain.NewEvent) {
	t.Helper()
	if got.ID != want.ID || got.Stream != stream || got.Revision != revision || got.Type != want.Type {
		t.Fatalf("got %s %s@%d %s, want %s %s@%d %s", got.ID, got.Stream, got.Revision, got.Type, want.ID, stream, revision, want.Type)
	}
	if !bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Metadata, want.Metadata) {
		t.Fatalf("bytes of %s@%d were altered", stream, revision)
	}
	if got.Position == 0 || got.RecordedAt.IsZero() || got.RecordedAt.Location() != time.UTC {
		t.Fatalf("%s@%d has position %d, recorded at %v", stream, revision, got.Position, got.RecordedAt)
	}
}

// head is a position that no event before this call is after.
func head(ctx context.Context, t *testing.T, s domain.EventStore) domain.Position {
	t.Helper()
	for _, e := range collect(t, s.ReadAll(ctx, domain.LogEnd, domain.Backward, 1)) {
		return e.Position
	}
	return 0
}

// only keeps the events of some streams, and checks that positions grow.
func only(t *testing.T, seq iter.Seq2[domain.RecordedEvent, error], streams ...domain.StreamName) iter.Seq[domain.RecordedEvent] {
	mine := map[domain.StreamName]bool{}
	for _, s := range streams {
		mine[s] = true
	}
	return func(yield func(domain.RecordedEvent) bool) {
		var last domain.Position
		for e, err := range seq {
			if err != nil {
				t.Error(err)
				return
			}
			if e.Position <= last {
				t.Errorf("position %d after %d", e.Position, last)
				return
			}
			last = e.Position
			if mine[e.Stream] && !yield(e) {
				return
			}
		}
	}
}
