package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/storetest"
)

// realEventStoreDB names a server to test against, which may hold other data. `make test-esdb` runs the tests of this file
// against it, and `make test-esdb-binary` makes a binary that does so without Go.
const realEventStoreDB = "WAYBILL_TEST_ESDB"

// onEventStoreDB is the environment of servers on a database and an EventStoreDB. The latter is the test's own (and not
// nil), or the one that realEventStoreDB names, under a prefix of the test's own.
func onEventStoreDB(t testing.TB) (environ, *esdbtest.Server) {
	t.Helper()
	if err := pgtest.Available(); err != nil && os.Getenv(realEventStoreDB) != "" {
		t.Skip(err) // a machine that the test binary was carried to; the contract needs no database
	}
	env, _ := onDatabase(t)
	if given := os.Getenv(realEventStoreDB); given != "" {
		env["WAYBILL_EVENTSTORE"], env["WAYBILL_EVENTSTORE_PREFIX"] = given, freshPrefix()
		return env, nil
	}
	server := esdbtest.Start(t)
	env["WAYBILL_EVENTSTORE"] = server.ConnectionString()
	return env, server
}

func freshPrefix() string { return "waybilltest" + strings.ReplaceAll(uuid.NewString(), "-", "") + "_" }

// The contract of the port on a real server; on the one in this process the adapter's own tests run it.
func TestEventStoreDBContract(t *testing.T) {
	address := os.Getenv(realEventStoreDB)
	if address == "" {
		t.Skip(realEventStoreDB + " names no server")
	}
	storetest.Run(t, storetest.Store{Open: func(t *testing.T) domain.EventStore {
		s, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: address, Prefix: freshPrefix()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}})
}

func TestEventStoreDBTour(t *testing.T) {
	t.Parallel()
	env, _ := onEventStoreDB(t)
	tour(t, env)
	env.verified(t)
}

// Two nodes; the one that projects is killed and comes back.
func TestEventStoreDBCluster(t *testing.T) {
	t.Parallel()
	env, _ := onEventStoreDB(t)
	h := newHammer(t, env, chaosClients)
	one, two := startNode(t, "one", env), startNode(t, "two", env)
	h.to(one)
	h.during(func() {
		h.progress(30)
		h.to(two)
		one.kill()
		h.progress(30)
		one = startNode(t, "one", env)
		h.to(one)
		h.progress(30)
	})
	h.check()
	one.interrupt()
	two.interrupt()
}

// A server of the worst kind: it restarts, drops connections before and after it has written, says that it gave up what it
// did, ends subscriptions, points elsewhere. What was acknowledged is there once, and every read model follows.
func TestChaosEventStoreDB(t *testing.T) {
	t.Parallel()
	env, server := onEventStoreDB(t)
	if server == nil {
		t.Skip("it would break the server of " + realEventStoreDB)
	}
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "it", env)
	h.to(n)
	effects := []esdbtest.Fault{
		{Method: esdbtest.Append, Effect: esdbtest.DropBefore()},
		{Method: esdbtest.Append, Effect: esdbtest.DropAfter()},
		{Method: esdbtest.Append, Effect: esdbtest.AbortAfter()},
		{Method: esdbtest.Append, Effect: esdbtest.AbortBefore()},
		{Method: esdbtest.Append, Effect: esdbtest.RefuseWhileSending()},
		{Method: esdbtest.Append, Effect: esdbtest.NotReady()},
		{Method: esdbtest.Append, Effect: esdbtest.NotLeader(server.Addr())},
		{Method: esdbtest.Append, Effect: esdbtest.Delay(30 * time.Millisecond)},
		{Method: esdbtest.Read, Effect: esdbtest.DropBefore()},
	}
	chaos(h, rounds(6), func(round int) {
		if round%3 == 2 {
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			return
		}
		for _, f := range effects {
			f.After, f.Times = rand.IntN(3), 1+rand.IntN(2)
			server.Inject(f)
		}
		server.DropConnections()
	})
	if server.Faulted() == 0 {
		t.Error("no fault hit anything")
	}
	n.interrupt() // it had lived on
}

// A log that is to move: copied, switched to, refused until the read models are built from it, and then as before.
func TestMovingToEventStoreDB(t *testing.T) {
	t.Parallel()
	env, _ := onEventStoreDB(t)
	address := env["WAYBILL_EVENTSTORE"]
	env["WAYBILL_EVENTSTORE"] = "postgres"
	delete(env, "WAYBILL_EVENTSTORE_PREFIX")
	h := newHammer(t, env, 2)
	n := startNode(t, "before", env)
	h.to(n)
	h.during(func() { h.progress(20) })
	n.interrupt()

	prefixed := environ{"WAYBILL_EVENTSTORE_PREFIX": "", "WAYBILL_EVENTSTORE": address}
	for name, value := range env {
		if name != "WAYBILL_EVENTSTORE" {
			prefixed[name] = value
		}
	}
	if os.Getenv(realEventStoreDB) != "" {
		prefixed["WAYBILL_EVENTSTORE_PREFIX"] = freshPrefix()
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"copy", "--from", "postgres", "--to", address}, prefixed.get, &out); err != nil {
		t.Fatalf("copy: %v\n%s", err, out.String())
	}
	t.Log(out.String())
	cfg, err := config.Load(prefixed.get)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = withApp(ctx, cfg, func(a *app) error { return a.serve(ctx, func(string) { cancel() }) })
	if err == nil || !strings.Contains(err.Error(), "waybill rebuild all") || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("serving read models of the other log: %v", err)
	}
	if err := run(t.Context(), []string{"rebuild", "all"}, prefixed.get, &out); err != nil {
		t.Fatalf("rebuild: %v", err)
	}
	n = startNode(t, "after", prefixed)
	moved := newHammer(t, prefixed, 0)
	moved.pairs, moved.reviewer = h.pairs, h.reviewer
	moved.to(n)
	moved.during(func() { moved.progress(20) })
	moved.check()
	n.interrupt()
}
