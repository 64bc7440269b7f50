package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// Comparison is a read model held against a fold of the whole log.
type Comparison struct {
	// Position is the last event that both had applied.
	Position domain.Position
	// Applied counts the events of the model that were folded, Rows the rows that came of them.
	Applied int
	Rows    int64
	// Parked is the number of streams that stand still in the live read model because an event could not be applied.
	Parked int
	// Differences has one element for each table that differs.
	Differences []Difference
}

// Difference is where a table of the read model is not what the log says.
type Difference struct {
	Table string
	// Missing rows are not in the live table, surplus rows not in the fold; changed ones are in both.
	Missing, Surplus, Changed int64
	// Keys are the keys of a few of them.
	Keys []string
}

// maxKeys bounds Difference.Keys.
const maxKeys = 5

// Compare folds the whole log into tables beside the live ones, as far as these are, and compares them row by row. The live
// projector goes on; it stands still only while the last few events are folded. What it needs for the time is the room of a
// second copy of the read model. ErrRebuilding: one at a time.
func Compare(
	ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, model projections.ReadModel, progress ...func(Progress),
) (Comparison, error) {
	c := comparison{rebuild: rebuild{
		target: newTarget(pool, model, model.Schema+checkTables, KnownVocabulary()),
		store:  store, live: model.Schema,
	}}
	c.begins = beginHolding
	if len(progress) > 0 {
		c.progress = progress[0]
	}
	if err := mayCompare(ctx, pool, model.Schema); err != nil {
		return c.found, fmt.Errorf("compare %s: %w", model.Name, err)
	}
	_, err := DropLeftovers(ctx, pool, []projections.ReadModel{model}) // of one that was killed
	if err == nil {
		err = exclusively(ctx, pool, c.live, func(ctx context.Context) error {
			if err := c.tidily(ctx, c.run); err != nil {
				return err
			}
			return dropWithin(context.WithoutCancel(ctx), c.pool, c.schema, c.oid, dropTimeout)
		})
	}
	c.found.Applied = c.applied
	if err != nil {
		return c.found, fmt.Errorf("compare %s: %w", model.Name, err)
	}
	return c.found, nil
}

type comparison struct {
	rebuild
	found Comparison
}

func (c *comparison) run(ctx context.Context) error {
	if err := c.create(ctx); err != nil {
		return err
	}
	if at, err := checkpointsOf(ctx, c.pool, []string{c.live}); err != nil {
		return err
	} else if err := at[c.live].verify(ctx, c.log); err != nil {
		return err
	}
	live := func(ctx context.Context) (domain.Position, error) { return c.position(ctx, c.pool, "") }
	head, err := live(ctx)
	if err != nil {
		return err
	}
	c.begin(PhaseEvents, head)
	if err := c.followClose(ctx, live); err != nil {
		return err
	}
	snapshot, err := c.still(ctx)
	if err != nil {
		return err
	}
	defer rollback(ctx, snapshot)
	tables, err := c.tables(ctx, snapshot)
	if err != nil {
		return err
	}
	c.begin(PhaseCompare, c.found.Position)
	for _, table := range tables {
		if err := c.compare(ctx, snapshot, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// still stops the live projector until the fold is exactly where it is, and returns a snapshot of that moment.
func (c *comparison) still(ctx context.Context) (snapshot pgx.Tx, err error) {
	still, err := c.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginHolding})
	if err != nil {
		return nil, err
	}
	defer rollback(ctx, still)
	if c.found.Position, err = c.position(ctx, still, "FOR UPDATE"); err != nil {
		return nil, err
	}
	if err := holding(ctx, still, func(ctx context.Context) error { return c.follow(ctx, c.found.Position) }); err != nil {
		return nil, err
	}
	if c.at.position != c.found.Position {
		return nil, fmt.Errorf("%w (the log ends at %d, but %s is at %d)", ErrAnotherLog, c.at.position, c.live, c.found.Position)
	}
	snapshot, err = c.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginSnapshot})
	if err != nil {
		return nil, err
	}
	// The first statement takes the snapshot.
	err = snapshot.QueryRow(ctx, `SELECT count(DISTINCT stream) FROM projections.dead_letters WHERE projection = $1`, c.live).Scan(&c.found.Parked)
	if err != nil {
		rollback(ctx, snapshot)
		return nil, err
	}
	return snapshot, nil
}

