package api_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

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

// allShown waits until every read model shows the whole log: one that lags behind what is lost is of the log before and after.
func (w *world) allShown() {
	w.t.Helper()
	runtimetest.Eventually(w.t, "all is shown", func() bool {
		all, err := w.deps.Status.Status(w.t.Context())
		return err == nil && !slices.ContainsFunc(all, func(s runtime.Status) bool { return s.LagEvents > 0 })
	})
}

// read reads what was written at a position, again when its read model has not come so far in the time for which it is waited for.
func (w *world) read(who as, path, position string) answer {
	w.t.Helper()
	for end := time.Now().Add(runtimetest.Patience); ; {
		got := w.do(who, "GET", path, nil, "Waybill-Position", position)
		if got.status != 503 || got.text("code") != "read_model_behind" || time.Now().After(end) {
			return got
		}
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
	w.read(owner, path, at).is(200)
	w.exec(`CREATE TABLE saved AS TABLE eventstore.events`)
	var lost, lostAt string
	for range 20 {
		lost, lostAt = w.submit(owner)
	}
	w.read(owner, lost, lostAt).is(200)
	w.allShown()

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
		w.read(owner, path, at).is(200)
	}
}

// TestTheLastEventIsExchanged: one event is lost, and the next has its position: who wrote that is not shown that it is not there.
func TestTheLastEventIsExchanged(t *testing.T) {
	t.Parallel()
	w := start(t)
	owner := w.provider(w.staff(domain.RoleReviewer))
	path, lostAt := w.submit(owner)
	w.do(owner, "GET", path, nil, "Waybill-Position", lostAt).is(200)
	w.exec(`DELETE FROM eventstore.events WHERE position = ` + lostAt)
	path, at := w.submit(owner)
	if at != lostAt {
		t.Fatalf("it is at %s, and what was lost was at %s", at, lostAt)
	}
	w.do(owner, "GET", path, nil, "Waybill-Position", at).refuses(503, "log_changed")
}

// TestTheDatabaseGoesBackUnderTheServer: log and read models are put back together from a dump, and all that is of another time is in the
// node's memory.
func TestTheDatabaseGoesBackUnderTheServer(t *testing.T) {
	t.Parallel()
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	path, at := w.submit(owner)
	w.read(owner, path, at).is(200)
	dump := filepath.Join(t.TempDir(), "dump")
	w.clientOf("pg_dump", "--format=custom", "--file="+dump, pgtest.URL(w.pool))
	for range 20 {
		path, at = w.submit(owner)
	}
	w.read(owner, path, at).is(200)
	w.clientOf("pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname="+pgtest.URL(w.pool), dump)
	w.do(owner, "GET", path, nil, "Waybill-Position", at).refuses(503, "read_model_behind")
	for range 10 {
		path, at := w.submit(owner)
		w.read(owner, path, at).is(200)
	}
	runtimetest.Eventually(t, "ready", func() bool { return w.readyz().status == 200 })
}

// theServerGoesBack: an EventStoreDB is put back to a backup, or to an empty volume, while the read models stay; and it goes on from
// there, also beyond where it was.
func theServerGoesBack(t *testing.T) {
	for name, grown := range map[string]int{"shorter": 1, "longer": 60, "empty": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, func(c *runtime.Config) { c.MaxWait = 2 * time.Second })
			server := w.store.(*remote)
			empty := t.TempDir()
			reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
			owner := w.provider(reviewer)
			path, at := w.submit(owner)
			w.read(owner, path, at).is(200)
			backup := server.backup(t)
			for range 20 {
				path, at = w.submit(owner)
			}
			w.read(owner, path, at).is(200)
			w.allShown()
			if name == "empty" {
				server.restore(t, empty)
				// Who has no account any more can write nothing; another one can, with a token from before.
				owner = w.enterprise()
				w.do(owner, "POST", "/api/v1/provider/application", w.profile()).is(201)
			} else {
				server.restore(t, backup)
				for range grown {
					path, at := w.submit(owner)
					if got := w.do(owner, "GET", path, nil, "Waybill-Position", at); got.status != 503 {
						t.Fatalf("what was written at %s is answered with %d", at, got.status)
					}
				}
			}
			runtimetest.Eventually(t, "not ready", func() bool { return w.readyz().status == 503 })
			if body := string(w.readyz().body); !strings.Contains(body, `"another_log"`) {
				t.Error(body)
			}
			w.do(as{}, "GET", "/api/v1/products", nil).refuses(503, "log_changed")
			if name != "empty" {
				w.do(auditor, "GET", "/api/v1/audit/events", nil, "Waybill-Position", "1").refuses(503, "log_changed")
			}
			status, err := w.deps.Status.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range status {
				if s.Lag == 0 || s.LagEvents == 0 || !s.AnotherLog {
					t.Errorf("%+v", s)
				}
			}
			for _, m := range models.All {
				if _, err := runtime.Rebuild(t.Context(), w.pool, w.store, m, nil); err != nil {
					t.Fatal(err)
				}
			}
			runtimetest.Eventually(t, "ready again, by itself", func() bool { return w.readyz().status == 200 })
			if name == "empty" {
				return
			}
			path, at = w.submit(owner)
			if got := w.read(owner, path, at); got.status != 200 {
				t.Errorf("what was written at %s is answered with %d", at, got.status)
			}
			if err := w.verified(); err != nil {
				t.Error(err)
			}
		})
	}
}

