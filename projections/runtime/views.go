package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// A view follows its tables by what they are, not by their name: when a rebuild has exchanged the schemas, it would still show the old
// ones, and be dropped with them. So new views are made in the transaction of the exchange, in a schema of their own that takes the
// name, as the tables do: no lock on a view is waited for, and who reads the old ones ends in peace.
//
// The comment of the views' schema says of which tables they are, and by which definition. It is the only record of it, and what is
// found in a schema without it is not ours.

// lockViews is the key of the advisory lock under which views are made.
const lockViews int32 = 0x7761_7903

// stampPrefix begins the comment of a schema of views that Waybill made.
const stampPrefix = "waybill "

// stamp is what the comment of a views' schema says.
type stamp struct {
	schema, definition string
}

func (s stamp) String() string { return stampPrefix + s.schema + " " + s.definition }

func stampOf(m projections.ReadModel) stamp {
	sum := sha256.Sum256([]byte(m.Views.DDL))
	return stamp{m.Schema, hex.EncodeToString(sum[:8])}
}

// readStamp is the zero stamp where there is no such schema.
func readStamp(ctx context.Context, db projections.Querier, views *projections.Views) (stamp, error) {
	var comment string
	err := db.QueryRow(ctx, `SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1`, views.Schema).
		Scan(&comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, err
	}
	schema, definition, ok := strings.Cut(strings.TrimPrefix(comment, stampPrefix), " ")
	if !ok || !strings.HasPrefix(comment, stampPrefix) {
		return stamp{}, fmt.Errorf("there is a schema %s that Waybill did not make: rename it (ALTER SCHEMA %s RENAME TO …)",
			views.Schema, sanitized(views.Schema))
	}
	return stamp{schema, definition}, nil
}

// show makes the views over the model's tables, unless they are over those of a later version, or over an earlier one's that is further:
// whoever reads them never sees a position before one they saw. anew says that the tables are others than those of the same name were.
// It reports whether there is nothing left to do. Locks are taken in the order in which everybody takes them: checkpoints, then the views'.
func show(ctx context.Context, tx pgx.Tx, m projections.ReadModel, schema string, anew bool) (done bool, err error) {
	want := stampOf(m)
	before, err := readStamp(ctx, tx, m.Views)
	if err != nil {
		return false, err
	}
	if before.earlierThan(m) {
		for _, lock := range []string{"", " FOR SHARE"} { // first without keeping that projector: a catch-up asks after each batch
			behind, err := isBehind(ctx, tx, schema, before.schema, lock)
			if err != nil || behind {
				return false, err
			}
		}
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockViews, m.Views.Schema); err != nil {
		return false, err
	}
	now, err := readStamp(ctx, tx, m.Views)
	switch {
	case err != nil:
		return false, err
	case now != before:
		return false, fmt.Errorf("the views became those of %s meanwhile: %w", now.schema, domain.ErrConflict)
	case now.laterThan(m):
		return true, nil
	case now == want && !anew:
		return true, grantViews(ctx, tx, m.Views, m.Views.Schema)
	}
	return true, makeViews(ctx, tx, m, schema, now != stamp{})
}

// isBehind reports whether the tables of a schema are not as far as those of another, whose checkpoint it may lock. One that is gone is no
// further than any.
func isBehind(ctx context.Context, tx pgx.Tx, schema, other, lock string) (behind bool, err error) {
	err = tx.QueryRow(ctx, `SELECT old.position > (SELECT position FROM projections.checkpoints WHERE projection = $2)
		FROM projections.checkpoints old WHERE projection = $1`+lock, other, schema).Scan(&behind)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return behind, err
}

func (s stamp) earlierThan(m projections.ReadModel) bool {
	version, ok := versionOf(m.Name, s.schema)
	own, _ := versionOf(m.Name, m.Schema)
	return ok && version < own
}

func (s stamp) laterThan(m projections.ReadModel) bool {
	version, ok := versionOf(m.Name, s.schema)
	own, _ := versionOf(m.Name, m.Schema)
	return ok && version > own
}

