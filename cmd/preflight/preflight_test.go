package preflight

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/config"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

func migrated(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return pgtest.Database(t, "preflight", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models.All)
	})
}

// node is one that is about to serve on a database, with variables by name.
func node(t testing.TB, address string, env map[string]string) Node {
	t.Helper()
	given := map[string]string{"DATABASE_URL": address, "WAYBILL_DATA_DIR": t.TempDir()}
	for name, value := range env {
		given[name] = value
	}
	var set []string
	for name := range given {
		set = append(set, name)
	}
	cfg, err := config.Load(func(name string) string { return given[name] }, set...)
	if err != nil {
		t.Fatal(err)
	}
	return Node{Config: cfg, URL: address, Migrates: cfg.Migrate, Serves: true, Models: models.All}
}

// found is all findings of one check.
func (r Report) found(t testing.TB, name string) []Finding {
	t.Helper()
	for _, result := range r {
		if result.Name == name {
			return result.Findings
		}
	}
	t.Fatalf("no check %s", name)
	return nil
}

// stranger is a role that owns nothing, and the connection string with it.
func stranger(t testing.TB, pool *pgxpool.Pool) (role, address string) {
	t.Helper()
	role = fmt.Sprintf("stranger_%d", rand.Int64())
	pgtest.AsAdmin(t, pool, `CREATE ROLE `+role+` LOGIN PASSWORD 'sesame'`)
	t.Cleanup(func() {
		pgtest.AsAdmin(t, pool, `SET TRANSACTION READ WRITE; DROP OWNED BY `+role+` CASCADE; DROP ROLE `+role)
	})
	u, err := url.Parse(pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "sesame")
	return role, u.String()
}

// TestOfWhatIsWell: every check has a name and a word about it, and on a database as the tests have it only fsync is missed.
func TestOfWhatIsWell(t *testing.T) {
	t.Parallel()
	report := Run(t.Context(), node(t, pgtest.URL(migrated(t)), nil))
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	names := map[string]bool{}
	for _, result := range report {
		if names[result.Name] || result.About == "" || strings.ContainsAny(result.Name, " _") || len(result.Findings) == 0 {
			t.Errorf("%+v", result)
		}
		names[result.Name] = true
		for _, f := range result.Findings {
			t.Logf("%s: %s: %s", result.Name, f.Severity, f)
			if f.Severity != Fine && f.What == "" {
				t.Errorf("%s says nothing", result.Name)
			}
		}
	}
	warnings := report.Warnings()
	if len(warnings) != len(Checks) || len(report) != len(Checks) {
		t.Errorf("%v", warnings)
	}
}
