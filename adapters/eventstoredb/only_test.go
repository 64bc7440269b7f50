package eventstoredb_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// A log without a prefix is told from those that have one by the exact categories of its streams, forward and backward, in
// reads, subscriptions and counts.
func TestOnlyOurCategories(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	open := func(prefix string) *eventstoredb.Store {
		s, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	all := open("")
	add := func(s *eventstoredb.Store, category string) domain.Position {
		t.Helper()
		e := domain.NewEvent{ID: uuid.New(), Type: "happened.v1", Data: []byte("{}"), Metadata: []byte("{}")}
		result, err := s.Append(t.Context(), domain.Stream(category, uuid.New()), domain.NoStream(), []domain.NewEvent{e})
		if err != nil {
			t.Fatal(err)
		}
		return result.Position
	}
	add(open("wb"), "product")
	first := add(all, "product")
	add(all, "products")
	add(all, "shipment")
	second := add(all, "provider")
	add(open("wb"), "provider")

	only := all.Only([]string{"product", "provider"})
	read := func(dir domain.Direction) (got []domain.Position) {
		t.Helper()
		from := domain.Position(0)
		if dir == domain.Backward {
			from = domain.LogEnd
		}
		for e, err := range only.ReadAll(t.Context(), from, dir, domain.NoLimit) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Position)
		}
		return got
	}
	if got := read(domain.Forward); len(got) != 2 || got[0] != first || got[1] != second {
		t.Errorf("forward: %v, want %d and %d", got, first, second)
	}
	if got := read(domain.Backward); len(got) != 2 || got[0] != second || got[1] != first {
		t.Errorf("backward: %v, want %d and %d", got, second, first)
	}
	if n := all.PassedOver(); n != 8 {
		t.Errorf("%d events passed over in two reads, want 8", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []domain.Position
	for e, err := range only.Subscribe(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.Position); len(got) == 2 {
			break
		}
	}
	if got[0] != first || got[1] != second {
		t.Errorf("subscription: %v, want %d and %d", got, first, second)
	}
	if n := all.PassedOver(); n != 8 {
		t.Errorf("the server sent a subscription what is not ours: %d passed over", n)
	}
	counter, ok := only.(interface {
		CountAfter(context.Context, domain.Position, int) (int, error)
	})
	if !ok {
		t.Fatal("it cannot count")
	}
	if n, err := counter.CountAfter(t.Context(), first, 10); n != 1 || err != nil {
		t.Errorf("%d after the first, %v; want 1", n, err)
	}
}

// What others keep at the log's end may be much, and take longer to read past than a server may be silent.
func TestOthersAreNoSilence(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	add := func(category string, n int) domain.Position {
		t.Helper()
		events := make([]domain.NewEvent, n)
		for i := range events {
			events[i] = domain.NewEvent{ID: uuid.New(), Type: "happened.v1", Data: []byte("{}"), Metadata: []byte("{}")}
		}
		result, err := store.Append(t.Context(), domain.Stream(category, uuid.New()), domain.NoStream(), events)
		if err != nil {
			t.Fatal(err)
		}
		return result.Position
	}
	at := add("product", 1)
	for range 20 {
		add("shipment", 100)
	}
	server.Inject(esdbtest.Fault{Method: esdbtest.Read, Effect: esdbtest.Delay(2 * time.Second)})
	for e, err := range store.Only([]string{"product"}).ReadAll(t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil || e.Position != at {
			t.Errorf("the end of our log is %d, %v; want %d", e.Position, err, at)
		}
	}
}
