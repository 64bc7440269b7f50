package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/storetest"
)

// TestALogThatWentBackEndsSubscriptions: whatever became of the log under a subscription, nothing is yielded that does not come behind
// what was yielded last, also when the new log is longer than the old one was.
func TestALogThatWentBackEndsSubscriptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"put back":                   `DELETE FROM eventstore.events WHERE position > 3`,
		"emptied":                    `TRUNCATE eventstore.events`,
		"put back and written again": `UPDATE eventstore.events SET id = gen_random_uuid() WHERE position > 3`,
		"put back and further": `UPDATE eventstore.events SET id = gen_random_uuid() WHERE position > 3;
			INSERT INTO eventstore.events SELECT position + 100, stream || 'x', revision, gen_random_uuid(), type, data, metadata, recorded_at
			FROM eventstore.events`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Database(t, "eventstore", postgres.Migrate)
			store := openStore(t, pool)
			filled(t, store, 5)
			var got []domain.Position
			var ended error
			for e, err := range store.Subscribe(t.Context(), 0) {
				if err != nil {
					ended = err
					break
				}
				if got = append(got, e.Position); e.Position == 5 {
					exec(t, pool, change)
				}
			}
			if !errors.Is(ended, domain.ErrWentBack) || errors.Is(ended, domain.ErrUnavailable) || fmt.Sprint(got) != "[1 2 3 4 5]" {
				t.Errorf("got %v, and then: %v", got, ended)
			}
		})
	}
}

// TestALogThatWentBackEndsReads: what was read of the one is not continued with what is of the other.
func TestALogThatWentBackEndsReads(t *testing.T) {
	t.Parallel()
	const events = 400 // several pages, and the next one is read ahead
	reads := map[string]func(*postgres.EventStore, context.Context, domain.StreamName) (read int, err error){
		"the log": func(s *postgres.EventStore, ctx context.Context, _ domain.StreamName) (read int, err error) {
			for _, err = range s.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
				if read++; read == 1 {
					exchange(ctx, s)
				}
			}
			return read, err
		},
		"the log backward": func(s *postgres.EventStore, ctx context.Context, _ domain.StreamName) (read int, err error) {
			for _, err = range s.ReadAll(ctx, domain.LogEnd, domain.Backward, domain.NoLimit) {
				if read++; read == 1 {
					exchange(ctx, s)
				}
			}
			return read, err
		},
		"a stream": func(s *postgres.EventStore, ctx context.Context, stream domain.StreamName) (read int, err error) {
			for _, err = range s.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
				if read++; read == 1 {
					exchange(ctx, s)
				}
			}
			return read, err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Database(t, "eventstore", postgres.Migrate)
			store := openStore(t, pool)
			stream := filled(t, store, events)
			ctx := context.WithValue(t.Context(), poolKey{}, pool)
			n, err := read(store, ctx, stream)
			if !errors.Is(err, domain.ErrWentBack) || n >= events {
				t.Errorf("%d events, and then: %v", n, err)
			}
		})
	}
}

type poolKey struct{}

// exchange puts another log in the place of a store's.
func exchange(ctx context.Context, _ *postgres.EventStore) {
	pool, _ := ctx.Value(poolKey{}).(*pgxpool.Pool)
	_, _ = pool.Exec(ctx, `UPDATE eventstore.events SET id = gen_random_uuid()`)
}

// TestAppendToALogThatWentBack: who follows the log hears at once of what is written to it, and not when it is as long as it was.
func TestAppendToALogThatWentBack(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	store := openStore(t, pool)
	filled(t, store, 5)
	for range store.Subscribe(t.Context(), 0) {
		break
	}
	exec(t, pool, `DELETE FROM eventstore.events WHERE position > 2`)
	filled(t, store, 1)
	if head := store.Head(); head != 3 {
		t.Errorf("it is heard of %d, want 3", head)
	}
}

func TestEventAt(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	store := openStore(t, pool)
	stream := filled(t, store, 3)
	exec(t, pool, `DELETE FROM eventstore.events WHERE position = 2`)
	for at, want := range map[domain.Position]bool{0: false, 1: true, 2: false, 3: true, 4: false, domain.LogEnd: false} {
		e, found, err := store.EventAt(t.Context(), at)
		if err != nil || found != want || found && (e.Position != at || e.Stream != stream) {
			t.Errorf("at %d: %+v, %v, %v", at, e, found, err)
		}
	}
}

// filled appends so many events to a stream of their own, each so large that a page holds a hundred.
func filled(t *testing.T, store *postgres.EventStore, events int) domain.StreamName {
	t.Helper()
	stream := domain.Stream("filled", uuid.New())
	for range events {
		e := domain.NewEvent{ID: uuid.New(), Type: "filled", Data: make([]byte, 20_000), Metadata: []byte(`{}`)}
		if _, err := storetest.AppendToEnd(t.Context(), store, stream, []domain.NewEvent{e}); err != nil {
			t.Fatal(err)
		}
	}
	return stream
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
