package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// OpenPool opens a pool of configured sessions (see Configure) that do not outlive their use. One that the server refuses something for a
// reason that is the session's own is closed, and with it all others where theirs will be the same; the next use gets a fresh one,
// which may reach another server where config names several. One whose server is gone without a word is closed within seconds (see
// watched), and the server notices as soon when we are.
//
// All that holds for connections that are made from the pool's configuration too.
func OpenPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	Configure(config.ConnConfig)
	s := &sessions{}
	s.attend(&config.ConnConfig.Config)
	config.PingTimeout = silence + probeTimeout // the ping's own end comes first
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		s.pool.Store(pool)
	}
	return pool, err
}

// sessions judges what the server says of the sessions of one pool.
type sessions struct {
	pool atomic.Pointer[pgxpool.Pool]
	mu   sync.Mutex
	last time.Time // when all were given up
}

// attend has each connection of a configuration judged and watched.
func (s *sessions) attend(config *pgconn.Config) {
	config.OnPgError = s.judge
	noteUnconfirmed(config)
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = greeting
	}
	w := &watch{config: config.Copy(), dial: config.DialFunc, lost: s.giveUp}
	config.DialFunc = w.dialed
	before := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[begunKey] = time.Now()
		if before != nil {
			if err := before(ctx, conn); err != nil {
				return err
			}
		}
		return w.introduce(ctx, conn)
	}
}

// begunKey is what a connection knows by since when it is there.
const begunKey = "waybill.begun"

// judge reports whether a session goes on after an error. The server ends a session itself after FATAL.
func (s *sessions) judge(conn *pgconn.PgConn, err *pgconn.PgError) bool {
	if err.Code == missingRight && s.anew(conn) {
		return true // it is the role's: a fresh session lacks it too
	}
	if ofEverySession(err) {
		s.giveUp()
	}
	return !endsTheSession(err) && !ofTheSession(err)
}

// anew reports whether a session began after all others were given up, not long ago.
func (s *sessions) anew(conn *pgconn.PgConn) bool {
	begun, ok := conn.CustomData()[begunKey].(time.Time)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && begun.After(s.last) && time.Since(s.last) < time.Minute
}

// giveUp has the pool begin anew, at most once a second: what is younger knows the server as it is.
func (s *sessions) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := s.pool.Load()
	if pool == nil || time.Since(s.last) < time.Second {
		return
	}
	s.last = time.Now()
	pool.Reset()
}

// missingRight is the SQLSTATE of insufficient_privilege.
const missingRight = "42501"

// endsTheSession reports whether the server ends the session with an error, in whatever language it says so.
func endsTheSession(err *pgconn.PgError) bool {
	return err.Severity == "FATAL" || err.Severity == "PANIC" || err.SeverityUnlocalized == "FATAL" || err.SeverityUnlocalized == "PANIC"
}

// ofTheSession reports whether the server refused for what the session is, or has, and not for what was asked of it: a fresh one may do
// the same. Nothing was done.
func ofTheSession(err *pgconn.PgError) bool {
	switch err.Code {
	case "25006", // it is read-only: its server was made a standby, or it began while writes were off
		"26000", "42P05", "34000", // the prepared statements and portals are not those it made: a pooler exchanged what is behind it
		missingRight,                       // one that the role has now may be there for new sessions only
		"53200",                            // its memory
		"57P01", "57P02", "57P03", "57P04": // the server is going, or its database has gone
		return true
	}
	return strings.HasPrefix(err.Code, "08") || err.Code == "0A000" && err.Routine == "RevalidateCachedQuery"
}

// ofEverySession reports whether the other sessions of a pool are no better.
func ofEverySession(err *pgconn.PgError) bool {
	switch err.Code {
	case "25006", missingRight, "57P01", "57P02", "57P03", "57P04":
		return true
	}
	return err.Code == "0A000" && err.Routine == "RevalidateCachedQuery"
}

// afresh does something, and once more over a fresh session when the first was refused for what it was. In a transaction, do is all of
// it.
func afresh(do func() error) error {
	err := do()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && ofTheSession(refused) && !mayHaveCommitted(err) {
		err = do()
	}
	return err
}

// execute is pool.Exec, afresh.
func execute(ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) (done pgconn.CommandTag, err error) {
	err = afresh(func() error {
		done, err = pool.Exec(ctx, sql, args...)
		return err
	})
	return done, err
}

// queryRow is pool.QueryRow for a statement that writes, afresh.
func queryRow(ctx context.Context, pool *pgxpool.Pool, into []any, sql string, args ...any) error {
	return afresh(func() error { return pool.QueryRow(ctx, sql, args...).Scan(into...) })
}
