package preflight

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

// finds runs all checks and compares what one of them says at its worst.
func finds(t *testing.T, n Node, check string, want Severity, texts ...string) {
	t.Helper()
	report := Run(t.Context(), n)
	worst := Finding{}
	for _, f := range report.found(t, check) {
		if f.Severity >= worst.Severity {
			worst = f
		}
	}
	if worst.Severity != want {
		t.Errorf("%s: %s: %s, want %s", check, worst.Severity, worst, want)
	}
	for _, text := range texts {
		if !strings.Contains(worst.String(), text) {
			t.Errorf("%s: no %q in: %s", check, text, worst)
		}
	}
	if err := report.Err(); (want == Refuse) != (err != nil) || err != nil && !strings.Contains(err.Error(), check+": "+worst.What) {
		t.Errorf("%s: %v", check, err)
	}
	if worst.Severity == Warn && worst.Mend == "" || strings.Contains(worst.String(), "sesame") {
		t.Errorf("%s says: %s", check, worst)
	}
}

// TestSettingsOfRoleAndDatabase: what they say is found, wherever it is said, with how to take it back.
func TestSettingsOfRoleAndDatabase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   string
		check string
		want  Severity
		texts []string
	}{
		"a database that is read only": {
			`ALTER DATABASE DB SET default_transaction_read_only = on`, "primary", Refuse, []string{"ALTER DATABASE", "RESET default_transaction_read_only"},
		},
		"a role that is read only": {
			`ALTER ROLE ME SET default_transaction_read_only = on`, "primary", Refuse, []string{"ALTER ROLE", "RESET"},
		},
		"isolation": {
			`ALTER ROLE ME IN DATABASE DB SET default_transaction_isolation = 'serializable'`, "isolation", Warn,
			[]string{"serializable", "IN DATABASE", "RESET"},
		},
		"few connections": {
			`ALTER ROLE ME CONNECTION LIMIT 12`, "connections", Warn, []string{strconv.Itoa(24+postgres.OwnSessions) + " connections", "CONNECTION LIMIT", "allows 12"},
		},
		"no connections":            {`ALTER ROLE ME CONNECTION LIMIT 0`, "database", Refuse, []string{"CONNECTION LIMIT of the role"}},
		"a library that is missing": {`ALTER ROLE ME SET session_preload_libraries = 'nowhere'`, "database", Refuse, []string{"on the server"}},
		"a superuser":               {`ALTER ROLE ME SUPERUSER`, "rights", Warn, []string{"superuser", "roles.sql"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := migrated(t)
			role, address := stranger(t, pool)
			database := pool.Config().ConnConfig.Database
			grant := `GRANT ` + pool.Config().ConnConfig.User + ` TO ` + role
			pgtest.AsAdmin(t, pool, grant+";"+strings.NewReplacer("DB", database, "ME", role).Replace(c.set))
			finds(t, node(t, address, nil), c.check, c.want, c.texts...)
		})
	}
}

// TestLimitsFromOutside: what role and database set for others neither ends the session of the checks nor changes what they find.
func TestLimitsFromOutside(t *testing.T) {
	t.Parallel()
	for _, set := range []string{
		`idle_in_transaction_session_timeout = '1ms'`, `datestyle = 'German, DMY'`, `lock_timeout = '1ms'`, `timezone = 'America/New_York'`,
	} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			pool := migrated(t)
			role, address := stranger(t, pool)
			pgtest.AsAdmin(t, pool, `GRANT `+pool.Config().ConnConfig.User+` TO `+role+`; ALTER ROLE `+role+` SET `+set)
			report := Run(t.Context(), node(t, address, nil))
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			for _, result := range report {
				for _, f := range result.Findings {
					if strings.Contains(f.What, "could not be found out") {
						t.Errorf("%s: %s", result.Name, f)
					}
				}
			}
		})
	}
}

