package main

import (
	"context"
	"io"
	"net"
	nethttp "net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// blackHole passes connections on, and from some moment on nothing: what is sent is taken, nobody answers, and nobody hangs up.
type blackHole struct {
	addr, to string
	mu       sync.Mutex
	open     *sync.Cond
	dark     bool
}

func newBlackHole(t testing.TB, to string) *blackHole {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &blackHole{addr: listener.Addr().String(), to: to}
	h.open = sync.NewCond(&h.mu)
	t.Cleanup(func() {
		_ = listener.Close()
		h.set(false)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

func (h *blackHole) set(dark bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dark = dark
	h.open.Broadcast()
}

// pass waits as long as it is dark.
func (h *blackHole) pass() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.dark {
		h.open.Wait()
	}
}

func (h *blackHole) serve(in net.Conn) {
	defer in.Close()
	h.pass()
	out, err := new(net.Dialer).DialContext(context.Background(), "tcp", h.to)
	if err != nil {
		return
	}
	defer out.Close()
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			h.pass()
			if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
				_ = to.Close()
				_ = from.Close()
				return
			}
		}
	}
	both.Go(func() { carry(out, in) })
	both.Go(func() { carry(in, out) })
	both.Wait()
}

// through is a URL with the address of the hole instead of that of the database.
func (h *blackHole) through(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = h.addr
	return u.String()
}

func hostOf(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil || u.Host == "" {
		t.Skipf("the database of these tests is not reached by TCP: %v", err)
	}
	return u.Host
}

// probed asks a probe, which answers whatever hangs. In what time it does so its own package holds it to, by a clock that no load slows.
func probed(t testing.TB, url string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := nethttp.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return 0, ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return response.StatusCode, string(content)
}

// Whatever hangs, probes are answered: with the last state at first, then with a refusal; and with everything again once nothing hangs.
func TestProbesAnswerWhateverHangs(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"database", "event store"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			env, _ := onDatabase(t)
			var hole *blackHole
			if what == "database" {
				hole = newBlackHole(t, hostOf(t, env["DATABASE_URL"]))
				env["DATABASE_URL"] = hole.through(t, env["DATABASE_URL"])
			} else {
				server := esdbtest.Start(t)
				hole = newBlackHole(t, server.Addr())
				env["WAYBILL_EVENTSTORE"] = "esdb://" + hole.addr + "?tls=false"
			}
			n := startNode(t, "1", env)
			ready := func() bool { s, _ := probed(t, n.admin+"/readyz"); return s == nethttp.StatusOK }
			eventually(t, "a ready node", ready)
			probed(t, n.admin+"/metrics")
			hole.set(true)
			for status := nethttp.StatusOK; status == nethttp.StatusOK; {
				var crowd sync.WaitGroup
				for range 20 { // probes and scrapes come whether or not there was an answer
					crowd.Go(func() { probed(t, n.admin+"/readyz") })
					crowd.Go(func() { probed(t, n.url+"/readyz") })
					crowd.Go(func() { probed(t, n.admin+"/metrics") })
				}
				crowd.Wait()
				for _, address := range []string{n.url + "/livez", n.admin + "/livez"} {
					if s, _ := probed(t, address); s != nethttp.StatusOK {
						t.Errorf("%s: %d", address, s)
					}
				}
				var body string
				status, body = probed(t, n.admin+"/readyz")
				if status == nethttp.StatusOK && !strings.Contains(body, "age_seconds") {
					t.Logf("an answer came: %s", body) // of a look that had begun before
				}
				if t.Failed() {
					return
				}
			}
			if s, _ := probed(t, n.url+"/readyz"); s != nethttp.StatusServiceUnavailable {
				t.Errorf("the public /readyz says %d", s)
			}
			if s, body := probed(t, n.admin+"/metrics"); s != nethttp.StatusOK || !strings.Contains(body, "go_goroutines") {
				t.Errorf("metrics: %d", s)
			}
			hole.set(false)
			eventually(t, "a ready node again", ready)
		})
	}
}

// On a shared EventStoreDB any number of events of others since our last do not slow a probe.
func TestProbesAmongEventsOfOthers(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	server := esdbtest.Start(t)
	env["WAYBILL_EVENTSTORE"], env["WAYBILL_EVENTSTORE_PREFIX"] = server.ConnectionString(), "wb."
	if err := run(t.Context(), []string{"staff", "add", "--name", "吴海", "--role", "operator"}, env.get, io.Discard); err != nil {
		t.Fatal(err)
	}
	others, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = others.Close() })
	n := startNode(t, "1", env)
	ready := func() bool { s, _ := probed(t, n.admin+"/readyz"); return s == nethttp.StatusOK }
	eventually(t, "a ready node", ready)
	batch := make([]domain.NewEvent, domain.MaxAppendEvents)
	for range 200_000 / len(batch) {
		for i := range batch {
			batch[i] = domain.NewEvent{ID: uuid.New(), Type: "happened.v1", Data: []byte("{}"), Metadata: []byte("{}")}
		}
		if _, err := others.Append(t.Context(), domain.Stream("noise", uuid.New()), domain.NoStream(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if s, body := probed(t, n.admin+"/readyz"); s != nethttp.StatusOK {
			t.Fatalf("%d %s", s, body)
		}
	}
	n.interrupt()
	again := startNode(t, "2", env)
	eventually(t, "a node that starts behind them to be ready", func() bool {
		s, _ := probed(t, again.url+"/readyz")
		return s == nethttp.StatusOK
	})
	if _, metrics := probed(t, again.admin+"/metrics"); !strings.Contains(metrics, "waybill_projection_lag_events") {
		t.Error("no figures of the lag")
	}
}
