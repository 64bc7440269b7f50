package eventstoredb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// authority makes a certificate for the loopback that signs itself, and the file by which it is trusted.
func authority(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, file
}

// TestProbe: what is found out before the first write, and that nothing is written for it.
func TestProbe(t *testing.T) {
	t.Parallel()
	pair, trusted := authority(t)
	_, stranger := authority(t)
	plain := esdbtest.Start(t)
	secure := esdbtest.Start(t, esdbtest.Options{
		TLS:   &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		Users: map[string]string{"admin": "changeit", "waybill": "w"},
	})
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	mute, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() }) // it takes connections, and says nothing
	guarded := esdbtest.Start(t)
	guarded.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: esdbtest.Denied()})
	guarded.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, Effect: esdbtest.Denied()})
	as := func(user, ca string) string {
		return "esdb://" + user + secure.Addr() + "?tlsCaFile=" + ca
	}
	allowAll(t, as("admin:changeit@", trusted), "waybill")
	for name, c := range map[string]struct {
		address string
		want    error
	}{
		"well":                       {plain.ConnectionString(), nil},
		"an administrator":           {as("admin:changeit@", trusted), nil},
		"a user with rights":         {as("waybill:w@", trusted), nil},
		"a wrong password":           {as("admin:sesame@", trusted), eventstoredb.ErrCredentials},
		"no user":                    {as("", trusted), eventstoredb.ErrReading},
		"who may only read":          {guarded.ConnectionString(), eventstoredb.ErrWriting},
		"an authority unknown":       {as("admin:changeit@", stranger), eventstoredb.ErrCertificate},
		"one node of two untrusted":  {"esdb://admin:changeit@" + secure.Addr() + ",127.0.0.1:1?tlsCaFile=" + stranger, eventstoredb.ErrCertificate},
		"TLS to who speaks none":     {"esdb://" + plain.Addr() + "?tls=true", eventstoredb.ErrPlain},
		"a web server":               {"esdb://" + strings.TrimPrefix(web.URL, "http://") + "?tls=false", eventstoredb.ErrNoEventStoreDB},
		"nobody there":               {"esdb://127.0.0.1:1?tls=false", domain.ErrUnavailable},
		"who never answers":          {"esdb://" + mute.Addr().String() + "?tls=false", domain.ErrUnavailable},
		"none to who speaks TLS":     {"esdb://" + secure.Addr() + "?tls=false", domain.ErrUnavailable},
		"several, one of them there": {"esdb://127.0.0.1:1," + plain.Addr() + "?tls=false", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if errors.Is(c.want, domain.ErrUnavailable) {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := eventstoredb.Probe(ctx, eventstoredb.Config{ConnectionString: c.address, Prefix: "probed_"})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Errorf("the password shows: %v", err)
			}
		})
	}
}

// What Probe finds out it does not change.
func TestProbeWritesNothing(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	config := eventstoredb.Config{ConnectionString: server.ConnectionString()}
	if err := eventstoredb.Probe(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for e, err := range open(t, config).ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		t.Errorf("%+v, %v", e, err)
	}
}

// allowAll lets a user read $all, as docs/deploy/eventstoredb/users.sh does.
func allowAll(t *testing.T, address, user string) {
	t.Helper()
	settings, err := esdb.ParseConnectionString(address)
	if err != nil {
		t.Fatal(err)
	}
	settings.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var acl esdb.Acl
	acl.AddReadRoles(user, "$admins")
	var meta esdb.StreamMetadata
	meta.SetAcl(acl)
	if _, err := client.SetStreamMetadata(t.Context(), "$all", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, meta); err != nil {
		t.Fatal(err)
	}
}
