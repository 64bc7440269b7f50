package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
)

// TestMissingRightsAreNamed: a start says what an administrator has to run, and that is enough.
func TestMissingRightsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		database *pgxpool.Pool
		want     []string
	}{
		"an empty database": {pgtest.Database(t, "bare", migrate), []string{"GRANT CREATE ON DATABASE"}},
		"another's tables": {pgtest.Database(t, "waybill", migrate), []string{
			"GRANT CREATE ON DATABASE", "ALTER SCHEMA eventstore OWNER TO", "ALTER SCHEMA listing_v",
			"ALTER TABLE eventstore.events OWNER TO", "ALTER TABLE access.tokens OWNER TO",
			"ALTER SCHEMA reporting OWNER TO", "ALTER TABLE reporting.about OWNER TO",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			role := fmt.Sprintf("stranger_%d", rand.Int64())
			pgtest.AsAdmin(t, c.database, `CREATE ROLE `+role+` LOGIN PASSWORD 'sesame'`)
			t.Cleanup(func() { pgtest.AsAdmin(t, c.database, `DROP OWNED BY `+role+` CASCADE; DROP ROLE `+role) })
			config := c.database.Config()
			config.ConnConfig.User, config.ConnConfig.Password = role, "sesame"
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			err = migrate(t.Context(), pool)
			var missing postgres.RightsError
			if !errors.As(err, &missing) {
				t.Fatalf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: it does not name %s", err, want)
				}
			}
			pgtest.AsAdmin(t, c.database, strings.Join(missing.Cure, ";"))
			if err := migrate(t.Context(), pool); err != nil {
				t.Errorf("after the cure: %v", err)
			}
			if _, err := pool.Exec(t.Context(), `SELECT * FROM reporting.about, reporting.daily`); err != nil {
				t.Errorf("after the cure: %v", err)
			}
			// Once all is there, no right to make schemas is needed.
			pgtest.AsAdmin(t, c.database, `REVOKE CREATE ON DATABASE `+config.ConnConfig.Database+` FROM `+role)
			if err := migrate(t.Context(), pool); err != nil {
				t.Errorf("with nothing to make: %v", err)
			}
		})
	}
}