// makeViews makes the views beside those that are there, and puts them in their place.
func makeViews(ctx context.Context, tx pgx.Tx, m projections.ReadModel, schema string, exists bool) error {
	v, next := m.Views, m.Views.Schema+"_next"
	create := `CREATE SCHEMA ` + sanitized(next) + `; SET LOCAL search_path = ` + sanitized(next) + `, ` + sanitized(schema)
	if _, err := tx.Exec(ctx, create); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, v.DDL); err != nil {
		return err
	}
	said := `SET LOCAL search_path = DEFAULT; COMMENT ON SCHEMA ` + sanitized(next) + ` IS '` + stampOf(m).String() + `'`
	if _, err := tx.Exec(ctx, said); err != nil {
		return err
	}
	if err := grantViews(ctx, tx, v, next); err != nil {
		return err
	}
	if exists {
		var oid uint32
		if err := tx.QueryRow(ctx, `SELECT oid FROM pg_namespace WHERE nspname = $1`, v.Schema).Scan(&oid); err != nil {
			return err
		}
		old := sanitized(fmt.Sprint(v.Schema, retired, oid))
		if _, err := tx.Exec(ctx, `ALTER SCHEMA `+sanitized(v.Schema)+` RENAME TO `+old); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `ALTER SCHEMA `+sanitized(next)+` RENAME TO `+sanitized(v.Schema))
	return err
}

// retired is between the name of a views' schema and a number, in the name that it has when others took its place.
const retired = "_old_"

// grantViews has the reader read the views in a schema, if there is such a role and it cannot yet.
func grantViews(ctx context.Context, tx pgx.Tx, v *projections.Views, schema string) error {
	var lacks bool
	err := tx.QueryRow(ctx, `SELECT NOT has_schema_privilege(r.oid, n.oid, 'USAGE') OR EXISTS (SELECT FROM pg_class c
			WHERE c.relnamespace = n.oid AND c.relkind = 'v' AND NOT has_table_privilege(r.oid, c.oid, 'SELECT'))
		FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 AND n.nspname = $2`, v.Reader, schema).Scan(&lacks)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !lacks {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `GRANT USAGE ON SCHEMA `+sanitized(schema)+` TO `+sanitized(v.Reader)+
		`; GRANT SELECT ON ALL TABLES IN SCHEMA `+sanitized(schema)+` TO `+sanitized(v.Reader))
	return err
}

// showNow is show of the live tables, in a transaction of its own.
func showNow(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel) (done bool, err error) {
	for {
		err = durably(ctx, pool, func(tx pgx.Tx) error {
			done, err = show(ctx, tx, m, m.Schema, false)
			return err
		})
		if !errors.Is(err, domain.ErrConflict) || ctx.Err() != nil { // somebody else made them meanwhile
			return done, err
		}
	}
}

// retiredViews are the schemas of those whose place others took.
func retiredViews(ctx context.Context, db projections.Querier, v *projections.Views) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT nspname FROM pg_namespace
		WHERE starts_with(nspname, $1) AND substr(nspname, length($1) + 1) ~ '^[0-9]+$'`,
		v.Schema+retired)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// dropRetired drops the views whose place others took, and names them, unless somebody reads them at this moment, which is an error
// that passes.
func dropRetired(ctx context.Context, pool *pgxpool.Pool, v *projections.Views) (dropped []string, err error) {
	schemas, err := retiredViews(ctx, pool, v)
	if err != nil {
		return nil, err
	}
	for _, schema := range schemas {
		gone := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '200ms'; DROP SCHEMA IF EXISTS `+sanitized(schema)+` CASCADE`)
			return err
		})
		if gone == nil {
			dropped = append(dropped, schema)
		}
		err = errors.Join(err, gone)
	}
	return dropped, err
}

// viewsOver is the schema of views that are over the tables of an earlier version; empty for none.
func viewsOver(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel, schema string) (string, error) {
	for _, m := range models {
		if m.Views == nil {
			continue
		}
		if now, err := readStamp(ctx, pool, m.Views); err != nil || now.schema == schema {
			return m.Views.Schema, err
		}
	}
	return "", nil
}

// switching moves the views to a projector's tables once these are as far as the tables that the views are over.
type switching struct {
	target
	logger *slog.Logger
	done   bool
	next   time.Time // of a look, after one that failed
}

// The time between two looks after one that failed: of itself, and for want of a right, which does not come by itself.
const (
	viewsPause       = time.Second
	viewsPauseRights = time.Minute
)

// look switches if it can. What keeps it from it does not keep the projector.
func (s *switching) look(ctx context.Context) {
	if s.done || s.model.Views == nil || time.Now().Before(s.next) {
		return
	}
	var err error
	if s.done, err = showNow(ctx, s.pool, s.model); err != nil && ctx.Err() == nil {
		s.next = time.Now().Add(viewsPause)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "42501" { // who serves does not own them: 'waybill migrate' moves them, too
			s.next = time.Now().Add(viewsPauseRights)
		}
		s.logger.WarnContext(ctx, "the views could not be moved to the tables of this version; trying again",
			"schema", s.model.Views.Schema, "error", err)
	}
	if s.done {
		_, _ = dropRetired(ctx, s.pool, s.model.Views) // what is read still goes with the next rebuild, or with Prune
	}
}
