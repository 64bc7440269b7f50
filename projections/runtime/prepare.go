package runtime

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"waybill/projections"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Advisory lock keys; any two that nothing else in the database uses.
const (
	lockPrepare int64 = 0x7761_7962_696c_6c01
	lockRebuild int32 = 0x7761_7902
)

// Prepare brings the runtime's own tables up to date, records what this binary knows of the log, and makes the tables of the
// models that have none yet. Nodes that start together wait for each other. It comes before the first append of what the
// binary knows.
func Prepare(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel) error {
	return withPrepareLock(ctx, pool, func(ctx context.Context) error { return prepare(ctx, pool, models) })
}

// withPrepareLock works while nobody else prepares or prunes, on any node.
func withPrepareLock(ctx context.Context, pool *pgxpool.Pool, work func(context.Context) error) error {
	// Of a connection of its own: goose runs its migrations on others.
	_, err := withSessionLock(ctx, pool, func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		_, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockPrepare)
		return true, err
	}, work)
	return err
}

func prepare(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel) error {
	if err := migrate(ctx, pool); err != nil {
		return fmt.Errorf("tables of the projection runtime: %w", err)
	}
	if err := durably(ctx, pool, func(tx pgx.Tx) error { return KnownVocabulary().record(ctx, tx) }); err != nil {
		return fmt.Errorf("record the vocabulary: %w", err)
	}
	for _, m := range models {
		if err := create(ctx, pool, m); err != nil {
			return fmt.Errorf("read model %s: %w", m.Name, err)
		}
		if m.Views == nil {
			continue
		}
		if _, err := showNow(ctx, pool, m); err != nil {
			return fmt.Errorf("views of read model %s: %w", m.Name, err)
		}
	}
	return nil
}

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	// Asked first: IF NOT EXISTS needs the right to make it also when it is there.
	var missing bool
	err := pool.QueryRow(ctx, `SELECT to_regnamespace('projections') IS NULL`).Scan(&missing)
	if err == nil && missing {
		_, err = pool.Exec(ctx, `CREATE SCHEMA projections`)
	}
	if err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*pool.Config().ConnConfig, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SET idle_in_transaction_session_timeout = '60s'`) // who freezes in a migration is cut off
		return err
	}))
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName("projections.schema_versions"))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	_, err = provider.Up(ctx)
	return errors.Join(err, provider.Close())
}

// create makes the model's tables, indexes and checkpoint, unless they are there.
func create(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginFollowing + durable}, func(tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT to_regnamespace(quote_ident($1)) IS NOT NULL`, m.Schema).Scan(&exists); err != nil || exists {
			return err
		}
		if err := createIn(ctx, tx, m, m.Schema); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, m.Indexes)
		return err
	})
}

// createIn makes the model's tables, without their secondary indexes, and an empty checkpoint for them.
func createIn(ctx context.Context, tx pgx.Tx, m projections.ReadModel, schema string) error {
	if _, err := tx.Exec(ctx, `CREATE SCHEMA `+sanitized(schema)+`; SET LOCAL search_path = `+sanitized(schema)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, m.DDL); err != nil {
		return err
	}
	// The epoch of an earlier life of the same schema goes on, so that its projectors stay fenced out.
	_, err := tx.Exec(ctx, `INSERT INTO projections.checkpoints (projection) VALUES ($1)
		ON CONFLICT (projection) DO UPDATE SET position = 0, epoch = checkpoints.epoch + 1, stream = NULL, revision = NULL, event_id = NULL`, schema)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM projections.dead_letters WHERE projection = $1`, schema)
	return err
}
