package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier asks a database: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Schemas are those that Migrate makes.
var Schemas = []string{"eventstore", "access", "media"}

// Version is the last migration that Migrate has made in a database, 0 for none, and the last that this binary has.
func Version(ctx context.Context, db Querier) (made, known int64, err error) {
	if known, err = lastOf(migrations); err != nil {
		return 0, 0, err
	}
	made, err = MigrationsMade(ctx, db, "eventstore", "migrations")
	return made, known, err
}

// MigrationsMade is the number of the last migration that a table of goose's has; 0 where there is no such table.
func MigrationsMade(ctx context.Context, db Querier, schema, table string) (last int64, err error) {
	// From the catalogue: to ask for the name itself needs a right to the schema.
	var there bool
	err = db.QueryRow(ctx, `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and c.relname = $2)`, schema, table).Scan(&there)
	if err == nil && there {
		err = db.QueryRow(ctx, `select coalesce(max(version_id), 0) from `+pgx.Identifier{schema, table}.Sanitize()+` where is_applied`).
			Scan(&last)
	}
	if err != nil {
		return 0, fmt.Errorf("the migrations of %s: %w", schema, err)
	}
	return last, nil
}

// lastOf is the highest number that a file of migrations/ begins with.
func lastOf(files fs.FS) (last int64, err error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		last = max(last, n)
	}
	return last, nil
}

// StoreOf is the store of files that belongs to the database, and whether a node has seen it; the nil id while none does.
func StoreOf(ctx context.Context, db Querier) (id uuid.UUID, settled bool, err error) {
	err = db.QueryRow(ctx, `select id, settled from media.store`).Scan(&id, &settled)
	var refused *pgconn.PgError
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &refused) && (refused.Code == "42P01" || refused.Code == "3F000") {
		return uuid.Nil, false, nil // also before the tables are there
	}
	return id, settled, err
}
