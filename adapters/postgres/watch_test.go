package postgres_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/linktest"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/access"
)

// overLink is a pool whose connections go over a link, and a plain one on the same database.
func overLink(t *testing.T) (*linktest.Link, *pgxpool.Pool, *pgxpool.Pool) {
	t.Helper()
	plain := pgtest.Database(t, "eventstore", postgres.Migrate)
	link, url := linktest.To(t, pgtest.URL(plain))
	return link, openPool(t, url), plain
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 10
	pool, err := postgres.OpenPool(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// fill has the pool make all its connections.
func fill(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var all []*pgxpool.Conn
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	for _, conn := range all {
		conn.Release()
	}
}

// soon is a context that ends long after what is not stuck has ended.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// lost reports whether an error is the connection's end; which of both pgx says depends on the protocol.
func lost(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

func anEvent(stream domain.StreamName) (domain.StreamName, []domain.NewEvent) {
	return stream, []domain.NewEvent{{ID: uuid.New(), Type: "tested.v1", Data: []byte(`{}`), Metadata: []byte(`{}`)}}
}

// TestSilentServer has the way to the database go silent under each kind of connection. Whoever used it goes on over a new one, or is
// told, while nothing ever closes the old one.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T, *linktest.Link, *pgxpool.Pool, *pgxpool.Pool){
		"the committer's": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			for _, stream := range []domain.StreamName{"silent-1", "silent-2"} {
				stream, events := anEvent(stream)
				if _, err := s.Append(soon(t), stream, domain.NoStream(), events); err != nil {
					t.Error(err)
				}
				link.Silence()
			}
		},
		"idle ones of the pool": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			fill(t, pool)
			link.Silence()
			for range 2 * pool.Config().MaxConns {
				_, err := pool.Exec(soon(t), `select 1`)
				if err != nil && !lost(err) {
					t.Error(err)
				}
			}
			if _, err := pool.Exec(soon(t), `select 1`); err != nil {
				t.Error(err)
			}
		},
		"one that waits for an answer": func(t *testing.T, link *linktest.Link, pool, plain *pgxpool.Pool) {
			holder, err := plain.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Release()
			if _, err := holder.Exec(t.Context(), `select pg_advisory_lock(1)`); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := pool.Exec(soon(t), `select pg_advisory_lock(1)`)
				done <- err
			}()
			eventually(t, "the statement runs", func() bool {
				var n int
				err := plain.QueryRow(t.Context(), `select count(*) from pg_locks l join pg_database d on d.oid = l.database
					where datname = current_database() and locktype = 'advisory' and not granted`).Scan(&n)
				return err == nil && n == 1
			})
			link.Silence() // and then the server answers
			if _, err := holder.Exec(t.Context(), `select pg_advisory_unlock(1)`); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !lost(err) {
				t.Errorf("got %v", err)
			}
		},
		"one in a transaction": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			err := pgx.BeginFunc(soon(t), pool, func(tx pgx.Tx) error {
				link.Silence()
				_, err := tx.Exec(soon(t), `select 1`)
				return err
			})
			if !lost(err) {
				t.Errorf("got %v", err)
			}
		},
		"the one that listens": func(t *testing.T, link *linktest.Link, pool, plain *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			all.Go(func() {
				for range s.Subscribe(ctx, 0) {
				}
			})
			defer all.Wait()
			defer cancel()
			listener := func() (pid int) {
				_ = plain.QueryRow(t.Context(), `select pid from pg_stat_activity
					where datname = current_database() and query like '%coalesce(max(position), 0)%' and pid <> pg_backend_pid()
					order by backend_start desc limit 1`).Scan(&pid)
				return pid
			}
			eventually(t, "it listens", func() bool { return listener() != 0 })
			first := listener()
			link.Silence()
			eventually(t, "another listens", func() bool { pid := listener(); return pid != 0 && pid != first })
		},
		"tokens'": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			fill(t, pool)
			link.Silence()
			tokens := postgres.NewTokens(pool)
			eventually(t, "a token is issued", func() bool {
				_, err := tokens.Issue(soon(t), uuid.New(), nil, "", time.Now().Add(time.Hour))
				return err == nil
			})
			if _, err := tokens.Authenticate(soon(t), "unknown", time.Now()); !errors.Is(err, access.ErrTokenUnknown) {
				t.Error(err)
			}
		},
		"every one, and those to come": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			fill(t, pool)
			link.Swallow()
			stream, events := anEvent("silent-1")
			if _, err := s.Append(soon(t), stream, domain.NoStream(), events); !errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, domain.ErrOutcomeUnknown) {
				t.Errorf("got %v", err)
			}
			link.Heal()
			eventually(t, "it is appended", func() bool {
				_, err := s.Append(soon(t), stream, domain.NoStream(), events)
				return err == nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, pool, plain := overLink(t)
			check(t, link, pool, plain)
		})
	}
}

// slowly is a COPY whose rows take longer, all together, than a server may be silent.
type slowly struct{ rows int }

func (s *slowly) Next() bool { s.rows--; return s.rows >= 0 }

func (s *slowly) Values() ([]any, error) {
	time.Sleep(postgres.Silence / 2)
	return []any{int64(s.rows), make([]byte, 128<<10)}, nil
}

func (s *slowly) Err() error { return nil }

// TestBusyServer is not taken for a silent one: a statement takes as long as it takes.
func TestBusyServer(t *testing.T) {
	t.Parallel()
	plain := pgtest.Database(t, "", nil)
	pool := openPool(t, pgtest.URL(plain))
	long := 2*postgres.Silence + time.Second
	if _, err := pool.Exec(t.Context(), `create table things (v bigint, b bytea)`); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"at work": func() error {
			_, err := pool.Exec(t.Context(), `select pg_sleep($1)`, long.Seconds())
			return err
		},
		"in a transaction": func() error {
			return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `select pg_sleep($1)`, long.Seconds())
				return err
			})
		},
		"waiting for a lock": func() error {
			holder, err := plain.Begin(t.Context())
			if err != nil {
				return err
			}
			if _, err := holder.Exec(t.Context(), `select pg_advisory_xact_lock(9)`); err != nil {
				return err
			}
			time.AfterFunc(long, func() { _ = holder.Rollback(context.Background()) })
			_, err = pool.Exec(t.Context(), `select pg_advisory_xact_lock(9)`)
			return err
		},
		"fed slowly": func() error {
			_, err := pool.CopyFrom(t.Context(), pgx.Identifier{"things"}, []string{"v", "b"}, &slowly{rows: 5})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := do(); err != nil {
				t.Error(err)
			}
		})
	}
}
