package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// holdLock takes the lock that appends take, as another node does, so that what is sent waits.
func holdLock(t *testing.T, pool *pgxpool.Pool) (release func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table eventstore.events in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// waiting counts this database's sessions that wait for a lock.
func waiting(t *testing.T, pool *pgxpool.Pool) int {
	t.Helper()
	var n int
	err := pool.QueryRow(t.Context(), `
		select count(*) from pg_stat_activity
		where datname = current_database() and backend_type = 'client backend' and wait_event_type = 'Lock'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func event() domain.NewEvent {
	return domain.NewEvent{ID: uuid.New(), Type: "tested.v1", Data: []byte(`{}`), Metadata: []byte(`{}`)}
}

type appended struct {
	stream domain.StreamName
	event  domain.NewEvent
	cancel context.CancelFunc
	done   chan error
}

func startAppend(t *testing.T, s *postgres.EventStore) appended {
	ctx, cancel := context.WithCancel(t.Context())
	a := appended{stream: domain.Stream("tested", uuid.New()), event: event(), cancel: cancel, done: make(chan error, 1)}
	go func() {
		_, err := s.Append(ctx, a.stream, domain.NoStream(), []domain.NewEvent{a.event})
		a.done <- err
	}()
	return a
}

func count(t *testing.T, s *postgres.EventStore, stream domain.StreamName) int {
	t.Helper()
	n := 0
	for _, err := range s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestCallerThatGivesUp(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	release := holdLock(t, pool)
	defer release()

	// Two transactions are on their way and wait; what comes after stays queued.
	sent := []appended{startAppend(t, s)}
	eventually(t, "the first is sent", func() bool { return waiting(t, pool) == 1 })
	sent = append(sent, startAppend(t, s))
	eventually(t, "the second is sent", func() bool { return waiting(t, pool) == 2 })
	queued, stays := startAppend(t, s), startAppend(t, s)

	sent[0].cancel()
	if err := <-sent[0].done; !errors.Is(err, domain.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("sent, then cancelled: %v", err)
	}
	queued.cancel()
	if err := <-queued.done; !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("queued, then cancelled: %v", err)
	}
	release()
	for _, a := range []appended{sent[1], stays} {
		if err := <-a.done; err != nil {
			t.Errorf("another's cancellation: %v", err)
		}
	}
	if n := count(t, s, queued.stream); n != 0 {
		t.Error("an append given up while queued was written")
	}
	// What was sent goes on without its caller, and the outcome that was not known can be found out by asking again.
	eventually(t, "the first is written", func() bool { return count(t, s, sent[0].stream) == 1 })
	result, err := s.Append(t.Context(), sent[0].stream, domain.NoStream(), []domain.NewEvent{sent[0].event})
	if err != nil || !result.Duplicate {
		t.Errorf("got %+v, %v", result, err)
	}
}

// A connection that breaks while the append waits is replaced and the append sent again; the caller does not notice.
func TestConnectionBreaksInFlight(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	release := holdLock(t, pool)
	defer release()
	a := startAppend(t, s)
	eventually(t, "it is sent", func() bool { return waiting(t, pool) == 1 })
	if _, err := pool.Exec(t.Context(), `
		select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-a.done; err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, a.stream); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestClosedStore(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := postgres.NewEventStore(pool)
	next := make(chan error, 1)
	started := make(chan struct{}, 1)
	go func() {
		for _, err := range s.Subscribe(t.Context(), 0) {
			if err != nil {
				next <- err
				return
			}
			started <- struct{}{}
		}
	}()
	if err := <-startAppend(t, s).done; err != nil {
		t.Fatal(err)
	}
	<-started
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-next; !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("the subscription ended with %v", err)
	}
	if err := <-startAppend(t, s).done; !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("append after close: %v", err)
	}
}

func TestUnreachableDatabase(t *testing.T) {
	config, err := pgxpool.ParseConfig("postgres://nobody@127.0.0.1:1/nothing?connect_timeout=2")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s := openStore(t, pool)
	if err := <-startAppend(t, s).done; !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("append: %v", err)
	}
	for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, 1) {
		if !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("read: %v", err)
		}
	}
	for _, err := range s.Subscribe(t.Context(), 0) {
		if !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("subscription: %v", err)
		}
	}
}

func TestSeveralNodesMigrateAtOnce(t *testing.T) {
	pool := pgtest.Database(t, "unmigrated", nil)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), pool); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// What has queued goes in transactions of bounded size, so that no other node waits at the lock for long.
func TestBatchesAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		appends, events int
		bytes           int // of each event
		most            int // appends in one transaction
	}{
		"events": {8, 300, 2, 3},
		"bytes":  {8, 1, domain.MaxAppendBytes / 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Database(t, "eventstore", postgres.Migrate)
			var mu sync.Mutex
			var batches []postgres.Batch
			s := postgres.NewEventStore(pool, postgres.OnBatch(func(b postgres.Batch) {
				mu.Lock()
				defer mu.Unlock()
				batches = append(batches, b)
			}))
			t.Cleanup(func() { _ = s.Close() })
			release := holdLock(t, pool)
			defer release()
			var all []appended
			for n := 1; n <= 2; n++ { // all that may be under way
				all = append(all, startAppend(t, s))
				eventually(t, "it is sent", func() bool { return waiting(t, pool) == n })
			}
			var queued sync.WaitGroup
			for range tt.appends {
				queued.Go(func() {
					events := make([]domain.NewEvent, tt.events)
					for i := range events {
						events[i] = event()
						events[i].Data, events[i].Metadata = make([]byte, tt.bytes), nil
					}
					if _, err := s.Append(t.Context(), domain.Stream("tested", uuid.New()), domain.NoStream(), events); err != nil {
						t.Error(err)
					}
				})
			}
			eventually(t, "they have queued", func() bool { return s.Queued() == tt.appends })
			release()
			queued.Wait()
			for _, a := range all {
				if err := <-a.done; err != nil {
					t.Error(err)
				}
			}
			if err := s.Close(); err != nil { // a batch is told of after its callers
				t.Fatal(err)
			}
			appends := 0
			for _, b := range batches {
				if appends += b.Appends; b.Appends > tt.most {
					t.Errorf("%d appends in one transaction, want at most %d", b.Appends, tt.most)
				}
			}
			if appends != tt.appends+2 || len(batches) == appends {
				t.Errorf("%d appends in %d transactions", appends, len(batches))
			}
		})
	}
}

// Close fails what has queued at once, and waits for what was sent.
func TestCloseWithAppendsUnderWay(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	release := holdLock(t, pool)
	defer release()
	var sent []appended
	for n := 1; n <= 2; n++ {
		sent = append(sent, startAppend(t, s))
		eventually(t, "it is sent", func() bool { return waiting(t, pool) == n })
	}
	queued := startAppend(t, s)
	eventually(t, "the third has queued", func() bool { return s.Queued() == 1 })
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := <-queued.done; !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("queued: %v", err)
	}
	select {
	case err := <-closed:
		t.Errorf("closed with appends under way: %v", err)
	default:
	}
	release()
	for _, a := range sent {
		if err := <-a.done; err != nil {
			t.Errorf("sent: %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
