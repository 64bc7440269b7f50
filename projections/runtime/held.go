package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// heldBeat is how often a session that others may wait for says that its process is at work still. The server ends one that has
	// said nothing for heldTimeout, and frees its locks: a process that is frozen keeps nobody waiting for longer.
	heldBeat    = 3 * time.Second
	heldTimeout = "15s"
	// heldPatience is how long the answer to that may take: a server that has much to do keeps the lock for as long.
	heldPatience = 10 * time.Second
)

// errLockLost says that what this process was alone at may be another's by now.
var errLockLost = errors.New("the lock was lost: this process stood still, or the database was away; run it again")

// withSessionLock works while its session holds a lock that take has taken, on a connection of its own. When the lock is lost, work's
// context ends, and whatever it returns is an error. It does not work when take returns false.
func withSessionLock(
	ctx context.Context, pool *pgxpool.Pool, take func(context.Context, *pgx.Conn) (bool, error), work func(context.Context) error,
) (taken bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	// The lock goes with the session, which a pooler may keep.
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_, _ = conn.Exec(closing, `SELECT pg_advisory_unlock_all()`)
		_ = conn.Close(closing)
	}()
	// Before the lock: who freezes right after it has it is cut off too.
	if _, err := conn.Exec(ctx, `SET idle_session_timeout = '`+heldTimeout+`'`); err != nil {
		return false, err
	}
	if taken, err = take(ctx, conn); err != nil || !taken {
		return taken, err
	}
	return true, beside(ctx, work, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, `SELECT 1`)
		return err
	})
}

// holding works while the transaction tx, which has locks that others wait for, stands by. Nobody else may use it meanwhile.
func holding(ctx context.Context, tx pgx.Tx, work func(context.Context) error) error {
	return beside(ctx, work, func(ctx context.Context) error {
		_, err := tx.Exec(ctx, `SELECT 1`)
		return err
	})
}

// beside works, and has beat called often meanwhile and once after. When that fails, work's context ends, and the error is errLockLost.
func beside(ctx context.Context, work, beat func(context.Context) error) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	over, beaten := make(chan struct{}), make(chan error, 1)
	once := func() error {
		// A beat outlives ctx: cancelled, it would break the connection.
		beating, cancel := context.WithTimeout(context.WithoutCancel(ctx), heldPatience)
		defer cancel()
		return beat(beating)
	}
	go func() {
		ticker := time.NewTicker(heldBeat)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				beaten <- once()
				return
			case <-ticker.C:
			}
			if err := once(); err != nil {
				stop(errLockLost)
				beaten <- err
				return
			}
		}
	}()
	err := work(working)
	close(over)
	if lost := <-beaten; lost != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errLockLost, errors.Join(lost, err))
	}
	return err
}

// exclusively works while nobody else rebuilds or compares the tables of the same schema, on any node.
func exclusively(ctx context.Context, pool *pgxpool.Pool, live string, work func(context.Context) error) error {
	taken, err := withSessionLock(ctx, pool, func(ctx context.Context, conn *pgx.Conn) (free bool, err error) {
		err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, hashtext($2))`, lockRebuild, live).Scan(&free)
		return free, err
	}, work)
	if err == nil && !taken {
		err = ErrRebuilding
	}
	return err
}
