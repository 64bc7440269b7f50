package preflight

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/config"
)

// certificate writes one for the loopback and its key, valid between two times from now.
func certificate(t *testing.T, from, until time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

const day = 24 * time.Hour

func TestCertificate(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(pgtest.Database(t, "", nil))
	with := func(cert, key string) Node {
		return node(t, address, map[string]string{"WAYBILL_TLS_CERT": cert, "WAYBILL_TLS_KEY": key})
	}
	cert, key := certificate(t, -day, 90*day)
	finds(t, with(cert, key), "certificate", Fine)
	_, other := certificate(t, -day, 90*day)
	finds(t, with(cert, other), "certificate", Refuse, "WAYBILL_TLS_CERT")
	finds(t, with(cert, "/nowhere"), "certificate", Refuse, "/nowhere")
	finds(t, with(certificate(t, -9*day, -day)), "certificate", Warn, "expired")
	finds(t, with(certificate(t, day, 9*day)), "certificate", Warn, "valid from")
	finds(t, with(certificate(t, -day, 3*day)), "certificate", Warn, "expires")
}

// TestAddresses: one that cannot be had is found before anything is changed; the standard one is nobody's wish.
func TestAddresses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	look := func(serves bool, env map[string]string) []Finding {
		n := node(t, "postgres://nowhere/waybill", env)
		n.Serves = serves
		found, err := lookAtAddresses(t.Context(), &site{Node: n})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for variable, address := range map[string]string{"WAYBILL_ADDR": taken.Addr().String(), "WAYBILL_ADMIN_ADDR": "192.0.2.1:80"} {
		found := look(true, map[string]string{variable: address})
		if len(found) != 1 || found[0].Severity != Refuse || !strings.Contains(found[0].String(), variable) || !strings.Contains(found[0].What, address) {
			t.Errorf("%s: %v", variable, found)
		}
		if found := look(false, map[string]string{variable: address}); found[0].Severity != Fine {
			t.Errorf("who only migrates is told: %v", found)
		}
	}
	if found := look(true, map[string]string{"WAYBILL_ADDR": "127.0.0.1:0"}); found[0].Severity != Fine {
		t.Errorf("a free one: %v", found)
	}
}

func TestEventStore(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(pgtest.Database(t, "", nil))
	on := func(address string) Node { return node(t, database, map[string]string{"WAYBILL_EVENTSTORE": address}) }
	cert, key := certificate(t, -day, day)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := certificate(t, -day, day)
	plain := esdbtest.Start(t)
	secure := esdbtest.Start(t, esdbtest.Options{
		TLS: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, Users: map[string]string{"admin": "changeit", "waybill": "w"},
	})
	as := func(user, ca string) Node { return on("esdb://" + user + secure.Addr() + "?tlsCaFile=" + ca) }
	finds(t, on(plain.ConnectionString()), "eventstore", Fine)
	finds(t, as("admin:changeit@", cert), "eventstore", Fine)
	finds(t, as("admin:sesame@", cert), "eventstore", Refuse, "user and password in WAYBILL_EVENTSTORE")
	finds(t, as("waybill:w@", cert), "eventstore", Refuse, "$all", "users.sh")
	finds(t, as("admin:changeit@", stranger), "eventstore", Refuse, "tlsCaFile")
	finds(t, on("esdb://"+plain.Addr()+"?tls=true"), "eventstore", Refuse, "tls=false")
	plain.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: esdbtest.Refuse(codes.PermissionDenied, "Access Denied", "exception", "access-denied")})
	plain.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, Effect: esdbtest.Refuse(codes.PermissionDenied, "Access Denied", "exception", "access-denied")})
	finds(t, on(plain.ConnectionString()), "eventstore", Refuse, "write", "users.sh")
	finds(t, on("esdb://127.0.0.1:1?tls=false"), "eventstore", Warn, "until a node answers")
}

func TestImages(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	in := func(dir string) Node {
		return node(t, pgtest.URL(pool), map[string]string{"WAYBILL_MEDIA": "file://" + dir})
	}
	own, others, empty := t.TempDir(), t.TempDir(), t.TempDir()
	const id = "0192e5a0-0000-7000-8000-000000000001"
	for dir, is := range map[string]string{own: id, others: "0192e5a0-0000-7000-8000-000000000002"} {
		if err := os.WriteFile(filepath.Join(dir, "waybill-media-identity"), []byte(is), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	finds(t, in(empty), "images", Fine)
	finds(t, in(filepath.Join(empty, "later")), "images", Fine, "made at the start")
	finds(t, in(others), "images", Refuse, "another database")
	pgtest.AsAdmin(t, pool, `INSERT INTO media.store (id, since, settled) VALUES ('`+id+`', now(), true)`)
	finds(t, in(own), "images", Fine)
	finds(t, in(others), "images", Refuse, "media adopt")
	finds(t, in(empty), "images", Refuse, "is not where this database's images are")
	finds(t, in(filepath.Join(empty, "later")), "images", Refuse, "is not there", "media adopt")
	finds(t, in("/proc/version"), "images", Refuse, "WAYBILL_MEDIA")
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("a look left %v (%v)", left, err)
	}
}

// TestEnvironment is not parallel: the driver reads the process's own variables.
func TestEnvironment(t *testing.T) {
	address := pgtest.URL(pgtest.Database(t, "", nil))
	finds(t, node(t, address, nil), "environment", Fine)
	finds(t, node(t, address, map[string]string{"WAYBILL_LATER": "x"}), "environment", Warn, "WAYBILL_LATER")
	t.Setenv("PGHOST", "elsewhere")
	t.Setenv("PGOPTIONS", "-c work_mem=8MB")
	finds(t, node(t, address, nil), "environment", Warn, "PGOPTIONS", "DATABASE_URL leaves out")
	t.Setenv("PGOPTIONS", "-c synchronous_commit=off") // which Waybill overrules, and says where it stands
	if err := config.CheckDatabase(address); err == nil || !strings.Contains(err.Error(), "synchronous_commit (which PGOPTIONS") {
		t.Errorf("got %v", err)
	}
	t.Setenv("PGOPTIONS", "-c work_mem=8MB")
	embedded := node(t, address, nil)
	embedded.Config.DatabaseURL = ""
	finds(t, embedded, "environment", Warn, "PGHOST", "embedded PostgreSQL")
	t.Setenv("PGHOST", "")
	t.Setenv("PGOPTIONS", "")
	embedded.Config.DatabaseEmpty = true
	finds(t, embedded, "environment", Warn, "DATABASE_URL is set, but empty")
	for text, want := range map[string]bool{
		"postgres://u@db:5432/waybill": true, "postgres://u@/waybill": false, "postgres://u@/waybill?host=db": true,
		"host=db dbname=waybill": true, "dbname=waybill": false, "dbname=waybill host = db": true,
	} {
		if says(text, "host") != want {
			t.Errorf("%s has a host: %v", text, !want)
		}
	}
}
