package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The sessions that hold the appends' lock and have waited for their client, in the middle of what it sends, for as long as any append
// may take. The server's time-outs do not reach such a session: it takes it to be at work.
const (
	fromHolders = `
from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and granted and classid = ($1::bigint >> 32)::bigint::oid and objid = ($1::bigint & 4294967295)::oid
	and objsubid = 1
	and pg_locks.database = (select oid from pg_database where datname = current_database())
	and state = 'active' and wait_event = 'ClientRead' and state_change < clock_timestamp() - $2::interval`
	holdersSQL = `select coalesce(array_agg(pid), '{}')` + fromHolders
	endSQL     = `select count(pg_terminate_backend(pid))` + fromHolders + ` and pid = any ($3)`
)

// waitedInVain reports whether an append ended because it has waited for too long, as a rule for the lock.
func waitedInVain(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "57014"
}

// freeTheLock has the server end whoever is frozen with the appends' lock in hand. It looks twice: one who only sends slowly is seen at
// something else. A role that may not do so leaves it.
func freeTheLock(ctx context.Context, conn *pgx.Conn) {
	var holders []int32
	if err := conn.QueryRow(ctx, holdersSQL, int64(appendLock), patience).Scan(&holders); err != nil || len(holders) == 0 {
		return
	}
	select {
	case <-time.After(lockLook):
	case <-ctx.Done():
		return
	}
	_, _ = conn.Exec(ctx, endSQL, int64(appendLock), patience, holders) // or the next one who waits does it
}

// lockLook is the pause between two looks at who holds the lock.
const lockLook = 200 * time.Millisecond
