package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// RightsError says which rights the database role lacks, and the statements that an administrator gives it with.
type RightsError struct {
	Role string
	// Cure are SQL statements without semicolons; what they name is what is missing.
	Cure []string
}

func (e RightsError) Error() string {
	return fmt.Sprintf("the database role %s lacks rights; run as an administrator: %s;", e.Role, strings.Join(e.Cure, "; "))
}

// ExplainRights turns a refusal of a migration into a RightsError. The role must own the schemas, which may be missing yet, with their
// tables and views, and may make those that are missing. Any other error is returned as it is.
func ExplainRights(ctx context.Context, pool *pgxpool.Pool, refused error, schemas []string) error {
	var pgErr *pgconn.PgError
	if !errors.As(refused, &pgErr) || pgErr.Code != missingRight {
		return refused
	}
	cure, err := MissingToMigrate(ctx, pool, schemas)
	if err != nil || len(cure) == 0 {
		return refused
	}
	return fmt.Errorf("%w (%w)", RightsError{Role: pool.Config().ConnConfig.User, Cure: cure}, refused)
}

// OwnerBeside returns the role that owns the tables when this one is another and no member of it; else "".
func OwnerBeside(ctx context.Context, db Querier) (owner string, err error) {
	err = db.QueryRow(ctx, `SELECT coalesce((SELECT pg_get_userbyid(nspowner) FROM pg_namespace
		WHERE nspname = 'eventstore' AND NOT pg_has_role(nspowner, 'USAGE')), '')`).Scan(&owner)
	return owner, err
}

// missingLocks is the statement that lets the role take advisory locks, as everybody may unless an administrator took that away, such as
// docs/deploy/postgres/report.sql does.
const missingLocks = `
		SELECT 'GRANT EXECUTE ON FUNCTION ' || string_agg(oid::regprocedure::text, ', ' ORDER BY oid::regprocedure::text)
			|| format(' TO %I', current_user)
		FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_'
			AND NOT has_function_privilege(oid, 'EXECUTE')
		HAVING count(*) > 0`

// MissingToMigrate is what an administrator has to run so that the role may make and change the schemas, their tables and views.
func MissingToMigrate(ctx context.Context, db Querier, schemas []string) (cure []string, err error) {
	rows, err := db.Query(ctx, `
		SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
		WHERE NOT has_database_privilege(current_database(), 'CREATE')
		UNION ALL`+missingLocks+`
		UNION ALL
		SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = ANY ($1) AND NOT pg_has_role(nspowner, 'USAGE')
		UNION ALL
		(SELECT format('ALTER TABLE %I.%I OWNER TO %I', nspname, relname, current_user)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = ANY ($1) AND relkind IN ('r', 'p', 'v') AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1)`, schemas)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// MissingToWork is what an administrator has to run so that the role may read and write the tables of the schemas, which another role may
// own: what a node needs whose tables are made by somebody else.
func MissingToWork(ctx context.Context, db Querier, schemas []string) (cure []string, err error) {
	rows, err := db.Query(ctx, `
		SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = ANY ($1) AND NOT has_schema_privilege(oid, 'USAGE')
		UNION ALL`+missingLocks+`
		UNION ALL
		(SELECT DISTINCT format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', nspname, current_user)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = ANY ($1) AND relkind IN ('r', 'p')
			AND (SELECT bool_or(NOT has_table_privilege(c.oid, needed)) FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) needed)
		ORDER BY 1)`, schemas)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
