package runtime

import (
	"context"
	"fmt"
	"strings"

	"waybill/projections"
)

// RightsError says which rights on the database the work needs and the role lacks.
type RightsError struct {
	Role string
	// Owner is the role that owns the tables and has all rights on them; empty when it is Role itself.
	Owner string
	// Cure are SQL statements without semicolons that give the rights; what they name is what is missing.
	Cure []string
}

func (e RightsError) Error() string {
	mend := "run as an administrator: " + strings.Join(e.Cure, "; ") + ";"
	if e.Owner != "" {
		mend = "use the role that owns the tables, " + e.Owner + ", or " + mend
	}
	return fmt.Sprintf("the database role %s lacks rights, and nothing was begun: %s", e.Role, mend)
}

// mayReplace returns a RightsError unless the role may do what a rebuild does: read the log, make a schema, keep a checkpoint, and rename
// and drop the schemas, which it must own. It is asked before the work, which may take hours.
func mayReplace(ctx context.Context, db projections.Querier, owned ...string) error {
	return may(ctx, db, foldRights+`
		UNION ALL
		SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = ANY ($1) AND NOT pg_has_role(nspowner, 'USAGE')`, owned)
}

// mayCompare is mayReplace for a comparison, which reads the tables of the schema and leaves them alone.
func mayCompare(ctx context.Context, db projections.Querier, schema string) error {
	return may(ctx, db, foldRights+`
		UNION ALL
		SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')
		UNION ALL
		SELECT format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', $1::text, current_user)
		WHERE EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
			WHERE nspname = $1 AND relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, 'SELECT'))`, schema)
}

// mayDrop returns a RightsError unless the role may drop the schemas and forget their checkpoints.
func mayDrop(ctx context.Context, db projections.Querier, owned []string) error {
	return may(ctx, db, `
		SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, current_user) FROM pg_namespace
		WHERE nspname = ANY ($1) AND NOT pg_has_role(nspowner, 'USAGE')`, owned)
}

// foldRights are the statements for what it takes to fold the log into a schema of its own.
const foldRights = `
	SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
	WHERE NOT has_database_privilege(current_database(), 'CREATE')
	UNION ALL
	SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) FROM pg_namespace
	WHERE nspname IN ('eventstore', 'projections') AND NOT has_schema_privilege(oid, 'USAGE')
	UNION ALL
	SELECT format('GRANT SELECT ON eventstore.events TO %I', current_user) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'eventstore' AND relname = 'events' AND NOT has_table_privilege(c.oid, 'SELECT')
	UNION ALL
	SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON projections.%I TO %I', relname, current_user)
	FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'projections' AND relname IN ('checkpoints', 'dead_letters', 'vocabulary')
		AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
			AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))`

// may asks for the statements that would give what is missing.
func may(ctx context.Context, db projections.Querier, sql string, args ...any) error {
	missing := RightsError{}
	err := db.QueryRow(ctx, `SELECT current_user, coalesce((SELECT pg_get_userbyid(nspowner) FROM pg_namespace
		WHERE nspname = 'projections' AND pg_get_userbyid(nspowner) <> current_user), ''), ARRAY (`+sql+`)`, args...).
		Scan(&missing.Role, &missing.Owner, &missing.Cure)
	if err != nil {
		return fmt.Errorf("rights: %w", err)
	}
	if len(missing.Cure) == 0 {
		return nil
	}
	return missing
}
