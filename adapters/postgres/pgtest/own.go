package pgtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// nobody is who a server runs as where we are root.
const nobody = 65534

// missing skips a test that lacks something of this machine, or fails it where nothing may be missing.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("WAYBILL_TEST_FAULTS") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// ownServer is where the programs of a PostgreSQL are, and a folder for a server of the test's own.
func ownServer(t *testing.T) (bin, dir string) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		missing(t, "needs the server of PostgreSQL, of Debian's package postgresql")
	}
	dir, err := os.MkdirTemp("", "waybill-own-") // unlike t.TempDir one that others can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Max(found), dir
}

// runOwn makes a cluster below dir and runs a server on it, which ends with the test. as prepares a program of PostgreSQL's.
func runOwn(t *testing.T, dir string, as func(program string, args ...string) *exec.Cmd, settings ...string) (url string) {
	t.Helper()
	data := dir + "/data"
	if out, err := as("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	args := []string{"-D", data, "-k", dir, "-c", "listen_addresses="}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	var log bytes.Buffer
	server := as("postgres", args...)
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT)
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	url = "postgres://postgres@/postgres?host=" + dir
	for {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			_ = conn.Close(t.Context())
			return url
		}
		select {
		case <-ended:
			t.Fatal(err)
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
