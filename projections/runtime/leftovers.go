package runtime

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/projections"
)

// ErrRebuilding says that the same read model is being rebuilt or compared already, on this or another node.
var ErrRebuilding = errors.New("the read model is being rebuilt or compared already")

// What the name of a schema ends with that is not the live one.
const (
	// nextTables are those that a rebuild fills, checkTables those that a comparison does.
	nextTables, checkTables = "_next", "_check"
	// oldTables are those before the last rebuild, until nobody reads them.
	oldTables = "_old"
)

// besideLive is the schema of a read model followed by what it is beside that.
var besideLive = regexp.MustCompile(`^(.+_v[0-9]+)(?:` + nextTables + `|` + checkTables + `|` + oldTables + `)$`)

// Leftovers lists the schemas that rebuilds and comparisons of the models, of any version, have left behind, sorted: they were killed,
// or somebody read the old tables. Those of one that is still at work are not among them.
func Leftovers(ctx context.Context, db projections.Querier, models []projections.ReadModel) ([]string, error) {
	all, err := leftovers(ctx, db, models)
	schemas := make([]string, len(all))
	for i, l := range all {
		schemas[i] = l.schema
	}
	return schemas, err
}

// leftover is a schema beside a live one.
type leftover struct{ schema, live string }

func leftovers(ctx context.Context, db projections.Querier, models []projections.ReadModel) ([]leftover, error) {
	// The lock of exclusively goes with its session: without it nobody is at work.
	rows, err := db.Query(ctx, `SELECT nspname, ARRAY(
			SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 AND objsubid = 2 AND granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
			hashtext(regexp_replace(nspname, $2, ''))::bigint & 4294967295
		FROM pg_namespace WHERE nspname ~ ('_v[0-9]+' || $2) ORDER BY nspname`,
		lockRebuild, `(`+nextTables+`|`+checkTables+`|`+oldTables+`)$`)
	if err != nil {
		return nil, fmt.Errorf("schemas left behind: %w", err)
	}
	var (
		all    []leftover
		schema string
		held   []int64
		key    int64
	)
	_, err = pgx.ForEachRow(rows, []any{&schema, &held, &key}, func() error {
		parts := besideLive.FindStringSubmatch(schema)
		if parts == nil || !versionOfAny(models, parts[1]) {
			return nil
		}
		if slices.Contains(held, key) {
			return nil
		}
		all = append(all, leftover{schema, parts[1]})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("schemas left behind: %w", err)
	}
	return all, nil
}

func versionOfAny(models []projections.ReadModel, schema string) bool {
	for _, m := range models {
		if _, ok := versionOf(m.Name, schema); ok {
			return true
		}
	}
	return false
}

// DropLeftovers drops what Leftovers lists, and returns what it dropped. What somebody reads at this moment stays for the next.
func DropLeftovers(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel) (dropped []string, err error) {
	all, err := leftovers(ctx, pool, models)
	if err != nil {
		return nil, err
	}
	owned := make([]string, len(all))
	for i, l := range all {
		owned[i] = l.schema
	}
	if err := mayDrop(ctx, pool, owned); err != nil {
		return nil, err
	}
	for _, l := range all {
		err := exclusively(ctx, pool, l.live, func(ctx context.Context) error {
			return dropWithin(ctx, pool, l.schema, whichever, leftoverPatience)
		})
		switch {
		case err == nil:
			dropped = append(dropped, l.schema)
		case errors.Is(err, ErrRebuilding), ctx.Err() == nil && passing(err): // it is somebody's again, or read
		default:
			return dropped, fmt.Errorf("drop what was left behind: %w", err)
		}
	}
	return dropped, nil
}

// How long a reader may keep tables from being dropped: those that must go, and those that may wait for the next to look.
const (
	dropTimeout      = 30 * time.Second
	leftoverPatience = 3 * time.Second
)

// drop removes a schema and what belongs to it, if it is there. A reader that is still in it goes first: we would rather
// ask again than be in a deadlock of which it may be the victim.
func drop(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	return dropWithin(ctx, pool, schema, whichever, dropTimeout)
}

// whichever schema it is that has a name.
const whichever = 0

// dropWithin is drop, with a patience of its own, of the schema with an oid: whoever was not alone for a while may find another's tables
// where it had its own.
func dropWithin(ctx context.Context, pool *pgxpool.Pool, schema string, oid uint32, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var wait backoff
	for {
		err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '200ms'`); err != nil {
				return err
			}
			if oid != whichever {
				if is, err := isStill(ctx, tx, schema, oid); err != nil || !is {
					return err
				}
			}
			if _, err := tx.Exec(ctx, `DROP SCHEMA IF EXISTS `+sanitized(schema)+` CASCADE`); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `DELETE FROM projections.dead_letters WHERE projection = $1`, schema); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DELETE FROM projections.checkpoints WHERE projection = $1`, schema)
			return err
		})
		if err == nil {
			return nil
		}
		if !passing(err) || ctx.Err() != nil {
			return fmt.Errorf("drop %s (the next try does it): %w", schema, err)
		}
		wait.sleep(ctx)
	}
}

// isStill reports whether a schema is the one with an oid, and keeps others from putting another in its place until tx ends.
func isStill(ctx context.Context, tx pgx.Tx, schema string, oid uint32) (is bool, err error) {
	if _, err := tx.Exec(ctx, `SELECT FROM projections.checkpoints WHERE projection = $1 FOR UPDATE`, schema); err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1 AND oid = $2)`, schema, oid).Scan(&is)
	return is, err
}

func sanitized(schema string) string { return pgx.Identifier{schema}.Sanitize() }
