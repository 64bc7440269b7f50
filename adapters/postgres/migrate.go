// Package postgres keeps the log of events and the bearer tokens in a PostgreSQL database.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Keys of the advisory locks; any number will do that nobody else takes in the same database.
const (
	migrateLock = 0x77617962_6d696772
	appendLock  = 0x77617962_61707064
)

// Migrate brings the schemas eventstore and access up to date. Several nodes may call it at once.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (err error) {
	// The schema comes first: the migrations' own version table lives in it.
	err = transact(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil {
			return err
		}
		// Asked first: "if not exists" needs the right to make it also when it is there.
		var missing bool
		err := tx.QueryRow(ctx, `select to_regnamespace('eventstore') is null`).Scan(&missing)
		if err == nil && missing {
			_, err = tx.Exec(ctx, `create schema eventstore`)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create schema eventstore: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*pool.Config().ConnConfig) // of its own: the settings of sessionLock go with it
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName("eventstore.migrations"),
		goose.WithSessionLocker(sessionLock{}),
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// sessionLock makes a second node wait exactly until the first has migrated; goose's own locker polls every few seconds.
type sessionLock struct{}

// SessionLock is called by goose before it looks at the version table. It migrates on the same session: when the process freezes, the
// server ends that, and the next in the line goes on.
func (sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	for _, statement := range []string{"set idle_in_transaction_session_timeout = '60s'", "set idle_session_timeout = '15s'"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, `select pg_advisory_lock($1)`, int64(migrateLock))
	return err
}

// SessionUnlock is called by goose when it is done, also after a failure.
func (sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, int64(migrateLock))
	return err
}