func (c *comparison) position(ctx context.Context, db interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, locked string,
) (at domain.Position, err error) {
	err = db.QueryRow(ctx, `SELECT position FROM projections.checkpoints WHERE projection = $1 `+locked, c.live).Scan(&at)
	if err != nil {
		return 0, fmt.Errorf("checkpoint of %s (was it prepared?): %w", c.live, err)
	}
	return at, nil
}

// tables are those of the read model; it is an error when the live one has others.
func (c *comparison) tables(ctx context.Context, db pgx.Tx) ([]string, error) {
	var of [2][]string
	for i, schema := range []string{c.schema, c.live} {
		rows, err := db.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, schema)
		if err != nil {
			return nil, err
		}
		if of[i], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, err
		}
	}
	if !slices.Equal(of[0], of[1]) {
		return nil, fmt.Errorf("%s has the tables %v, not %v", c.live, of[1], of[0])
	}
	return of[0], nil
}

// compare joins the two tables by their key and counts the rows that are not the same byte for byte.
func (c *comparison) compare(ctx context.Context, db pgx.Tx, table string) error {
	key, err := c.key(ctx, db, table)
	if err != nil {
		return err
	}
	on := make([]string, len(key))
	for i, column := range key {
		on[i] = "live." + column + " = fold." + column
	}
	from := fmt.Sprintf(` FROM %s live FULL JOIN %s fold ON %s `, pgx.Identifier{c.live, table}.Sanitize(),
		pgx.Identifier{c.schema, table}.Sanitize(), strings.Join(on, " AND "))
	missing, surplus := "live."+key[0]+" IS NULL", "fold."+key[0]+" IS NULL"
	const changed = "live.* OPERATOR(pg_catalog.*<>) fold.*" // null when one of them is

	if _, err := db.Exec(ctx, `SET LOCAL work_mem = '64MB'`); err != nil {
		return err
	}
	d := Difference{Table: table}
	var rows int64
	err = db.QueryRow(ctx, fmt.Sprintf(`SELECT count(fold.%s), count(*) FILTER (WHERE %s), count(*) FILTER (WHERE %s), count(*) FILTER (WHERE %s)`,
		key[0], missing, surplus, changed)+from).Scan(&rows, &d.Missing, &d.Surplus, &d.Changed)
	if err != nil {
		return err
	}
	c.found.Rows += rows
	if d.Missing+d.Surplus+d.Changed == 0 {
		return nil
	}
	parts := make([]string, len(key))
	for i, column := range key {
		parts[i] = fmt.Sprintf("coalesce(live.%s, fold.%s)::text", column, column)
	}
	few, err := db.Query(ctx, fmt.Sprintf(`SELECT concat_ws(' ', %s) %s WHERE %s OR %s OR %s ORDER BY 1 LIMIT %d`,
		strings.Join(parts, ", "), from, missing, surplus, changed, maxKeys))
	if err != nil {
		return err
	}
	if d.Keys, err = pgx.CollectRows(few, pgx.RowTo[string]); err != nil {
		return err
	}
	c.found.Differences = append(c.found.Differences, d)
	return nil
}

// key is the primary key's columns.
func (c *comparison) key(ctx context.Context, db pgx.Tx, table string) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT quote_ident(a.attname) FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indisprimary AND i.indrelid = $1::text::regclass ORDER BY array_position(i.indkey::int2[], a.attnum)`,
		pgx.Identifier{c.schema, table}.Sanitize())
	if err != nil {
		return nil, err
	}
	key, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(key) == 0 {
		err = errors.New("it has no primary key")
	}
	return key, err
}
