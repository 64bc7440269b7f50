package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// frozenLook is the pause between two looks for sessions that are frozen.
	frozenLook = 3 * time.Second
	// frozenFor is how long a session has to stand still: longer than a slow link takes for the largest message in which others wait.
	frozenFor = 12 * time.Second
)

// stand is where a session is in what its client sends.
type stand struct {
	pid    int32
	since  int64 // when it began with the message before, in microseconds of the server's clock
	copied int64 // bytes of a COPY
}

// frozen ends the sessions whose process stands still in the middle of a message, of a row of them or of a COPY. The server takes such a
// session to be at work, so that no time-out of its reaches it, nor the locks that it holds and the rows that vacuum keeps for it.
type frozen struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	seen   map[stand]time.Time // since when, by our own clock
}

// EndFrozen looks for frozen sessions of the pool's role in its database, and ends them, until stop is called. It is said whenever it did.
// A process that has something to lose by a frozen one does so: a node, or a command.
func EndFrozen(pool *pgxpool.Pool, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &frozen{pool: pool, logger: logger}
	var work sync.WaitGroup
	work.Go(func() { f.keep(ctx) })
	return func() {
		cancel()
		work.Wait()
	}
}

func (f *frozen) keep(ctx context.Context) {
	ticker := time.NewTicker(frozenLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		look, cancel := context.WithTimeout(ctx, frozenLook)
		if err := f.look(look); err != nil && ctx.Err() == nil {
			f.logger.DebugContext(ctx, "could not look for frozen sessions", "error", err)
		}
		cancel()
	}
}

// look ends those that have not moved for frozenFor.
func (f *frozen) look(ctx context.Context) error {
	const at = `datname = current_database() AND usename = current_user AND state = 'active' AND wait_event = 'ClientRead'`
	rows, err := f.pool.Query(ctx, `SELECT a.pid, (extract(epoch FROM state_change) * 1000000)::bigint, coalesce(c.bytes_processed, 0)
		FROM (SELECT pid, state_change FROM pg_stat_activity WHERE `+at+`) a LEFT JOIN pg_stat_progress_copy c ON c.pid = a.pid`)
	if err != nil {
		return err
	}
	before, now := f.seen, map[stand]time.Time{}
	var s stand
	if _, err := pgx.ForEachRow(rows, []any{&s.pid, &s.since, &s.copied}, func() error {
		now[s] = time.Now()
		if since, ok := before[s]; ok {
			now[s] = since
		}
		return nil
	}); err != nil {
		return err
	}
	f.seen = now
	for s, since := range now {
		if time.Since(since) < frozenFor {
			continue
		}
		tag, err := f.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE pid = $1 AND (extract(epoch FROM state_change) * 1000000)::bigint = $2 AND `+at, s.pid, s.since)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			f.logger.WarnContext(ctx, "ended a session whose process stands still in the middle of what it sends", "pid", s.pid)
		}
	}
	return nil
}
