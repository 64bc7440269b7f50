package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/storetest"
)

func TestEventStore(t *testing.T) {
	var opened *pgxpool.Pool
	storetest.Run(t, storetest.Store{
		Open: func(t *testing.T) domain.EventStore {
			opened = pgtest.Database(t, "eventstore", postgres.Migrate)
			return openStore(t, opened)
		},
		Interrupt: func(t *testing.T) { terminateAll(t, opened) },
	})
}

// Two nodes on one database are one store.
func TestTwoNodes(t *testing.T) {
	storetest.Run(t, storetest.Store{Open: func(t *testing.T) domain.EventStore {
		pool := pgtest.Database(t, "eventstore", postgres.Migrate)
		return &nodes{EventStore: openStore(t, pool), other: openStore(t, pool)}
	}})
}

// nodes appends through one or the other by turns, and reads through the first.
type nodes struct {
	domain.EventStore
	other domain.EventStore
	turn  atomic.Int64
}

func (n *nodes) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent) (domain.AppendResult, error) {
	if n.turn.Add(1)%2 == 0 {
		return n.other.Append(ctx, stream, expected, events)
	}
	return n.EventStore.Append(ctx, stream, expected, events)
}

func openStore(t *testing.T, pool *pgxpool.Pool) *postgres.EventStore {
	s := postgres.NewEventStore(pool)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// terminateAll ends every session on the pool's database but its own.
func terminateAll(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `
		select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
}
