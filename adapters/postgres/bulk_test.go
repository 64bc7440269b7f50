package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// recorded is an event of another log: what it was recorded as must come through, its position must not.
func recorded(stream domain.StreamName, revision domain.Revision) domain.RecordedEvent {
	return domain.RecordedEvent{
		ID: uuid.New(), Stream: stream, Revision: revision, Position: 9_999_999, Type: "tested.v1", Data: []byte("\xff\x00 not text"), Metadata: nil,
		RecordedAt: time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC).Add(time.Duration(revision) * time.Second),
	}
}

func TestImport(t *testing.T) {
	s := openStore(t, pgtest.Database(t, "eventstore", postgres.Migrate))
	before := startAppend(t, s)
	if err := <-before.done; err != nil {
		t.Fatal(err)
	}
	a, b := domain.Stream("imported", uuid.New()), domain.Stream("imported", uuid.New())
	events := []domain.RecordedEvent{recorded(a, 0), recorded(b, 0), recorded(a, 1), recorded(before.stream, 1), recorded(a, 2), recorded(b, 1)}
	for _, part := range [][]domain.RecordedEvent{events[:4], events[4:]} { // the second goes on with streams of the first
		if _, err := s.Import(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	for got, err := range s.ReadAll(t.Context(), 1, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		want := events[i]
		if got.Stream != want.Stream || got.Revision != want.Revision || got.ID != want.ID || got.Type != want.Type || got.Position != domain.Position(i+2) ||
			!bytes.Equal(got.Data, want.Data) || len(got.Metadata) != 0 || !got.RecordedAt.Equal(want.RecordedAt) {
			t.Errorf("event %d is %+v, want %+v", i, got, want)
		}
		i++
	}
	if i != len(events) {
		t.Errorf("%d events, want %d", i, len(events))
	}
	result, err := s.Append(t.Context(), b, domain.Exactly(1), []domain.NewEvent{event()})
	if err != nil || result.Position != 8 {
		t.Errorf("the append after it: %+v, %v", result, err)
	}
}

func TestImportWakesSubscriptions(t *testing.T) {
	s := openStore(t, pgtest.Database(t, "eventstore", postgres.Migrate))
	stream := domain.Stream("imported", uuid.New())
	if _, err := s.Import(t.Context(), []domain.RecordedEvent{recorded(stream, 0)}); err != nil {
		t.Fatal(err)
	}
	for e, err := range s.Subscribe(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Revision == 1 {
			break
		}
		if _, err := s.Import(t.Context(), []domain.RecordedEvent{recorded(stream, 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	s := openStore(t, pgtest.Database(t, "eventstore", postgres.Migrate))
	held, fresh := domain.Stream("imported", uuid.New()), domain.Stream("imported", uuid.New())
	first := []domain.RecordedEvent{recorded(held, 0), recorded(held, 1)}
	if position, err := s.Import(t.Context(), first); err != nil || position != 2 {
		t.Fatalf("position %d, %v", position, err)
	}
	large := recorded(fresh, 0)
	large.Data = make([]byte, domain.MaxAppendBytes+1)
	nameless := recorded("", 0)
	for name, c := range map[string]struct {
		events []domain.RecordedEvent
		want   error
	}{
		"the same again":                    {first, domain.ErrConflict},
		"a new event at an old revision":    {[]domain.RecordedEvent{recorded(held, 1)}, domain.ErrConflict},
		"a hole":                            {[]domain.RecordedEvent{recorded(held, 3)}, domain.ErrConflict},
		"a stream that does not begin":      {[]domain.RecordedEvent{recorded(fresh, 1)}, domain.ErrConflict},
		"a hole among them":                 {[]domain.RecordedEvent{recorded(fresh, 0), recorded(fresh, 2)}, domain.ErrConflict},
		"a revision twice":                  {[]domain.RecordedEvent{recorded(fresh, 0), recorded(fresh, 0)}, domain.ErrConflict},
		"a good one, then one that is not":  {[]domain.RecordedEvent{recorded(fresh, 0), recorded(held, 5)}, domain.ErrConflict},
		"more bytes than any store takes":   {[]domain.RecordedEvent{large}, domain.ErrTooLarge},
		"an event without a stream's name":  {[]domain.RecordedEvent{nameless}, domain.ErrInvalidAppend},
		"a revision past all that there is": {[]domain.RecordedEvent{recorded(held, 1<<63)}, domain.ErrConflict},
	} {
		if _, err := s.Import(t.Context(), c.events); !errors.Is(err, c.want) || errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("%s: %v, want only %v", name, err, c.want)
		}
	}
	n := 0
	for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d events after refusals, want 2", n)
	}
}

// stored counts all events, by a session of its own.
func stored(t *testing.T, pool *pgxpool.Pool) (n uint64) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `select count(*) from eventstore.events`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A session that ends during an import leaves it done or not done, and says which or that it cannot know.
func TestImportInterrupted(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	stream := domain.Stream("imported", uuid.New())
	failed := 0
	for revision := domain.Revision(0); revision < 40 || failed == 0; {
		done := make(chan error, 1)
		go func() {
			_, err := s.Import(t.Context(), []domain.RecordedEvent{recorded(stream, revision)})
			done <- err
		}()
		terminateAll(t, pool)
		err := <-done
		n := domain.Revision(stored(t, pool))
		switch {
		case err == nil && n == revision+1, errors.Is(err, domain.ErrUnavailable) && n == revision,
			errors.Is(err, domain.ErrOutcomeUnknown) && (n == revision || n == revision+1):
		default:
			t.Fatalf("%d events after the import of %d: %v", n, revision, err)
		}
		if err != nil {
			failed++
		}
		revision = n
	}
}

// A commit whose answer is lost has an unknown outcome, and the same import is then refused.
func TestImportCommittedUnanswered(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, (&network{breakAt: "commit\x00"}).through(t, pool))
	stream := domain.Stream("imported", uuid.New())
	events := []domain.RecordedEvent{recorded(stream, 0), recorded(stream, 1)}
	if _, err := s.Import(t.Context(), events); !errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("got %v, want an unknown outcome", err)
	}
	if n := stored(t, pool); n != 2 {
		t.Fatalf("%d events, want 2", n)
	}
	if _, err := s.Import(t.Context(), events); !errors.Is(err, domain.ErrConflict) {
		t.Errorf("again: %v, want a conflict", err)
	}
}

// Appends and imports wait for each other, on all nodes, so that each finds the end of the log where it is.
func TestWritersWaitForEachOther(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), `select pg_advisory_xact_lock($1)`, int64(postgres.AppendLock)); err != nil {
		t.Fatal(err)
	}
	before := startAppend(t, s)
	eventually(t, "the append waits", func() bool { return waiting(t, pool) == 1 })
	done := make(chan error, 1)
	go func() {
		_, err := s.Import(t.Context(), []domain.RecordedEvent{recorded(domain.Stream("imported", uuid.New()), 0)})
		done <- err
	}()
	eventually(t, "the import waits", func() bool { return waiting(t, pool) == 2 })
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-before.done, <-done); err != nil {
		t.Error(err)
	}
	if n := stored(t, pool); n != 2 {
		t.Errorf("%d events", n)
	}
}
