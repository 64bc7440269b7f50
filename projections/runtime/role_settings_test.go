package runtime

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/product"
	"waybill/domain/storetest"
	"waybill/projections/runtimetest"
)

// settingsOfOthers are what an administrator may say of a role or a database, for one application or by mistake.
var settingsOfOthers = []string{
	"default_transaction_isolation = 'repeatable read'", "default_transaction_isolation = 'serializable'",
	"default_transaction_isolation = 'read uncommitted'", "default_transaction_deferrable = on",
	"synchronous_commit = off", "synchronous_commit = local", "synchronous_commit = remote_apply", "commit_delay = 100000",
	"search_path = ''", "search_path = decoy, pg_catalog", "timezone = 'Pacific/Kiritimati'", "timezone = '-12:30'",
	"datestyle = 'German, DMY'", "datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "intervalstyle = 'iso_8601'",
	"extra_float_digits = -15", "bytea_output = 'escape'", "standard_conforming_strings = off", "backslash_quote = on",
	"escape_string_warning = off", "array_nulls = off", "quote_all_identifiers = on", "transform_null_equals = on", "xmloption = document",
	"client_encoding = 'LATIN1'", "client_encoding = 'SQL_ASCII'", "client_encoding = 'GB18030'", "lc_messages = 'C'", "lc_numeric = 'C'",
	"statement_timeout = '20s'", "lock_timeout = '20s'", "idle_in_transaction_session_timeout = '20s'", "idle_session_timeout = '20s'",
	"row_security = off", "exit_on_error = on", "check_function_bodies = off",
	"client_min_messages = debug5", "gin_fuzzy_search_limit = 1", "gin_pending_list_limit = 64",
	"jit = on", "jit_above_cost = 0", "plan_cache_mode = force_generic_plan", "plan_cache_mode = force_custom_plan",
	"enable_seqscan = off", "enable_indexscan = off", "enable_bitmapscan = off", "enable_hashjoin = off", "enable_nestloop = off", "enable_sort = off",
	"work_mem = 64", "maintenance_work_mem = 1024", "temp_buffers = 100", "hash_mem_multiplier = 1", "temp_tablespaces = ''", "default_tablespace = ''",
	"force_parallel_mode = regress", "max_parallel_workers_per_gather = 0", "from_collapse_limit = 1", "join_collapse_limit = 1", "geqo_threshold = 2",
	"constraint_exclusion = on", "cursor_tuple_fraction = 0.0001", "default_toast_compression = 'pglz'", "vacuum_cost_delay = 100",
	"vacuum_freeze_min_age = 0", "stats_fetch_consistency = snapshot", "tcp_keepalives_idle = 1", "log_statement = 'all'",
}

// No setting of a role or of a database changes what comes out.
func TestSettingsOfRoleAndDatabase(t *testing.T) {
	t.Parallel()
	for i, setting := range settingsOfOthers {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			pgtest.AsAdmin(t, w.pool, `CREATE SCHEMA decoy; GRANT USAGE ON SCHEMA decoy TO PUBLIC;
				CREATE FUNCTION decoy.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
				CREATE FUNCTION decoy.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$`)
			say(t, w.pool, i%2 == 0, setting)
			w.pool = anew(t, w.pool)
			w.store = postgres.NewEventStore(w.pool)
			t.Cleanup(func() { _ = w.store.(*postgres.EventStore).Close() })
			w.everything()
		})
	}
}

// say sets something for a database, or for the role in it.
func say(t *testing.T, pool *pgxpool.Pool, ofDatabase bool, setting string) {
	t.Helper()
	of := "DATABASE " + pgx.Identifier{pool.Config().ConnConfig.Database}.Sanitize()
	if !ofDatabase {
		of = "ROLE " + pgx.Identifier{pool.Config().ConnConfig.User}.Sanitize() + " IN " + of
	}
	pgtest.AsAdmin(t, pool, "ALTER "+of+" SET "+setting)
}

// What Waybill may not or will not overrule is refused when it connects, by name and with what to say to the server.
func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string][]string{
		"session_replication_role = replica": {"session_replication_role", "ALTER ROLE … RESET"},
	} {
		for _, ofDatabase := range []bool{false, true} {
			t.Run(fmt.Sprint(setting, ofDatabase), func(t *testing.T) {
				t.Parallel()
				pool := newWorld(t).pool
				say(t, pool, ofDatabase, setting)
				err := anew(t, pool).Ping(t.Context())
				for _, text := range want {
					if err == nil || !strings.Contains(err.Error(), text) {
						t.Errorf("%v, want %q in it", err, text)
					}
				}
			})
		}
	}
}

// anew is a pool whose sessions begin now, as the program makes them.
func anew(t *testing.T, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 12
	postgres.Configure(config.ConnConfig)
	again, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	return again
}

