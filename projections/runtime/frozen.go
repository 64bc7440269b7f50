package runtime

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// frozenLook is the pause between two looks for sessions that are frozen: so long, at least, one keeps others waiting.
const frozenLook = 5 * time.Second

// stuck is a session that others wait for, or may, while it waits for its client, in the middle of what that sends.
type stuck struct {
	pid   int32
	since int64 // microseconds of the server's clock, only compared with themselves
}

// frozen ends the sessions whose process stands still in the middle of a message or of a row of them, with locks that others wait for.
// The server takes such a session to be at work, so that no time-out of its ends it.
type frozen struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	before map[stuck]bool
}

// keep looks until ctx ends.
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

// look ends those that have not moved since the look before. Only sessions of this role are looked at; one that has a checkpoint too when
// nobody waits just now: who wants a lease gives up after a moment, and comes back.
func (f *frozen) look(ctx context.Context) error {
	const at = `datname = current_database() AND usename = current_user AND state = 'active' AND wait_event = 'ClientRead'`
	rows, err := f.pool.Query(ctx, `SELECT pid, (extract(epoch FROM state_change) * 1000000)::bigint FROM pg_stat_activity WHERE `+at+`
		AND (pid = ANY (ARRAY(SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND usename = current_user AND wait_event_type = 'Lock'))
		OR pid = ANY (ARRAY(SELECT pid FROM pg_locks WHERE relation = 'projections.checkpoints'::regclass
			AND mode IN ('RowShareLock', 'RowExclusiveLock') AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))))`)
	if err != nil {
		return err
	}
	now := map[stuck]bool{}
	var s stuck
	if _, err := pgx.ForEachRow(rows, []any{&s.pid, &s.since}, func() error { now[s] = true; return nil }); err != nil {
		return err
	}
	before := f.before
	f.before = now
	for s := range now {
		if !before[s] {
			continue
		}
		tag, err := f.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE pid = $1 AND (extract(epoch FROM state_change) * 1000000)::bigint = $2 AND `+at, s.pid, s.since)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			f.logger.WarnContext(ctx, "ended a session whose process stands still, with locks that others wait for", "pid", s.pid)
		}
	}
	return nil
}