// TestDatabaseThatDoesNotAnswer: a question that failed is no sign of another kind of database.
func TestDatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	_, address := stranger(t, pool)
	ctx, cancel := context.WithCancel(t.Context())
	s := &site{Node: node(t, address, nil), now: time.Now}
	if err := s.connect(ctx); err != nil {
		t.Fatal(err)
	}
	pgtest.AsAdmin(t, pool, fmt.Sprintf(`SELECT pg_terminate_backend(%d, 10000)`, s.session.PgConn().PID()))
	cancel()
	found, err := askVersion(t.Context(), s)
	if err != nil || len(found) != 1 || found[0].Severity != Refuse || strings.Contains(found[0].What, "no PostgreSQL") {
		t.Errorf("%v %v", found, err)
	}
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "", nil)
	name := pool.Config().ConnConfig.Database + "_ascii"
	owner := pool.Config().ConnConfig.User
	pgtest.AsAdmin(t, pool, `CREATE DATABASE `+name+` OWNER `+owner+` ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	t.Cleanup(func() { pgtest.AsAdmin(t, pool, `DROP DATABASE `+name+` WITH (FORCE)`) })
	u, err := url.Parse(pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	finds(t, node(t, u.String(), nil), "encoding", Refuse, "SQL_ASCII", "ENCODING 'UTF8'")
}

// TestStandby: one is refused where writes go, and is what it has to be where reads go.
func TestStandby(t *testing.T) {
	t.Parallel()
	r := pgtest.Replicate(t, func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models.All)
	})
	finds(t, node(t, r.Standby, nil), "primary", Refuse, "standby", "name the primary in DATABASE_URL")
	replica := func(address string) Node {
		return node(t, r.Primary, map[string]string{"WAYBILL_READ_DATABASE_URL": address})
	}
	finds(t, replica(r.Standby), "replica", Fine)
	finds(t, replica(r.Primary), "replica", Refuse, "it is no standby: it takes writes of its own; ", "WAYBILL_READ_DATABASE_URL")
	wrong, err := url.Parse(r.Standby)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("nobody", "sesame")
	finds(t, replica(wrong.String()), "replica", Refuse, "WAYBILL_READ_DATABASE_URL")
	r.StopStandby()
	finds(t, replica(r.Standby), "replica", Warn, "cannot be reached")
}

func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "", nil)
	_, address := stranger(t, pool)
	for bad, texts := range map[string][]string{
		address + "&sslmode=require":                       {"refused TLS", "another sslmode"},
		"postgres://waybill:sesame@127.0.0.1:1/waybill":    {"cannot be reached", "host and port in DATABASE_URL"},
		strings.Replace(address, "sesame", "wrong", 1):     {"password", "user and password in DATABASE_URL"},
		strings.Replace(address, "/test_", "/no_test_", 1): {"does not exist", "database's name in DATABASE_URL"},
	} {
		finds(t, node(t, bad, nil), "database", Refuse, texts...)
	}
}

// TestCures: what a pooler refuses has one code, whatever it is about.
func TestCures(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"password authentication failed":                           "user and password in DATABASE_URL",
		"no such database: waybil":                                 "user and database in DATABASE_URL",
		"no such user":                                             "user and database in DATABASE_URL",
		"no more connections allowed (max_client_conn)":            "max_client_conn",
		"unsupported startup parameter: options":                   "pool_mode = session",
		"transaction blocks not allowed in statement pooling mode": "pool_mode = session",
	} {
		err := fmt.Errorf("connect: %w", &pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: message})
		if got := cureOf(err); !strings.Contains(got, want) {
			t.Errorf("%s: %s", message, got)
		}
	}
}

// TestCuresOfAServer: who was answered is not told to look for the server.
func TestCuresOfAServer(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{
		"55000": "ALLOW_CONNECTIONS true", "57014": "RESET statement_timeout", "53300": "max_connections", "58P01": "on the server", "XX000": "on the server",
	} {
		if got := cureOf(&pgconn.PgError{Severity: "FATAL", Code: state, Message: "no"}); !strings.Contains(got, want) {
			t.Errorf("%s: %s", state, got)
		}
	}
}

// TestClock: both clocks are named.
func TestClock(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	s := &site{Node: node(t, pgtest.URL(pool), nil)}
	defer s.close(t.Context())
	if err := s.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for offset, want := range map[time.Duration]Severity{0: Fine, time.Hour: Warn, -time.Hour: Warn, time.Second: Fine, -10 * time.Second: Warn} {
		now := time.Now().Add(offset)
		s.now = func() time.Time { return now }
		found, err := lookAtClock(t.Context(), s)
		if err != nil || len(found) != 1 || found[0].Severity != want {
			t.Errorf("%v ahead: %v, %v", offset, found, err)
		}
		if want == Warn && !strings.Contains(found[0].What, "it is "+stamp(now)+" here and ") {
			t.Errorf("%v ahead: %s", offset, found[0])
		}
	}
}

// TestFaultPooler: session pooling works, what lends sessions out is refused.
func TestFaultPooler(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]Severity{"session": Fine, "transaction": Refuse, "statement": Refuse} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			pooled := pgtest.Pooler(t, pgtest.URL(migrated(t)), "pool_mode = "+mode)
			finds(t, node(t, pooled, nil), "pooler", want)
		})
	}
}

// TestFaultPoolerThatJustSuffices has as many sessions as docs/deploy.md says, and one fewer.
func TestFaultPoolerThatJustSuffices(t *testing.T) {
	t.Parallel()
	direct := pgtest.URL(migrated(t))
	const own = 8
	for sessions, want := range map[int]Severity{own + postgres.OwnSessions: Fine, own + postgres.OwnSessions - 1: Refuse} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()
			pooled := pgtest.Pooler(t, direct, "pool_mode = session", fmt.Sprintf("default_pool_size = %d", sessions))
			n := node(t, pooled, map[string]string{"WAYBILL_DB_MAX_CONNS": strconv.Itoa(own)})
			finds(t, n, "pooler", want)
		})
	}
}
