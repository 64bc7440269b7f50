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
	if !errors.As(refused, &pgErr) || pgErr.Code != "42501" {
		return refused
	}
	rows, _ := pool.Query(ctx, `
		SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
		WHERE NOT has_database_privilege(current_database(), 'CREATE')
		UNION ALL
		SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = ANY ($1) AND NOT pg_has_role(nspowner, 'USAGE')
		UNION ALL
		(SELECT format('ALTER TABLE %I.%I OWNER TO %I', nspname, relname, current_user)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = ANY ($1) AND relkind IN ('r', 'p', 'v') AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1)`, schemas)
	cure, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(cure) == 0 {
		return refused
	}
	return fmt.Errorf("%w (%w)", RightsError{Role: pool.Config().ConnConfig.User, Cure: cure}, refused)
}

// Superuser reports whether the role may do everything on the server, which is more than Waybill needs.
func Superuser(ctx context.Context, pool *pgxpool.Pool) (yes bool, err error) {
	err = pool.QueryRow(ctx, `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`).Scan(&yes)
	return yes, err
}
