package esdbtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// certificate makes one for the loopback and writes it to files.
func certificate(t testing.TB) (pair tls.Certificate, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "esdbtest"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	fatal(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	fatal(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	fatal(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	fatal(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	pair, err = tls.LoadX509KeyPair(cert, key)
	fatal(t, err)
	return pair, cert, key
}

func TestUsers(t *testing.T) {
	pair, cert, _ := certificate(t)
	s := Start(t, Options{
		TLS:   &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		Users: map[string]string{"admin": "changeit", "ann": "a", "bob": "b"},
	})
	login := func(user string) *esdb.Client {
		return client(t, strings.Replace(s.ConnectionString(), "admin:changeit@", user, 1)+"&tlsCAFile="+cert)
	}
	admin := login("admin:changeit@")
	put(t, admin, "s", esdb.NoStream{}, event1("e"))
	put(t, admin, "anns", esdb.NoStream{}, event1("e"))
	acl := esdb.Acl{}
	acl.AddReadRoles("ann")
	acl.AddWriteRoles("ann", "bob")
	setMeta(t, admin, "anns", func(m *esdb.StreamMetadata) { m.SetAcl(acl) })
	for _, tt := range []struct {
		user, stream string
		read, write  esdb.ErrorCode // −1 is well
	}{
		{"admin:changeit@", "s", -1, -1},
		{"admin:changeit@", "$sys", -1, -1},
		{"admin:changeit@", "anns", -1, -1},
		{"ann:a@", "s", -1, -1},
		{"ann:a@", "anns", -1, -1},
		{"ann:a@", "$sys", esdb.ErrorCodeAccessDenied, esdb.ErrorCodeAccessDenied},
		{"bob:b@", "anns", esdb.ErrorCodeAccessDenied, -1},
		{"", "s", esdb.ErrorCodeAccessDenied, esdb.ErrorCodeAccessDenied},
	} {
		c := login(tt.user)
		writeErr := tryAppend(t, c, tt.stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}})
		_, readErr := drain(c.ReadStream(deadline(t), tt.stream, esdb.ReadStreamOptions{}, 1))
		for what, got := range map[*esdb.ErrorCode]error{&tt.read: readErr, &tt.write: writeErr} {
			if *what < 0 && got != nil || *what >= 0 && !isCode(got, *what) {
				t.Errorf("%q on %s: %v, want %v", tt.user, tt.stream, got, *what)
			}
		}
	}
	acl.AddMetaReadRoles("bob")
	setMeta(t, admin, "anns", func(m *esdb.StreamMetadata) { m.SetAcl(acl) })
	for user, allowed := range map[string]bool{"ann:a@": false, "bob:b@": true} {
		_, err := drain(login(user).ReadStream(deadline(t), "$$anns", esdb.ReadStreamOptions{}, 1))
		if allowed != (err == nil) {
			t.Errorf("metadata read by %s: %v", user, err)
		}
	}
	o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}, Authenticated: &esdb.Credentials{Login: "ann", Password: "wrong"}}
	if err := tryAppend(t, admin, "s", o); !isCode(err, esdb.ErrorCodeUnauthenticated) {
		t.Error(err)
	}
	if _, err := drain(login("ann:a@").ReadAll(deadline(t), esdb.ReadAllOptions{From: esdb.Start{}}, 1)); !isCode(err, esdb.ErrorCodeAccessDenied) {
		t.Error("$all is the administrator's:", err)
	}
}

// tryAppend returns what the server says. When it refuses before the client has sent everything, the client gets only io.EOF, and
// has to ask again to hear why.
func tryAppend(t *testing.T, c *esdb.Client, stream string, o esdb.AppendToStreamOptions) error {
	t.Helper()
	ctx := deadline(t)
	for {
		_, err := c.AppendToStream(ctx, stream, o, event1("e"))
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
}

func TestHealth(t *testing.T) {
	s := Start(t)
	for path, want := range map[string]int{"/health/live": 204, "/info": 200, "/nothing": 404} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+s.Addr()+path, http.NoBody)
		fatal(t, err)
		resp, err := http.DefaultClient.Do(req)
		fatal(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}
