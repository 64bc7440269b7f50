package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// A store hears of its own commits and imports at once, and of another node's by notification once somebody subscribes,
// also of those from before it listened. (The poll would find all of them, later.)
func TestNewsOfCommits(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	one, other := openStore(t, pool), openStore(t, pool)
	heard := func(s *postgres.EventStore, want domain.Position) {
		t.Helper()
		eventually(t, "it is heard of", func() bool { return s.Head() == want })
	}
	if err := <-startAppend(t, one).done; err != nil {
		t.Fatal(err)
	}
	heard(one, 1)
	if head := other.Head(); head != 0 {
		t.Fatalf("heard of %d without a subscription", head)
	}
	for range other.Subscribe(t.Context(), 0) {
		break
	}
	heard(other, 1)
	if err := <-startAppend(t, one).done; err != nil {
		t.Fatal(err)
	}
	heard(one, 2)
	heard(other, 2)
	if _, err := one.Import(t.Context(), []domain.RecordedEvent{recorded(domain.Stream("imported", uuid.New()), 0)}); err != nil {
		t.Fatal(err)
	}
	heard(one, 3)
	heard(other, 3)
	// After the loss of its connection it listens again.
	terminateAll(t, pool)
	if err := <-startAppend(t, one).done; err != nil {
		t.Fatal(err)
	}
	heard(other, 4)
}

// TestALieAboutTheHeadIsNotBelieved: whoever may connect may send notifications.
func TestALieAboutTheHeadIsNotBelieved(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	one, other := openStore(t, pool), openStore(t, pool)
	if err := <-startAppend(t, one).done; err != nil {
		t.Fatal(err)
	}
	for range other.Subscribe(t.Context(), 0) {
		break
	}
	eventually(t, "it is heard of", func() bool { return other.Head() == 1 })
	if _, err := pool.Exec(t.Context(), `SELECT pg_notify('waybill_events', n) FROM unnest('{9223372036854775807,7,-1,x}'::text[]) n`); err != nil {
		t.Fatal(err)
	}
	if err := <-startAppend(t, one).done; err != nil { // its notification comes after those
		t.Fatal(err)
	}
	eventually(t, "the next is heard of", func() bool { return other.Head() >= 2 })
	if head := other.Head(); head != 2 {
		t.Errorf("the head is at %d, want 2", head)
	}
}
