package postgres_test

import (
	"errors"
	"strings"
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

// Whether a pooler has a session for each that wants one shows at the start, not when the last wants one.
func TestFaultPoolerWithoutRoom(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(pgtest.Database(t, "pooler", postgres.Migrate))
	for size, want := range map[string]string{"default_pool_size = 5": "had 5 sessions to give, and this node may want 8", "default_pool_size = 8": ""} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			config, err := pgx.ParseConfig(pgtest.Pooler(t, url, "pool_mode = session", size))
			if err != nil {
				t.Fatal(err)
			}
			postgres.Configure(config)
			err = postgres.PoolerHasRoom(t.Context(), config, 8, 0)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	direct, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.PoolerHasRoom(t.Context(), direct, 1_000_000, 0); err != nil {
		t.Errorf("without a pooler: %v", err)
	}
}