// verified holds every read model against a fold of the log.
func (w *world) verified() error {
	for _, m := range models.All {
		found, err := runtime.Compare(w.t.Context(), w.pool, w.store, m)
		if err == nil && len(found.Differences) > 0 {
			err = fmt.Errorf("%s differs: %+v", m.Name, found.Differences)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deletedStreams: streams that somebody deletes or truncates in the server itself are no fault of Waybill's, and nothing is decided on
// what is left of them. The log is the same one to all that was made of it, also when its last event's stream is gone.
func deletedStreams(t *testing.T) {
	w := start(t)
	server := w.store.(*remote)
	client := server.client(t)
	reviewer, auditor, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	products := func() (id, stream string) {
		id, _ = w.listed(owner, reviewer)
		return id, "product-" + id
	}
	revise := func(id string) answer { return w.do(owner, "PUT", "/api/v1/provider/products/"+id, content()) }
	refused := func(what, id string) {
		t.Helper()
		revise(id).refuses(409, "stream_deleted")
		w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil).refuses(409, "stream_deleted")
		for _, path := range []string{"", "?revision=0", "/changes?from=0"} {
			if got := w.do(auditor, "GET", "/api/v1/audit/product/"+id+path, nil); got.status != 409 || got.text("code") != "stream_deleted" {
				t.Errorf("%s: %s: %d %s", what, path, got.status, got.body)
			}
		}
	}

	id, stream := products()
	var meta esdb.StreamMetadata
	meta.SetTruncateBefore(1)
	if _, err := client.SetStreamMetadata(t.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, meta); err != nil {
		t.Fatal(err)
	}
	refused("truncated", id)

	id, stream = products()
	if _, err := client.TombstoneStream(t.Context(), stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	refused("tombstoned", id)

	id, stream = products() // its approval is the log's last event
	if _, err := client.DeleteStream(t.Context(), stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	revise(id).refuses(404, "not_found") // the server says that it never was

	// Nothing of it makes the log another one: neither for those who run, nor for who starts.
	for range 2 {
		if err := w.deps.Status.(interface{ Recheck(context.Context) error }).Recheck(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.readyz(); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		second, err := runtime.Start(t.Context(), runtime.Config{Pool: w.pool, Store: w.store, Models: models.All, Owner: "second"})
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, m := range models.All {
			if _, err := runtime.Rebuild(t.Context(), w.pool, w.store, m, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := runtime.MoveReactions(t.Context(), w.pool, w.store, reactions.All(w.commands, w.pool)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.verified(); err != nil {
		t.Error(err)
	}
	w.do(operator, "GET", "/api/v1/reports/daily", nil).is(200)
	path, at := w.submit(owner)
	w.read(owner, path, at).is(200)

	// An account whose stream is gone is nobody's any more, and that is said as what it is.
	if _, err := client.TombstoneStream(t.Context(), "account-"+operator.id.String(), esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	w.do(operator, "GET", "/api/v1/reports/daily", nil).refuses(409, "stream_deleted")
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
