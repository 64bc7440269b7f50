package api_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// submit has a product submitted, which must be acknowledged, and returns what its maker reads it by.
func (w *world) submit(owner as) (path, position string) {
	w.t.Helper()
	got := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	return "/api/v1/provider/products/" + got.text("id"), got.header.Get("Waybill-Position")
}

func (w *world) exec(sql string) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) readyz() answer { return w.do(as{}, "GET", "/readyz", nil) }

// TestTheLogGoesBackUnderTheServer: the log's table is put back to a backup while requests come. No write that is acknowledged is not
// found by who made it; the node says that it is not ready, and why; and nobody is shown what the log lost. Built anew, all goes on.
func TestTheLogGoesBackUnderTheServer(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *runtime.Config) {
		c.MaxWait = 2 * time.Second
		c.Reactions = reactions.All(commands.New(c.Store, domaintest.Sources()), c.Pool)
	})
	reviewer, auditor, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	path, at := w.submit(owner)
	w.do(owner, "GET", path, nil, "Waybill-Position", at).is(200)
	w.exec(`CREATE TABLE saved AS TABLE eventstore.events`)
	var lost, lostAt string
	for range 20 {
		lost, lostAt = w.submit(owner)
	}
	w.do(owner, "GET", lost, nil, "Waybill-Position", lostAt).is(200)

	w.exec(`BEGIN; TRUNCATE eventstore.events; INSERT INTO eventstore.events SELECT * FROM saved; COMMIT`)
	w.do(owner, "GET", lost, nil, "Waybill-Position", lostAt).refuses(503, "read_model_behind") // the log does not have it
	for range 10 {
		path, at := w.submit(owner)
		w.do(owner, "GET", path, nil, "Waybill-Position", at).refuses(503, "log_changed")
		w.do(owner, "GET", path, nil).refuses(503, "log_changed")
	}
	for path, who := range map[string]as{
		"/api/v1/products": {}, "/api/v1/audit/events": auditor, "/api/v1/audit/export": auditor, "/api/v1/audit/export?as_of=1": auditor,
		"/api/v1/events": auditor, "/api/v1/events?wait=1": auditor, "/api/v1/reports/daily": operator, "/api/v1/reports/daily?as_of=1": operator,
	} {
		w.do(who, "GET", path, nil).refuses(503, "log_changed")
	}
	runtimetest.Eventually(t, "not ready", func() bool { return w.readyz().status == 503 })
	if body := string(w.readyz().body); !strings.Contains(body, `"read_models","status":"another_log"`) || !strings.Contains(body, "another log") {
		t.Error(body)
	}
	if _, err := w.deps.Status.Status(t.Context()); err != nil {
		t.Error(err)
	}

	for _, m := range models.All {
		if _, err := runtime.Rebuild(t.Context(), w.pool, w.store, m, nil); err != nil {
			t.Fatal(err)
		}
		path, at := w.submit(owner) // nobody is told that it is not there before all is as it was
		if got := w.do(owner, "GET", path, nil, "Waybill-Position", at); got.status != 200 && got.status != 503 {
			t.Errorf("built anew up to %s, it answers %d", m.Name, got.status)
		}
	}
	if err := runtime.MoveReactions(t.Context(), w.pool, w.store, reactions.All(w.commands, w.pool)); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "ready again, by itself", func() bool { return w.readyz().status == 200 })
	for range 10 {
		path, at := w.submit(owner)
		w.do(owner, "GET", path, nil, "Waybill-Position", at).is(200)
	}
}

// TestTheDatabaseGoesBackUnderTheServer: log and read models are put back together from a dump, and all that is of another time is in the
// node's memory.
func TestTheDatabaseGoesBackUnderTheServer(t *testing.T) {
	t.Parallel()
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	path, at := w.submit(owner)
	w.do(owner, "GET", path, nil, "Waybill-Position", at).is(200)
	dump := filepath.Join(t.TempDir(), "dump")
	w.clientOf("pg_dump", "--format=custom", "--file="+dump, pgtest.URL(w.pool))
	for range 20 {
		path, at = w.submit(owner)
	}
	w.do(owner, "GET", path, nil, "Waybill-Position", at).is(200)
	w.clientOf("pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname="+pgtest.URL(w.pool), dump)
	w.do(owner, "GET", path, nil, "Waybill-Position", at).refuses(503, "read_model_behind")
	for range 10 {
		path, at := w.submit(owner)
		w.do(owner, "GET", path, nil, "Waybill-Position", at).is(200)
	}
	runtimetest.Eventually(t, "ready", func() bool { return w.readyz().status == 200 })
}

// clientOf runs a program of PostgreSQL's client.
func (w *world) clientOf(program string, args ...string) {
	w.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		w.t.Skip("it needs " + program + ", of the package postgresql-client")
	}
	if out, err := exec.CommandContext(w.t.Context(), path, args...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
