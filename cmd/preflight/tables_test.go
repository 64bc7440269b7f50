package preflight

import (
	"strings"
	"testing"

	"waybill/adapters/postgres/pgtest"
	"waybill/projections/models"
)

func TestRights(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	role, address := stranger(t, pool)
	n := node(t, address, nil)
	finds(t, n, "rights", Refuse, "GRANT USAGE ON SCHEMA eventstore TO "+role, "ALL TABLES IN SCHEMA media TO "+role)
	report := Run(t.Context(), n)
	_, cure, _ := strings.Cut(report.found(t, "rights")[0].Mend, "administrator: ")
	pgtest.AsAdmin(t, pool, cure)
	finds(t, n, "rights", Fine)
	// What an administrator took from everybody.
	pgtest.AsAdmin(t, pool, `REVOKE EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_try_advisory_xact_lock(bigint) FROM PUBLIC`)
	locks := "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_try_advisory_xact_lock(bigint) TO " + role
	finds(t, n, "rights", Refuse, locks)
	pgtest.AsAdmin(t, pool, locks)
	finds(t, n, "rights", Fine)
	// With something to make, it must own what there is.
	pgtest.AsAdmin(t, pool, `DROP SCHEMA `+models.All[0].Schema+` CASCADE`)
	finds(t, n, "rights", Refuse, "GRANT CREATE ON DATABASE", "ALTER SCHEMA eventstore OWNER TO "+role, "ALTER SCHEMA media OWNER TO "+role,
		"as the role that owns the tables, "+pool.Config().ConnConfig.User+" (and serve with WAYBILL_MIGRATE=false), or")
	n.Migrates = false
	finds(t, n, "versions", Refuse, "WAYBILL_MIGRATE=false", models.All[0].Schema, "waybill migrate")
	bare := pgtest.Database(t, "", nil)
	_, address = stranger(t, bare)
	finds(t, node(t, address, nil), "rights", Refuse, "GRANT CREATE ON DATABASE")
	finds(t, node(t, pgtest.URL(bare), nil), "rights", Fine)
}

func TestVersionsAndLeftovers(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	n := node(t, pgtest.URL(pool), nil)
	finds(t, n, "versions", Fine)
	finds(t, n, "leftovers", Fine, "none")
	m := models.All[0]
	pgtest.AsAdmin(t, pool, `CREATE SCHEMA `+m.Schema+`_next; CREATE SCHEMA `+m.Schema+`_check; CREATE SCHEMA others_v1_next;
		INSERT INTO eventstore.migrations (version_id, is_applied) VALUES (999, true)`)
	finds(t, n, "versions", Warn, "migration 999")
	finds(t, n, "leftovers", Warn, m.Schema+"_check, "+m.Schema+"_next", "waybill prune")
	pgtest.AsAdmin(t, pool, `DELETE FROM eventstore.migrations WHERE version_id > 3`)
	finds(t, n, "versions", Fine, "to be made now: migrations 4 to ")
	n.Migrates = false
	finds(t, n, "versions", Refuse, "migrations 4 to ")
	if err := RequireTables(t.Context(), pool, models.All); err == nil || !strings.Contains(err.Error(), "waybill migrate") {
		t.Error(err)
	}
	pgtest.AsAdmin(t, pool, `COMMENT ON SCHEMA reporting IS 'waybill `+viewsSchema(t)+` 0'; DELETE FROM projections.schema_versions WHERE version_id > 2`)
	finds(t, n, "versions", Refuse, "the views reporting")
}

func viewsSchema(t *testing.T) string {
	for _, m := range models.All {
		if m.Views != nil {
			return m.Schema
		}
	}
	t.Fatal("no model has views")
	return ""
}
