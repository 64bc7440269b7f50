package runtime

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// A database that goes down comes back without its last transactions: what was known of it before says nothing any more.
func TestPositionsAreForgottenWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	var down atomic.Bool
	config, err := pgxpool.ParseConfig(pgtest.URL(w.pool))
	if err != nil {
		t.Fatal(err)
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if down.Load() {
			return nil, errors.New("down")
		}
		return dial(ctx, network, addr)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)

	exec(`INSERT INTO projections.leases VALUES ($1, 'another node', now() + interval '1 hour')`, w.model.Schema)
	exec(`UPDATE projections.checkpoints SET position = 10 WHERE projection = $1`, w.model.Schema)
	r := w.start(func(c *Config) { c.Pool, c.MaxWait = pool, 10*time.Millisecond })
	w.eventually("position 10", func() bool { return r.Positions().At("tally") == 10 })

	down.Store(true)
	exec(`UPDATE projections.checkpoints SET position = 5 WHERE projection = $1`, w.model.Schema)
	exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	w.eventually("nothing known", func() bool { return r.Positions().At("tally") == 0 })
	if err := r.Positions().Wait(t.Context(), "tally", 5); !errors.Is(err, ErrBehind) {
		t.Errorf("wait while the database is down: %v", err)
	}
	down.Store(false)
	w.eventually("position 5", func() bool { return r.Positions().At("tally") == domain.Position(5) })
}
