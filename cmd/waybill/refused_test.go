package main

import (
	"crypto/tls"
	"io"
	nethttp "net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb/esdbtest"
)

// onSecuredEventStoreDB is the environment of servers on a database and on an EventStoreDB with TLS and users, whose
// administrator's password is "first".
func onSecuredEventStoreDB(t *testing.T) (environ, *esdbtest.Server) {
	t.Helper()
	env, _ := onDatabase(t)
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writeCertificate(t, cert, key, 1)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := esdbtest.Start(t, esdbtest.Options{
		TLS:   &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		Users: map[string]string{"admin": "first"},
	})
	env["WAYBILL_EVENTSTORE"] = server.ConnectionString() + "&tlsCAFile=" + cert + "&defaultDeadline=1000"
	return env, server
}

// said asks once and returns the status and the body.
func (h *hammer) said(who caller, method, path string, body any, header, value string) (int, string) {
	h.t.Helper()
	_, status, text, err := h.send(h.t.Context(), who, method, path, body, header, value)
	if err != nil {
		h.t.Fatal(err)
	}
	return status, text
}

// submitOnce sends one command, which is refused.
func (h *hammer) submitOnce() (int, string) {
	h.t.Helper()
	return h.said(h.pairs[0].provider, "POST", "/api/v1/provider/products", someContent("三亚至海防海运拼箱"), "Idempotency-Key", uuid.NewString())
}

// asked gets an address and returns the status and the body.
func asked(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := nethttp.NewRequestWithContext(t.Context(), nethttp.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := nethttp.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// An event store that does not take the node's password any more: commands and reads that need it say so by a code of their own,
// other reads go on, the node is not ready and says which part it is, a metric and one line of the log say so too, and with
// the password back everything is as before.
func TestAnEventStoreThatRefuses(t *testing.T) {
	t.Parallel()
	env, server := onSecuredEventStoreDB(t)
	h := newHammer(t, env, 1)
	n := startNode(t, "refused", env)
	h.to(n)
	h.during(func() { h.progress(10) })
	asked := func(url string) (int, string) { return asked(t, url) }
	ready := func() bool { status, _ := asked(n.url + "/readyz"); return status == nethttp.StatusOK }
	eventually(t, "ready", ready)
	if _, body := asked(n.url + "/readyz"); !strings.Contains(body, `{"part":"event_store","status":"ok"}`) {
		t.Error(body)
	}

	server.SetPassword("admin", "second")
	server.DropConnections()
	eventually(t, "not ready", func() bool { return !ready() })
	for range 30 {
		if status, body := h.submitOnce(); status != nethttp.StatusServiceUnavailable || !strings.Contains(body, `"code":"event_store_refuses"`) {
			t.Fatalf("a command: %d %s", status, body)
		}
	}
	if status, body := h.said(caller{}, "GET", "/api/v1/products", nil, "Waybill-Position", "9000000000"); status != nethttp.StatusServiceUnavailable ||
		!strings.Contains(body, `"code":"event_store_refuses"`) {
		t.Errorf("a read of a position: %d %s", status, body)
	}
	if status, body := h.said(caller{}, "GET", "/api/v1/products", nil, "Accept", "application/json"); status != nethttp.StatusOK {
		t.Errorf("a read: %d %s", status, body)
	}
	if status, body := asked(n.url + "/readyz"); status != nethttp.StatusServiceUnavailable ||
		!strings.Contains(body, `"parts":[{"part":"event_store","status":"refused"}]`) || !strings.Contains(body, "the event store refuses access") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, body := asked(n.admin + "/readyz"); status != nethttp.StatusServiceUnavailable || !strings.Contains(body, "Unauthenticated") {
		t.Errorf("the administrators' /readyz: %d %s", status, body)
	}
	eventually(t, "the log names the refusal", func() bool { return strings.Contains(n.log.String(), "EventStoreDB refuses this node") })
	if _, body := asked(n.admin + "/metrics"); !strings.Contains(body, `waybill_eventstore_state{state="refused"} 1`) ||
		!strings.Contains(body, `waybill_eventstore_state{state="ok"} 0`) {
		t.Error("no metric says so")
	}
	told := 0
	for line := range strings.Lines(n.log.String()) {
		if regexp.MustCompile(`level=(WARN|ERROR)`).MatchString(line) && strings.Contains(line, "Unauthenticated") {
			told++
		}
	}
	if told != 1 || strings.Contains(n.log.String(), "first") {
		t.Errorf("the log names the refusal %d times, want once, and never the password", told)
	}

	server.SetPassword("admin", "first")
	eventually(t, "ready again", ready)
	h.during(func() { h.progress(10) })
	h.check()
	n.interrupt()
}

// No node is ready, since the event store refuses them all: the balancer's rule for that lets reads go on, and commands say
// for themselves what is wrong. With the password back everything goes through again.
func TestFaultReadsGoOnThroughTheBalancer(t *testing.T) {
	t.Parallel()
	outside(t, "haproxy")
	env, server := onSecuredEventStoreDB(t)
	h := newHammer(t, env, 1)
	nodes := []*node{startNode(t, "one", env), startNode(t, "two", env)}
	balancer := startBalancer(t, [2]string{strings.TrimPrefix(nodes[0].url, "http://"), strings.TrimPrefix(nodes[1].url, "http://")})
	h.url.Store(&balancer.url)
	listed := func() (int, string) {
		return h.said(caller{}, "GET", "/api/v1/products", nil, "Accept", "application/json")
	}
	eventually(t, "the balancer passes requests on", func() bool {
		_, status, _, err := h.send(t.Context(), caller{}, "GET", "/api/v1/products", nil, "Accept", "application/json")
		return err == nil && status == nethttp.StatusOK
	})
	h.during(func() { h.progress(10) })

	server.SetPassword("admin", "second")
	server.DropConnections()
	for _, n := range nodes {
		eventually(t, n.name+" is not ready", func() bool {
			status, body := asked(t, n.url+"/readyz")
			return status == nethttp.StatusServiceUnavailable && strings.Contains(body, "refused")
		})
	}
	for before := balancer.sessions("living"); balancer.sessions("living") < before+10; { // and while it finds that out
		if status, body := listed(); status != nethttp.StatusOK {
			t.Fatalf("a read through the balancer: %d %s", status, body)
		}
		if status, body := h.submitOnce(); status != nethttp.StatusServiceUnavailable || !strings.Contains(body, `"code":"event_store_refuses"`) {
			t.Fatalf("a command through the balancer: %d %s", status, body)
		}
	}
	server.SetPassword("admin", "first")
	h.during(func() { h.progress(10) })
	h.check()
}
