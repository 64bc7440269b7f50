package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// TestSessionsThatAreOver are those that the server refuses things for what they are. The writes that meet them succeed over fresh ones,
// at the first try of whoever asked: what was refused was not done.
func TestSessionsThatAreOver(t *testing.T) {
	t.Parallel()
	onAll := func(t *testing.T, pool *pgxpool.Pool, sql string) {
		t.Helper()
		for _, conn := range pool.AcquireAllIdle(t.Context()) {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			conn.Release()
		}
	}
	for name, spoil := range map[string]func(t *testing.T, pool, plain *pgxpool.Pool){
		"read-only": func(t *testing.T, pool, _ *pgxpool.Pool) {
			onAll(t, pool, `set default_transaction_read_only = on`)
		},
		"without their prepared statements": func(t *testing.T, pool, _ *pgxpool.Pool) {
			onAll(t, pool, `deallocate all`)
		},
		"ended by an administrator": func(t *testing.T, _, plain *pgxpool.Pool) {
			if _, err := plain.Exec(t.Context(), `select pg_terminate_backend(pid, 10000) from pg_stat_activity
				where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`); err != nil {
				t.Fatal(err)
			}
		},
		"of a role that was given rights since": func(t *testing.T, pool, _ *pgxpool.Pool) {
			onAll(t, pool, `set role pg_monitor`)
		},
		"with plans of before": func(t *testing.T, _, plain *pgxpool.Pool) {
			if _, err := plain.Exec(t.Context(), `alter table access.webhook_secrets alter secret type varchar(200)`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := pgtest.Database(t, "eventstore", postgres.Migrate)
			if name == "of a role that was given rights since" {
				pgtest.AsAdmin(t, plain, `grant pg_monitor to `+pgx.Identifier{plain.Config().ConnConfig.User}.Sanitize())
			}
			// Whether that ended a session before or after what was asked of it, nobody can tell. It ends all of them; one shows it.
			unknown := name == "ended by an administrator"
			pool := openPool(t, pgtest.URL(plain))
			tokens, secrets := postgres.NewTokens(pool), postgres.NewWebhookSecrets(pool)
			keep := func() error {
				_, err := secrets.Make(t.Context(), uuid.New(), uuid.New())
				return err
			}
			issue := func() error {
				_, err := tokens.Issue(t.Context(), uuid.New(), nil, "", time.Now().Add(time.Hour))
				return err
			}
			fill(t, pool)
			for range 2 * pool.Config().MaxConns { // their statements are prepared
				if err := errors.Join(keep(), issue()); err != nil {
					t.Fatal(err)
				}
			}
			spoil(t, pool, plain)
			refused := 0
			for range 3 {
				for what, err := range map[string]error{"keep a secret": keep(), "issue a token": issue()} {
					if err != nil && (!unknown || refused > 0) {
						t.Errorf("%s: %v", what, err)
					}
					if err != nil {
						refused++
					}
				}
			}
		})
	}
}

// TestReadOnlyDatabase takes writes again as soon as it is not read-only any more, whoever made it so.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	plain := pgtest.Database(t, "eventstore", postgres.Migrate)
	alter := func(how string) {
		t.Helper()
		name := pgx.Identifier{plain.Config().ConnConfig.Database}.Sanitize()
		if _, err := plain.Exec(t.Context(), `alter database `+name+` `+how); err != nil {
			t.Fatal(err)
		}
	}
	alter(`set default_transaction_read_only = on`)
	pool := openPool(t, pgtest.URL(plain))
	fill(t, pool)
	s := postgres.NewEventStore(pool)
	defer s.Close()
	stream, events := anEvent("closed-1")
	for range 2 {
		if _, err := s.Append(t.Context(), stream, domain.NoStream(), events); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	alter(`reset default_transaction_read_only`)
	if _, err := s.Append(context.WithoutCancel(t.Context()), stream, domain.NoStream(), events); err != nil {
		t.Error(err)
	}
}

// TestARightThatIsMissing is not looked for on one session after the other: a fresh one tells, and stays.
func TestARightThatIsMissing(t *testing.T) {
	t.Parallel()
	plain := pgtest.Database(t, "eventstore", postgres.Migrate)
	exec(t, plain, `revoke select on eventstore.events from current_user`)
	config, err := pgxpool.ParseConfig(pgtest.URL(plain))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 10
	var asked atomic.Int64
	config.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
		asked.Add(1)
		return true, nil
	}
	pool, err := postgres.OpenPool(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := postgres.NewEventStore(pool)
	defer s.Close()
	const reads = 5
	for range reads {
		for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, 1) {
			if err == nil {
				t.Error("no error")
			}
		}
	}
	if n := asked.Load(); n > reads+1 {
		t.Errorf("asked %d sessions", n)
	}
	if n := pool.Stat().NewConnsCount(); n > 2 {
		t.Errorf("made %d sessions", n)
	}
}
