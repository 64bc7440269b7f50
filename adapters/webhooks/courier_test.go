package webhooks

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"waybill/domain/webhook"
)

// patience is how long an attempt may take that is not to time out, on a machine that does other things too.
const patience = 2 * time.Minute

var loopback = webhook.Rules{Plain: true, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

const (
	oldSecret = webhook.Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	newSecret = webhook.Secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
)

func message(url string) webhook.Message {
	return webhook.Message{
		ID: uuid.New(), URL: url, At: time.Now(), Body: []byte(`{"type":"test"}`), Secrets: []webhook.Secret{newSecret, oldSecret},
	}
}

// receiver is a real server that answers as it is told.
func receiver(t *testing.T, answer nethttp.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func courier(t *testing.T, rules webhook.Rules, timeout time.Duration) *Courier {
	t.Helper()
	c := New(Config{Rules: rules, Timeout: timeout})
	t.Cleanup(c.Close)
	return c
}

// Both secrets verify what arrives, with the scheme's own library, and nothing else does.
func TestSignedByTheScheme(t *testing.T) {
	t.Parallel()
	type got struct {
		header nethttp.Header
		body   []byte
	}
	arrived := make(chan got, 1)
	url := receiver(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- got{r.Header, body}
		w.WriteHeader(nethttp.StatusNoContent)
	})
	m := message(url)
	m.At = m.At.Add(-2 * time.Minute) // a time that nobody can take for now
	if err := courier(t, loopback, 0).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	g := <-arrived
	if g.header.Get("webhook-timestamp") != strconv.FormatInt(m.At.Unix(), 10) {
		t.Errorf("sent as of %s, want %d", g.header.Get("webhook-timestamp"), m.At.Unix())
	}
	if g.header.Get("webhook-id") != m.ID.String() || g.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", g.header)
	}
	for secret, want := range map[webhook.Secret]bool{oldSecret: true, newSecret: true, "whsec_AAAA": false} {
		verifier, err := standardwebhooks.NewWebhook(string(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(g.body, g.header); (err == nil) != want {
			t.Errorf("verified: %v", err)
		}
		if verifier.Verify(append(g.body, ' '), g.header) == nil {
			t.Error("a changed body was verified")
		}
	}
}

// What is no success, and how it is told.
func TestFailures(t *testing.T) {
	t.Parallel()
	hang := func(r *nethttp.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	elsewhere := receiver(t, func(nethttp.ResponseWriter, *nethttp.Request) { t.Error("the redirection was followed") })
	for name, c := range map[string]struct {
		answer nethttp.HandlerFunc
		want   webhook.Failure
	}{
		"500": {status(500, nil), webhook.Failure{Word: "status 500"}},
		"101": {status(101, nil), webhook.Failure{Word: "status 101"}},
		"300": {status(300, nil), webhook.Failure{Word: webhook.WordRedirected}},
		"404": {status(404, nil), webhook.Failure{Word: "status 404"}},
		"410": {status(410, nil), webhook.Failure{Word: "status 410", Gone: true}},
		"429": {status(429, nethttp.Header{"Retry-After": {"120"}}), webhook.Failure{Word: "status 429", After: 2 * time.Minute}},
		"429 for a year": {
			status(429, nethttp.Header{"Retry-After": {"31536000"}}), webhook.Failure{Word: "status 429", After: longestWait},
		},
		"503 until yesterday": {
			status(503, nethttp.Header{"Retry-After": {"Mon, 02 Jan 2006 15:04:05 GMT"}}), webhook.Failure{Word: "status 503"},
		},
		"503 until nonsense": {status(503, nethttp.Header{"Retry-After": {"-1"}}), webhook.Failure{Word: "status 503"}},
		"redirects": {
			func(w nethttp.ResponseWriter, r *nethttp.Request) {
				nethttp.Redirect(w, r, elsewhere, nethttp.StatusTemporaryRedirect)
			},
			webhook.Failure{Word: webhook.WordRedirected},
		},
		"closes": {
			func(nethttp.ResponseWriter, *nethttp.Request) { panic(nethttp.ErrAbortHandler) }, webhook.Failure{Word: webhook.WordUnreachable},
		},
		"says 200 and breaks off": {
			func(w nethttp.ResponseWriter, _ *nethttp.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
				_ = nethttp.NewResponseController(w).Flush()
				panic(nethttp.ErrAbortHandler)
			}, webhook.Failure{Word: webhook.WordBroken},
		},
		"says 200 and never ends": {
			func(w nethttp.ResponseWriter, r *nethttp.Request) {
				_, _ = io.WriteString(w, "half")
				_ = nethttp.NewResponseController(w).Flush()
				hang(r)
			}, webhook.Failure{Word: webhook.WordTimedOut},
		},
		"answers late": {
			func(_ nethttp.ResponseWriter, r *nethttp.Request) { hang(r) }, webhook.Failure{Word: webhook.WordTimedOut},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := patience
			if c.want.Word == webhook.WordTimedOut {
				timeout = time.Second
			}
			err := courier(t, loopback, timeout).Send(t.Context(), message(receiver(t, c.answer)))
			var f *webhook.Failure
			if !errors.As(err, &f) || f.Word != c.want.Word || f.Gone != c.want.Gone || f.After != c.want.After {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func status(code int, header nethttp.Header) nethttp.HandlerFunc {
	return func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "nothing that anybody should read")
	}
}

// A receiver that takes the connection over for another protocol and then says nothing holds nobody up: what it switched to would be read
// without end, since no deadline of the request reaches it.
func TestSwitchedProtocols(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	url := receiver(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		conn, stream, err := nethttp.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = stream.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: silence\r\n\r\n")
		_ = stream.Flush()
		_, err = conn.Read(make([]byte, 1))
		gone <- err
	})
	sent := make(chan error, 1)
	go func() { sent <- courier(t, loopback, patience).Send(t.Context(), message(url)) }()
	select {
	case err := <-sent:
		var f *webhook.Failure
		if !errors.As(err, &f) || f.Word != "status 101" {
			t.Errorf("got %v", err)
		}
	case <-time.After(2 * patience):
		t.Fatal("the delivery hangs")
	}
	if err := <-gone; !errors.Is(err, io.EOF) {
		t.Errorf("the connection was kept: %v", err)
	}
}

// An answer without end is a success once enough of it was read.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	url := receiver(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	})
	if err := courier(t, loopback, patience).Send(t.Context(), message(url)); err != nil {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(status(200, nil))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	var f *webhook.Failure
	if err := courier(t, loopback, 0).Send(t.Context(), message(server.URL)); !errors.As(err, &f) || f.Word != webhook.WordTLS {
		t.Errorf("a certificate of nobody: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := New(Config{Rules: loopback, Roots: roots})
	t.Cleanup(trusting.Close)
	if err := trusting.Send(t.Context(), message(server.URL)); err != nil {
		t.Error(err)
	}
}

// No address of an inside network is connected to, in whatever form, nor any port but those for it; unless it is configured.
func TestOnlyPublicAddresses(t *testing.T) {
	t.Parallel()
	private := webhook.Rules{Private: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for address, want := range map[string]struct{ public, private bool }{
		"1.1.1.1:443":                {true, true},
		"1.1.1.1:8443":               {true, true},
		"1.1.1.1:80":                 {false, false},
		"1.1.1.1:22":                 {false, false},
		"[2606:4700:4700::1111]:443": {true, true},
		"127.0.0.1:443":              {false, false},
		"127.8.8.8:443":              {false, false},
		"0.0.0.0:443":                {false, false},
		"10.1.2.3:443":               {false, true},
		"10.1.2.3:9000":              {false, true},
		"10.2.2.3:443":               {false, false},
		"172.16.0.1:443":             {false, false},
		"192.168.1.1:443":            {false, false},
		"169.254.169.254:443":        {false, false},
		"100.64.0.1:443":             {false, false},
		"100.100.100.200:443":        {false, false},
		"192.0.0.192:443":            {false, false},
		"198.18.0.1:443":             {false, false},
		"224.0.0.1:443":              {false, false},
		"240.0.0.1:443":              {false, false},
		"255.255.255.255:443":        {false, false},
		"[::1]:443":                  {false, false},
		"[::]:443":                   {false, false},
		"[::ffff:127.0.0.1]:443":     {false, false},
		"[::ffff:10.1.2.3]:443":      {false, true},
		"[::ffff:1.1.1.1]:443":       {false, false},
		"[::127.0.0.1]:443":          {false, false},
		"[fe80::1%eth0]:443":         {false, false},
		"[fd00:1::1]:443":            {false, true},
		"[fd00:1::1%eth0]:443":       {false, false},
		"[fd00:ec2::254]:443":        {false, false},
		"[fc00::1]:443":              {false, false},
		"[ff02::1]:443":              {false, false},
		"[2002:7f00:1::1]:443":       {false, false}, // 6to4 of 127.0.0.1
		"[64:ff9b::7f00:1]:443":      {false, false}, // NAT64 of 127.0.0.1
		"[64:ff9b:1::a01:203]:443":   {false, false},
		"[2001:0:4136:e378:8000:63bf:3fff:fdd2]:443": {false, false}, // Teredo
		"[2001:db8::1]:443":                          {false, false},
		"localhost:443":                              {false, false},
	} {
		network := "tcp4"
		if strings.HasPrefix(address, "[") {
			network = "tcp6"
		}
		if got := guard(webhook.Rules{})(network, address, nil) == nil; got != want.public {
			t.Errorf("%s is allowed: %v", address, got)
		}
		if got := guard(private)(network, address, nil) == nil; got != want.private {
			t.Errorf("%s is allowed where it is configured: %v", address, got)
		}
	}
}

// A name that leads inside is refused when it is connected to, not only when it is looked up first, in the same words as an address
// where nobody answers.
func TestNamesThatLeadInside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	url := receiver(t, func(nethttp.ResponseWriter, *nethttp.Request) { reached.Add(1) })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	strict := courier(t, webhook.Rules{Plain: true}, 0)
	open := courier(t, loopback, 0)
	for name, send := range map[string]func() error{
		"inside":          func() error { return strict.Send(t.Context(), message(url)) },
		"a name":          func() error { return strict.Send(t.Context(), message("http://localhost:"+port)) },
		"a port inside":   func() error { return strict.Send(t.Context(), message("http://localhost")) },
		"nobody there":    func() error { return open.Send(t.Context(), message("http://127.0.0.1:1")) },
		"no such name":    func() error { return open.Send(t.Context(), message("http://nobody.invalid")) },
		"the name's port": func() error { return open.Send(t.Context(), message("http://nobody.invalid:"+port)) },
	} {
		if err := send(); fmt.Sprint(err) != webhook.WordUnreachable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reached.Load() != 0 {
		t.Error("it was reached")
	}
}

// TestNoProxy: what the environment says of proxies is for others; one would look up names by itself. The variables are read once in
// a process, so this looks at the transport.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	c := courier(t, loopback, 0)
	if transport, ok := c.client.Transport.(*nethttp.Transport); !ok || transport.Proxy != nil {
		t.Error("it asks for a proxy")
	}
}

func TestWithoutASecretNothingIsSent(t *testing.T) {
	t.Parallel()
	m := message(receiver(t, func(nethttp.ResponseWriter, *nethttp.Request) { t.Error("it was sent") }))
	for _, secrets := range [][]webhook.Secret{nil, {"whsec_%%%"}} {
		m.Secrets = secrets
		err := courier(t, loopback, 0).Send(t.Context(), m)
		var f *webhook.Failure
		if !errors.As(err, &f) || f.Word != webhook.WordNoSecret || strings.Contains(fmt.Sprint(f.Cause), "%%%") {
			t.Errorf("got %v", err)
		}
	}
}
