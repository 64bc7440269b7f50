package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a certificate for 127.0.0.1 and its key, and returns a pool that trusts it.
func writeCertificate(t *testing.T, cert, key string, serial int64) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"waybill.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// TestCertificatesAreReloaded when the files change, and not while they do not fit together.
func TestCertificatesAreReloaded(t *testing.T) {
	t.Parallel()
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	log := slog.New(slog.DiscardHandler)
	if _, err := loadCertificates(cert, key, log); err == nil {
		t.Error("files that are not there were loaded")
	}
	writeCertificate(t, cert, key, 1)
	c, err := loadCertificates(cert, key, log)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Now()
	c.now = func() time.Time { return clock }
	serial := func() int64 { return c.get().Leaf.SerialNumber.Int64() }
	exchange := func(name string, raw []byte) {
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(certificateLook)
	}
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, cert, key, 2)
	later := time.Now().Add(time.Hour) // as if the exchange had come later than the clock of the files can tell
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	fits, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	exchange(key, old)
	if got := serial(); got != 1 {
		t.Errorf("certificate %d of files that do not fit together", got)
	}
	exchange(key, fits)
	if got := serial(); got != 2 {
		t.Errorf("certificate %d, want the new one", got)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(certificateLook)
	if got := serial(); got != 2 {
		t.Errorf("certificate %d without its file", got)
	}
	if _, err := loadCertificates(key, key, log); err == nil {
		t.Error("a key was loaded as a certificate")
	}
}

// TestSurfaces: TLS for everybody, names for those who operate the node, ids from a trusted proxy.
func TestSurfaces(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	env["WAYBILL_TLS_CERT"], env["WAYBILL_TLS_KEY"] = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	env["WAYBILL_TRUSTED_PROXIES"] = "127.0.0.1"
	pool := writeCertificate(t, env["WAYBILL_TLS_CERT"], env["WAYBILL_TLS_KEY"], 1)
	n := startNode(t, "it", env)
	if !strings.HasPrefix(n.url, "https://") {
		t.Fatalf("serving at %s", n.url)
	}
	client := &nethttp.Client{Transport: &nethttp.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "waybill.test", MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}}
	get := func(address string) (int, string, nethttp.Header) {
		t.Helper()
		r, err := nethttp.NewRequestWithContext(t.Context(), "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Request-Id", "from-the-proxy")
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(raw), response.Header
	}
	eventually(t, "readiness", func() bool { status, _, _ := get(n.url + "/readyz"); return status == 200 })
	_, public, header := get(n.url + "/readyz")
	if strings.Contains(public, "listing") || strings.Contains(public, "it/") || header.Get("X-Request-Id") != "from-the-proxy" {
		t.Errorf("for strangers: %s %v", public, header)
	}
	status, named, _ := get(n.admin + "/readyz")
	if status != 200 || !strings.Contains(named, `"listing"`) || !strings.Contains(named, `"it/`) || !json.Valid([]byte(named)) {
		t.Errorf("for those who operate it: %d %s", status, named)
	}
	for path, want := range map[string]int{"/metrics": 404, "/debug/pprof/": 404} {
		if status, _, _ := get(n.url + path); status != want {
			t.Errorf("%s for strangers: %d", path, status)
		}
		if status, _, _ := get(n.admin + path); status != 200 {
			t.Errorf("%s for those who operate it: %d", path, status)
		}
	}
	if status, _, _ := get(n.admin + "/api/v1/products"); status != 404 {
		t.Errorf("the API at the other address: %d", status)
	}
	if response, err := nethttp.Get("http" + strings.TrimPrefix(n.url, "https")); err == nil { //nolint:noctx // of a test
		_ = response.Body.Close()
	}
	eventually(t, "a line in the log of who speaks no TLS", func() bool { return strings.Contains(n.log.String(), "TLS handshake error") })
	for _, line := range strings.Split(strings.TrimSpace(n.log.String()), "\n") {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a line past the log: %s", line)
		}
	}
	n.interrupt()
}
