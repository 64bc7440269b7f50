package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
)

// What a connection string says works, or is named before anything starts. What works is tried, with a statement of each kind.
func TestParametersOfAConnectionString(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(pgtest.Database(t, "connection", postgres.Migrate))
	for parameter, refused := range map[string]string{
		"default_query_exec_mode=cache_statement":    "",
		"default_query_exec_mode=exec":               "default_query_exec_mode",
		"default_query_exec_mode=simple_protocol":    "default_query_exec_mode",
		"default_query_exec_mode=cache_describe":     "default_query_exec_mode",
		"default_query_exec_mode=describe_exec":      "default_query_exec_mode",
		"statement_cache_capacity=0":                 "statement_cache_capacity",
		"statement_cache_capacity=1":                 "",
		"description_cache_capacity=0":               "",
		"pool_max_conns=3":                           "WAYBILL_DB_MAX_CONNS",
		"pool_min_conns=1":                           "",
		"pool_max_conn_lifetime=1s":                  "",
		"target_session_attrs=read-write":            "",
		"target_session_attrs=primary":               "",
		"target_session_attrs=any":                   "",
		"target_session_attrs=read-only":             "target_session_attrs",
		"target_session_attrs=standby":               "target_session_attrs",
		"target_session_attrs=prefer-standby":        "target_session_attrs",
		"application_name=portal":                    "",
		"connect_timeout=5":                          "",
		"geqo=off":                                   "",
		"work_mem=8MB":                               "",
		"options=-c%20geqo%3Doff":                    "",
		"options=-c%20statement_timeout%3D5s":        "statement_timeout",
		"options=--lock-timeout%3D5s":                "lock_timeout",
		"options=-c%20search_path%3Da,%5C%20b":       "search_path",
		"statement_timeout=5000":                     "statement_timeout",
		"Statement_Timeout=5000":                     "Statement_Timeout",
		"synchronous_commit=off":                     "synchronous_commit",
		"synchronous_commit=remote_apply":            "",
		"search_path=elsewhere":                      "search_path",
		"timezone=Asia/Shanghai":                     "timezone",
		"TimeZone=utc":                               "",
		"client_encoding=utf-8":                      "",
		"client_encoding=LATIN1":                     "client_encoding",
		"default_transaction_read_only=on":           "default_transaction_read_only",
		"default_transaction_isolation=serializable": "default_transaction_isolation",
	} {
		t.Run(parameter, func(t *testing.T) {
			t.Parallel()
			with := url + "&" + parameter
			err := postgres.CheckConnection(with, false)
			if refused != "" {
				if err == nil || !strings.Contains(err.Error(), refused) || strings.Contains(err.Error(), "postgres://") {
					t.Errorf("%v, want %q in it", err, refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tried(t, with)
		})
	}
	if err := postgres.CheckConnection(url+"&default_transaction_read_only=on&target_session_attrs=standby", true); err != nil {
		t.Errorf("of a replica: %v", err)
	}
	if err := postgres.CheckConnection(url+"&target_session_attrs=primary", true); err == nil {
		t.Error("of a replica: the primary alone is accepted")
	}
}

// A parameter that nobody knows is named by the server when it is connected to.
func TestUnknownParameter(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(pgtest.URL(pgtest.Database(t, "connection", nil)) + "&prefer_simple_protocol=true")
	if err != nil {
		t.Fatal(err)
	}
	postgres.Configure(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), `"prefer_simple_protocol"`) {
		t.Error(err)
	}
}

// tried appends, imports and reads.
func tried(t *testing.T, url string) {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	postgres.Configure(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := openStore(t, pool)
	for range 3 {
		if err := <-startAppend(t, s).done; err != nil {
			t.Fatal(err)
		}
	}
	hook := uuid.New()
	if _, err := postgres.NewWebhookSecrets(pool).Make(t.Context(), hook, uuid.New()); err != nil { // a batch of several statements
		t.Error(err)
	}
	if kept, err := postgres.NewWebhookSecrets(pool).Of(t.Context(), hook); err != nil || len(kept) != 1 {
		t.Errorf("%d kept, %v", len(kept), err)
	}
}
