package postgres_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
)

func TestSessionIsOurs(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "pooler", postgres.Migrate)
	config := pool.Config().ConnConfig
	postgres.Configure(config)
	if err := postgres.SessionIsOurs(t.Context(), config); err != nil {
		t.Errorf("without a pooler: %v", err)
	}
}

// What a pooler does with sessions is found out, whichever it hands out next and whoever else uses it.
func TestFaultPoolerThatSharesSessions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings []string
		want     error
	}{
		"session":                   {[]string{"pool_mode = session"}, nil},
		"session, nothing reset":    {[]string{"pool_mode = session", "server_reset_query ="}, nil},
		"transaction":               {[]string{"pool_mode = transaction"}, postgres.ErrSharedSession},
		"transaction, one server":   {[]string{"pool_mode = transaction", "default_pool_size = 1"}, postgres.ErrSharedSession},
		"transaction, in turn":      {[]string{"pool_mode = transaction", "server_round_robin = 1", "min_pool_size = 5"}, postgres.ErrSharedSession},
		"transaction, always reset": {[]string{"pool_mode = transaction", "server_reset_query_always = 1"}, postgres.ErrSharedSession},
		"statement":                 {[]string{"pool_mode = statement"}, postgres.ErrSharedSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Database(t, "pooler", postgres.Migrate)
			config, err := pgx.ParseConfig(pgtest.Pooler(t, pgtest.URL(pool), c.settings...))
			if err != nil {
				t.Fatal(err)
			}
			postgres.Configure(config)
			if err := postgres.SessionIsOurs(t.Context(), config); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
