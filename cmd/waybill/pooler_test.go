package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// Behind a pooler that leaves sessions to their clients everything works: the tour, and what is run beside a server. Nor does it matter
// that the one before has left its session as it was.
func TestFaultTourBehindAPooler(t *testing.T) {
	env, _ := onDatabase(t)
	direct := env["DATABASE_URL"]
	env["DATABASE_URL"] = pgtest.Pooler(t, direct, "pool_mode = session", "server_reset_query =")
	tour(t, env)
	env.verified(t)
	for _, args := range [][]string{{"rebuild", "listing"}, {"token", "list"}} {
		if err := run(t.Context(), args, env.get, io.Discard); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	bare := pgtest.Database(t, "bare", migrate)
	to := pgtest.Pooler(t, pgtest.URL(bare), "pool_mode = session")
	env["TARGET"] = to
	var out bytes.Buffer
	if err := run(t.Context(), []string{"copy", "--from", "postgres", "--to", "env:TARGET"}, env.get, &out); err != nil {
		t.Errorf("copy: %v\n%s", err, out.String())
	}
	var there domain.Position
	env.inspect(t, func(ctx context.Context, a *app) (err error) { there, err = head(ctx, a); return err })
	if copied := endOf(t, postgres.NewEventStore(bare)); copied != there {
		t.Errorf("copied %d of %d", copied, there)
	}
}

// One that lends them for a transaction or a statement is refused at the start, by name, by whoever would need them, and never half-way.
func TestFaultSharedSessionsAreRefused(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	for _, mode := range []string{"transaction", "statement"} {
		env["DATABASE_URL"] = pgtest.Pooler(t, pgtest.URL(pool), "pool_mode = "+mode)
		for _, args := range [][]string{{"serve"}, {"verify"}, {"token", "list"}} {
			err := run(t.Context(), args, env.get, io.Discard)
			if err == nil || !strings.Contains(err.Error(), postgres.ErrSharedSession.Error()) {
				t.Errorf("%v behind a pooler in %s mode: %v", args, mode, err)
			}
		}
	}
}

// A replica is asked through a session pooler, and refused through another.
func TestFaultReplicaBehindAPooler(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	env := environ{}
	for k, v := range r.env {
		env[k] = v
	}
	env["WAYBILL_READ_DATABASE_URL"] = pgtest.Pooler(t, r.pg.Standby, "pool_mode = transaction")
	r.starts(t, env, "pool_mode = session")
	env["WAYBILL_READ_DATABASE_URL"] = pgtest.Pooler(t, r.pg.Standby, "pool_mode = session")
	r.node.interrupt()
	r.node = startNode(t, "pooled", env)
	r.ready()
}
