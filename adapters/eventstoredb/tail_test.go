package eventstoredb_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// shared is our log on a server that others use.
type shared struct {
	t      *testing.T
	ours   *eventstoredb.Store
	others *eventstoredb.Store
	only   domain.EventStore
}

func newShared(t *testing.T) *shared {
	t.Helper()
	server := esdbtest.Start(t)
	open := func(prefix string) *eventstoredb.Store {
		s, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := &shared{t: t, ours: open("wb."), others: open("")}
	s.only = s.ours.Only([]string{"product"})
	return s
}

// add appends so many events of a stream of its own, and returns the position of the last.
func (s *shared) add(store *eventstoredb.Store, category string, n int) (last domain.Position) {
	s.t.Helper()
	for batch := range slices.Chunk(make([]domain.NewEvent, n), domain.MaxAppendEvents) {
		for i := range batch {
			batch[i] = domain.NewEvent{ID: uuid.New(), Type: "happened.v1", Data: []byte("{}"), Metadata: []byte("{}")}
		}
		result, err := store.Append(s.t.Context(), domain.Stream(category, uuid.New()), domain.NoStream(), batch)
		if err != nil {
			s.t.Fatal(err)
		}
		last = result.Position
	}
	return last
}

// newest is the last event of our log.
func (s *shared) newest() domain.Position {
	s.t.Helper()
	for e, err := range s.only.ReadAll(s.t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil {
			s.t.Fatal(err)
		}
		return e.Position
	}
	return 0
}

// tailed is what the runtime asks of such a store.
type tailed interface {
	Tail(ctx context.Context, known domain.Position) (domain.Position, time.Time, error)
	Behind(ctx context.Context, at domain.Position, most int) (int, time.Time, error)
}

// Any number of events of others since our last cost those who ask for our end once, if at all.
func TestTheEndAmongEventsOfOthers(t *testing.T) {
	t.Parallel()
	s := newShared(t)
	if at := s.newest(); at != 0 {
		t.Errorf("an empty log ends at %d", at)
	}
	first := s.add(s.ours, "product", 3)
	last := s.add(s.ours, "product", 1)
	s.add(s.others, "noise", 200_000)
	tail, ok := s.only.(tailed)
	if !ok {
		t.Fatal("it keeps no end")
	}
	for range 100 {
		head, _, err := tail.Tail(t.Context(), first)
		if err != nil || head != last {
			t.Fatalf("the log ends at %d, want %d: %v", head, last, err)
		}
		for at, want := range map[domain.Position]int{last: 0, first: 1, 0: 4} {
			if n, oldest, err := tail.Behind(t.Context(), at, 1000); err != nil || n != want || oldest.IsZero() != (want == 0) {
				t.Fatalf("after %d come %d events, want %d, since %v: %v", at, n, want, oldest, err)
			}
		}
	}
	if n := s.ours.PassedOver(); n > 10 {
		t.Errorf("%d events of others were read to know how things are", n)
	}
	if at := s.newest(); at != last {
		t.Errorf("newest at %d, want %d", at, last)
	}
	before := s.ours.PassedOver()
	for range 100 {
		if at := s.newest(); at != last {
			t.Fatalf("newest at %d, want %d", at, last)
		}
	}
	if n := s.ours.PassedOver() - before; n > 100*100 {
		t.Errorf("%d events of others were read again", n)
	}
	// What comes since is found, also behind others'.
	next := s.add(s.ours, "product", 2)
	s.add(s.others, "noise", 1000)
	if at := s.newest(); at != next {
		t.Errorf("newest at %d, want %d", at, next)
	}
	for {
		head, _, err := tail.Tail(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		if head == next { // a moment late
			break
		}
	}
	if n, _, err := tail.Behind(t.Context(), last, 1); err != nil || n != 1 {
		t.Errorf("%d come after, want 1 at most: %v", n, err)
	}
}
