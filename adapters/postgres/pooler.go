package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrSharedSession says that a pooler lends a session for a transaction or a statement, and then to somebody else. Nothing works so:
// neither locks and notifications nor prepared statements and settings, all of which are the session's.
var ErrSharedSession = errors.New("a pooler between Waybill and PostgreSQL lends each session for one transaction or statement only, and " +
	"Waybill needs sessions of its own: set pool_mode = session for this database and role, or connect past the pooler")

// sessionIdle is after how long the server ends a session that SessionIsOurs leaves idle, and sessionPatience how long it waits for that.
const (
	sessionIdle     = "100ms"
	sessionPatience = 5 * time.Second
)

// SessionIsOurs returns ErrSharedSession when the sessions that config leads to are not of one client for as long as it wants. It makes a
// connection of its own.
//
// Without a pooler, which hands out keys of its own to cancel by, there is nothing to ask. With one, the session is left idle until the
// server ends it for that: whoever has it hears of its end, and who only had it for a statement does not.
func SessionIsOurs(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 2*sessionPatience)
	defer cancel()
	conn, pooled, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it may be at its end already
	if !pooled {
		return nil
	}
	if err := conn.Exec(ctx, `SET idle_session_timeout = '`+sessionIdle+`'`).Close(); err != nil {
		return err
	}
	idle, stop := context.WithTimeout(ctx, sessionPatience)
	defer stop()
	for err == nil && idle.Err() == nil {
		err = awaitEnd(idle, conn)
	}
	ended, isEnd := errors.AsType[*pgconn.PgError](err)
	switch {
	case isEnd && ended.Code == "57P05": // idle_session_timeout
		return nil
	case idle.Err() != nil && ctx.Err() == nil:
		return ErrSharedSession
	}
	return fmt.Errorf("whether sessions are shared: %w", err)
}

// awaitEnd waits for the end of a session, but for less than a server may be silent.
func awaitEnd(ctx context.Context, conn *pgconn.PgConn) error {
	ctx, cancel := context.WithTimeout(ctx, silence/2)
	defer cancel()
	err := conn.WaitForNotification(ctx)
	if err != nil && ctx.Err() != nil && !conn.IsClosed() {
		return nil
	}
	return err
}

// connect also reports whether a pooler is between us and the server: it has keys of its own to cancel by, which the server's process id
// is a part of.
func connect(ctx context.Context, config *pgx.ConnConfig) (conn *pgconn.PgConn, pooled bool, err error) {
	if conn, err = pgconn.ConnectConfig(ctx, &config.Config); err != nil {
		return nil, false, err
	}
	result, err := conn.Exec(ctx, `SELECT pg_catalog.pg_backend_pid()`).ReadAll()
	if err != nil {
		return nil, false, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, string(result[0].Rows[0][0]) != strconv.FormatUint(uint64(conn.PID()), 10), nil
}

// OwnSessions is how many sessions a node has besides those of its pool.
const OwnSessions = inFlight + 2 // that append, and that listen

// PoolerHasRoom returns an error when a pooler has fewer sessions to give than a node may want at once: the last to ask would wait in its
// queue, perhaps with a lock or a write. The caller holds some of them already. It returns nil without a pooler: a server that has no more
// says so at once. One that is slow goes on giving them.
func PoolerHasRoom(ctx context.Context, config *pgx.ConnConfig, sessions, held int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(sessionPatience, cancel)
	defer patience.Stop()
	first, pooled, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer first.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it has done its work
	if !pooled {
		return nil
	}
	var given atomic.Int64
	var all sync.WaitGroup
	release := make(chan struct{})
	others := sessions - held - 1
	results := make(chan error, others)
	for range others {
		all.Go(func() {
			conn, _, err := connect(ctx, config)
			results <- err
			if err != nil {
				return
			}
			given.Add(1)
			patience.Reset(sessionPatience)
			<-release
			_ = conn.Close(context.WithoutCancel(ctx)) // it has done its work
		})
	}
	for range others {
		err = cmp.Or(err, <-results)
	}
	close(release)
	all.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("the pooler between Waybill and PostgreSQL had %d sessions to give, and this node may want %d at once: raise "+
		"default_pool_size and max_client_conn (for all nodes together, and max_connections of the server with it), or lower "+
		"WAYBILL_DB_MAX_CONNS: %w",
		int(given.Load())+1+held, sessions, err)
}
