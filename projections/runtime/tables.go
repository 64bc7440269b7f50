package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/projections"
)

// Prepared is how a database stands to what Prepare makes.
type Prepared struct {
	// Lacks names what is missing, for people; empty when Prepare has nothing to make.
	Lacks []string
	// Newer names what only a later version made.
	Newer []string
}

// LookAtTables says what of the runtime's tables, the models' and the vocabulary is there. It changes nothing.
func LookAtTables(ctx context.Context, db projections.Querier, models []projections.ReadModel) (Prepared, error) {
	var p Prepared
	known, err := lastMigration()
	if err != nil {
		return p, err
	}
	rows, err := db.Query(ctx, `SELECT nspname FROM pg_namespace`)
	if err != nil {
		return p, err
	}
	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return p, err
	}
	for _, m := range models {
		if !slices.Contains(schemas, m.Schema) {
			p.Lacks = append(p.Lacks, "the read model "+m.Schema)
		}
		p.Newer = append(p.Newer, laterOf(m, schemas)...)
		if m.Views == nil {
			continue
		}
		// Over an earlier version's tables they stay until this one's are as far.
		if now, err := readStamp(ctx, db, m.Views); err != nil {
			return p, err
		} else if want := stampOf(m); now.schema == "" || now.schema == m.Schema && now != want {
			p.Lacks = append(p.Lacks, "the views "+m.Views.Schema)
		}
	}
	if !slices.Contains(schemas, "projections") {
		p.Lacks = append([]string{"the tables of the projections"}, p.Lacks...)
		return p, nil
	}
	var made int64
	err = db.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM projections.schema_versions WHERE is_applied`).Scan(&made)
	switch {
	case isUndefinedTable(err):
		p.Lacks = append(p.Lacks, "the tables of the projections")
		return p, nil
	case err != nil:
		return p, fmt.Errorf("the migrations of the projections: %w", err)
	case made < known:
		p.Lacks = append(p.Lacks, fmt.Sprintf("migrations %d to %d of the projections", made+1, known))
	case made > known:
		p.Newer = append(p.Newer, fmt.Sprintf("migration %d of the projections", made))
	}
	return p, p.vocabulary(ctx, db)
}

// vocabulary compares what is recorded with what this binary knows.
func (p *Prepared) vocabulary(ctx context.Context, db projections.Querier) error {
	own := KnownVocabulary()
	unknown, err := own.Unknown(ctx, db)
	if isUndefinedTable(err) {
		return nil // a migration makes it
	}
	if err != nil {
		return fmt.Errorf("the vocabulary: %w", err)
	}
	if len(unknown) > 0 {
		p.Newer = append(p.Newer, "events or streams called "+strings.Join(unknown, ", "))
	}
	var types []string
	for name := range own.Types {
		types = append(types, name)
	}
	var missing int
	err = db.QueryRow(ctx, `
		SELECT count(*) FROM (SELECT 'category' AS kind, unnest($1::text[]) AS name UNION ALL SELECT 'type', unnest($2::text[])) own
		WHERE NOT EXISTS (SELECT FROM projections.vocabulary v WHERE (v.kind, v.name) = (own.kind, own.name))`, own.Categories, types).
		Scan(&missing)
	if err == nil && missing > 0 {
		p.Lacks = append(p.Lacks, fmt.Sprintf("%d words of the vocabulary", missing))
	}
	return err
}

// laterOf lists the schemas of later versions of a model.
func laterOf(m projections.ReadModel, schemas []string) (later []string) {
	own, ok := versionOf(m.Name, m.Schema)
	for _, schema := range schemas {
		if version, is := versionOf(m.Name, schema); ok && is && version > own {
			later = append(later, "the read model "+schema)
		}
	}
	return later
}

// isUndefinedTable reports whether a table or its schema is not there.
func isUndefinedTable(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42P01" || pgErr.Code == "3F000")
}

// lastMigration is the number of the last that this binary has.
func lastMigration() (last int64, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, wrong := strconv.ParseInt(digits, 10, 64)
		err, last = errors.Join(err, wrong), max(last, n)
	}
	return last, err
}
