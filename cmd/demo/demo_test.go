package demo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/events"
	"waybill/domain/media"
	"waybill/domain/product"
)

func end(t *testing.T, store domain.EventStore) (end domain.Position) {
	t.Helper()
	for e, err := range store.ReadAll(t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil {
			t.Fatal(err)
		}
		end = e.Position
	}
	return end
}

// Played twice the world is the same, and Catalogue and ProductID say what is in it.
func TestPlay(t *testing.T) {
	t.Parallel()
	store := postgres.NewEventStore(pgtest.Database(t, "eventstore", postgres.Migrate))
	t.Cleanup(func() { store.Close() })
	first, err := Play(t.Context(), commands.New(store, domaintest.Sources()), summed)
	if err != nil {
		t.Fatal(err)
	}
	before := end(t, store)
	again, err := Play(t.Context(), commands.New(store, domaintest.Sources()), summed)
	if err != nil || !reflect.DeepEqual(first, again) || end(t, store) != before {
		t.Errorf("played again: %v, %+v at %d; before: %+v at %d", err, again, end(t, store), first, before)
	}
	for i, offered := range Catalogue() {
		for j, want := range offered {
			for e, err := range store.ReadStream(t.Context(), domain.Stream("product", ProductID(i, j)), 0, domain.Forward, 1) {
				if err != nil {
					t.Fatalf("product %d of provider %d: %v", j, i, err)
				}
				fact, err := events.Types.Decode(e.Type, e.Data)
				if err != nil {
					t.Fatal(err)
				}
				submitted, _ := fact.(product.Submitted)
				want.Cover, want.Details = submitted.Content.Cover, submitted.Content.Details // drawn, and uploaded
				if submitted.ProviderID != first.Providers[i].ID || !reflect.DeepEqual(submitted.Content, want) {
					t.Errorf("product %d of provider %d is %+v", j, i, submitted)
				}
			}
		}
	}
}

// summed uploads nowhere.
func summed(_ uuid.UUID, _ media.Purpose, _ uuid.UUID, content []byte) (string, error) {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(content)), nil
}

// imported takes what is imported.
type imported []domain.RecordedEvent

func (all *imported) Import(_ context.Context, events []domain.RecordedEvent) (domain.Position, error) {
	*all = append(*all, events...)
	return domain.Position(len(*all)), nil
}

func TestBulk(t *testing.T) {
	t.Parallel()
	const products, wanted = 50, 400
	var log imported
	total, err := Bulk(t.Context(), &log, products, wanted)
	if err != nil || total != len(log) || total < wanted || total > wanted+products {
		t.Fatalf("%d events, %d imported, %v", total, len(log), err)
	}
	revisions, made := map[domain.StreamName]domain.Revision{}, 0
	for _, e := range log {
		if e.Revision != revisions[e.Stream] {
			t.Fatalf("%s goes on at revision %d, not %d", e.Stream, e.Revision, revisions[e.Stream])
		}
		revisions[e.Stream]++
		if _, err := events.Types.Decode(e.Type, e.Data); err != nil {
			t.Error(err)
		}
		if e.Type == (product.Submitted{}).EventType() {
			made++
		}
	}
	if made != products {
		t.Errorf("%d products", made)
	}
}
