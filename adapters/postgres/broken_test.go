package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// network is the way to a database: it can break when the server has answered what holds certain bytes, and be closed.
type network struct {
	breakAt string
	healed  atomic.Bool // nothing breaks any more
	broken  atomic.Int32
	closed  atomic.Bool
}

var errUnreachable = errors.New("the network is closed")

// through opens a second pool on pool's database, whose connections go over n.
func (n *network) through(t *testing.T, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	config.ConnConfig.DialFunc = func(ctx context.Context, protocol, address string) (net.Conn, error) {
		if n.closed.Load() {
			return nil, &net.OpError{Op: "dial", Net: protocol, Err: errUnreachable}
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, protocol, address)
		return &link{Conn: conn, network: n}, err
	}
	through, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(through.Close)
	return through
}

type link struct {
	net.Conn
	network *network
	broken  atomic.Bool
}

func (l *link) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	if !l.network.healed.Load() && bytes.Contains(p, []byte(l.network.breakAt)) {
		_, _ = l.Conn.Read(make([]byte, 1024)) // it is done now
		l.broken.Store(true)
		l.network.broken.Add(1)
		_ = l.Close()
	}
	return n, err
}

func (l *link) Read(p []byte) (int, error) {
	if l.broken.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	return l.Conn.Read(p)
}

// An append that was committed without an answer has an unknown outcome also when the second attempt cannot be made.
func TestCommittedUnansweredThenUnreachable(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	n := &network{breakAt: "tested.v1"} // among the append's parameters
	s := postgres.NewEventStore(n.through(t, pool), postgres.OnBatch(func(postgres.Batch) { n.closed.Store(!n.healed.Load()) }))
	t.Cleanup(func() { _ = s.Close() })
	a := startAppend(t, s)
	if err := <-a.done; !errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("got %v, want an unknown outcome", err)
	}
	if stored(t, pool) != 1 || n.broken.Load() != 1 {
		t.Fatalf("%d events, %d connections broke", stored(t, pool), n.broken.Load())
	}
	n.healed.Store(true)
	n.closed.Store(false)
	result, err := s.Append(t.Context(), a.stream, domain.NoStream(), []domain.NewEvent{a.event})
	if err != nil || !result.Duplicate {
		t.Errorf("again: %+v, %v", result, err)
	}
}

// The second attempt finds the first one's event: that is no conflict, and no second event.
func TestCommittedUnansweredThenAgain(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	n := &network{breakAt: "tested.v1"}
	s := postgres.NewEventStore(n.through(t, pool), postgres.OnBatch(func(postgres.Batch) { n.healed.Store(true) }))
	t.Cleanup(func() { _ = s.Close() })
	a := startAppend(t, s)
	if err := <-a.done; err != nil {
		t.Errorf("got %v", err)
	}
	if stored(t, pool) != 1 || n.broken.Load() != 1 {
		t.Errorf("%d events, %d connections broke", stored(t, pool), n.broken.Load())
	}
}

// An append whose first attempt may have been committed keeps its unknown outcome when the server refuses the second.
func TestSessionEndsThenRefused(t *testing.T) {
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	s := openStore(t, pool)
	release := holdLock(t, pool)
	defer release()
	onWaiting := func(do string) (pid int) {
		t.Helper()
		eventually(t, "it is sent", func() bool { return waiting(t, pool) == 1 })
		var done bool
		err := pool.QueryRow(t.Context(), `select pid, `+do+`(pid) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`).Scan(&pid, &done)
		if err != nil || !done {
			t.Fatal(done, err)
		}
		return pid
	}
	a := startAppend(t, s)
	first := onWaiting("pg_terminate_backend")
	eventually(t, "the first session is gone", func() bool {
		var there bool
		if err := pool.QueryRow(t.Context(), `select exists (select from pg_stat_activity where pid = $1)`, first).Scan(&there); err != nil {
			t.Fatal(err)
		}
		return !there
	})
	onWaiting("pg_cancel_backend")
	if err := <-a.done; !errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("got %v, want an unknown outcome", err)
	}
	// Refused at the first attempt, it was certainly not written.
	b := startAppend(t, s)
	onWaiting("pg_cancel_backend")
	if err := <-b.done; !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("got %v, want that nothing was written", err)
	}
}

// However many of the pool's connections are dead, a reader and a refused append do not notice.
func TestPoolOfDeadConnections(t *testing.T) {
	owner := pgtest.Database(t, "eventstore", postgres.Migrate)
	config := owner.Config()
	config.MaxConns = 5
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false } // a moment's idleness would hide it
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := openStore(t, pool)
	a := startAppend(t, s)
	if err := <-a.done; err != nil {
		t.Fatal(err)
	}
	for what, use := range map[string]func() error{
		"read": func() error {
			for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
				return err
			}
			return errors.New("nothing in the log")
		},
		"refused append": func() error {
			result, err := s.Append(t.Context(), a.stream, domain.NoStream(), []domain.NewEvent{a.event})
			if err == nil && !result.Duplicate {
				return errors.New("not taken for a duplicate")
			}
			return err
		},
		"conflict": func() error {
			_, err := s.Append(t.Context(), a.stream, domain.NoStream(), []domain.NewEvent{event()})
			if errors.Is(err, domain.ErrConflict) {
				return nil
			}
			return err
		},
	} {
		var all []*pgxpool.Conn
		for range config.MaxConns {
			conn, err := pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
		}
		var pids []uint32
		for _, conn := range all {
			pids = append(pids, conn.Conn().PgConn().PID())
			conn.Release()
		}
		conn, err := pgx.ConnectConfig(t.Context(), owner.Config().ConnConfig)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `select pg_terminate_backend(pid, 60000) from unnest($1::int[]) pid`, pids); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := use(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A dial that takes too long is the store's unavailability, not the end of the caller's time.
func TestDialTimesOut(t *testing.T) {
	config, err := pgxpool.ParseConfig("postgres://nobody@127.0.0.1:1/nothing")
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
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
	if _, err := s.Import(t.Context(), nil); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("import: %v", err)
	}
}