// everything appends, alone and against each other, imports, projects, delivers, compares, rebuilds, and keeps what is beside the log.
func (w *world) everything() {
	w.t.Helper()
	ctx := w.t.Context()
	var limits []string // that would come in the middle of something, one day
	if err := w.pool.QueryRow(ctx, `SELECT coalesce(array_agg(name), '{}') FROM pg_settings
		WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout') AND setting <> '0' OR name LIKE 'idle%timeout' AND setting <> '0'`).
		Scan(&limits); err != nil || len(limits) > 0 {
		w.t.Errorf("limits from outside: %v, %v", limits, err)
	}
	if err := postgres.Migrate(ctx, w.pool); err != nil {
		w.t.Fatal(err)
	}
	o := newOutside()
	began := time.Now()
	r := w.startWith(o.tell(FromStart))
	store := w.store.(*postgres.EventStore)
	other := postgres.NewEventStore(w.pool)
	defer other.Close()
	streams := []domain.StreamName{someProduct(), someProduct()}
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			from := []domain.EventStore{store, other}[i%2]
			for range 5 {
				if _, err := storetest.AppendToEnd(ctx, from, streams[i/2%2], runtimetest.Events(product.Unpinned{})); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	w.append(someProduct(), product.Listed{})
	told := runtimetest.Events(product.Pinned{})[0]
	if _, err := store.Import(ctx, []domain.RecordedEvent{{
		ID: told.ID, Stream: someProduct(), Type: told.Type, Data: told.Data, Metadata: told.Metadata, RecordedAt: began,
	}}); err != nil {
		w.t.Fatal(err)
	}
	w.equalsFold(r)
	for e, err := range store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.RecordedAt.Before(began.Add(-time.Minute)) || e.RecordedAt.After(time.Now().Add(time.Minute)) {
			w.t.Fatalf("%d was recorded at %v", e.Position, e.RecordedAt)
		}
	}
	w.eventually("all delivered", func() bool { return len(o.delivered()) == 2 })
	if _, err := Rebuild(ctx, w.pool, w.store, w.model, nil); err != nil {
		w.t.Fatal(err)
	}
	found, err := Compare(ctx, w.pool, w.store, w.model)
	if err != nil || len(found.Differences) != 0 || found.Parked != 0 {
		w.t.Errorf("compared: %+v, %v", found, err)
	}
	w.beside()
}

// beside keeps tokens, secrets and uploads.
func (w *world) beside() {
	ctx := w.t.Context()
	account, tokens := uuid.New(), postgres.NewTokens(w.pool)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	secret, err := tokens.Issue(ctx, account, []domain.Role{domain.RoleReviewer}, "审核", expires)
	if err != nil {
		w.t.Fatal(err)
	}
	if p, err := tokens.Authenticate(ctx, secret, time.Now()); err != nil || p.AccountID != account {
		w.t.Errorf("authenticated %+v, %v", p, err)
	}
	all, err := tokens.List(ctx, account, 1000)
	if err != nil || len(all) != 1 || !all[0].ExpiresAt.Equal(expires) || all[0].Label != "审核" || time.Since(all[0].CreatedAt).Abs() > time.Hour ||
		!slices.Equal(all[0].Roles, []domain.Role{domain.RoleReviewer}) {
		w.t.Errorf("kept %+v, %v", all, err)
	}
	hook, id := uuid.New(), uuid.New()
	kept, err := postgres.NewWebhookSecrets(w.pool).Make(ctx, hook, id)
	if err != nil || time.Since(kept.CreatedAt).Abs() > time.Hour {
		w.t.Errorf("made %v, %v", kept.CreatedAt, err)
	}
	uploads := postgres.NewUploads(w.pool)
	up := media.Recorded{Account: account, Purpose: media.Logo, Image: media.Image{Digest: fmt.Sprintf("%064d", 7), Format: "png", Width: 1, Height: 1, Bytes: 9}}
	if _, err := uploads.Store(ctx, up, func(context.Context) error { return nil }); err != nil {
		w.t.Error(err)
	}
	used, err := uploads.Use(ctx, account, []media.Reference{{Purpose: media.Logo, Digest: up.Image.Digest}})
	if err != nil || len(used) != 1 {
		w.t.Errorf("used %v, %v", used, err)
	}
}

// A session is as it was after a rebuild, whatever the role says.
func TestARebuildLeavesSessionsAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	say(t, w.pool, false, "statement_timeout = '20s'")
	say(t, w.pool, false, "lock_timeout = '20s'")
	w.pool = anew(t, w.pool)
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Fatal(err)
	}
	for _, conn := range w.pool.AcquireAllIdle(t.Context()) {
		var statement, lock string
		if err := conn.QueryRow(t.Context(), `SELECT current_setting('statement_timeout'), current_setting('lock_timeout')`).Scan(&statement, &lock); err != nil {
			t.Error(err)
		}
		if statement != "0" || lock != "0" {
			t.Errorf("limits are %s and %s", statement, lock)
		}
		conn.Release()
	}
}
