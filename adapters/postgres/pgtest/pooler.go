package pgtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"waybill/adapters/linktest"
)

// Pooler starts a PgBouncer in front of the server that a connection string names, and returns the connection string through it. settings
// are lines of its configuration, such as "pool_mode = session". A test is skipped where there is no PgBouncer.
func Pooler(t testing.TB, to string, settings ...string) string {
	t.Helper()
	program := tool(t, "pgbouncer")
	server, err := pgconn.ParseConfig(to)
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t, "pooler")
	_, port, err := net.SplitHostPort(linktest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	users := fmt.Sprintf("%q %q\n", server.User, server.Password)
	configuration := strings.Join(append([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%d", server.Host, server.Port),
		"[pgbouncer]", "listen_addr = 127.0.0.1", "listen_port = " + port, "unix_socket_dir =", "auth_type = plain",
		"auth_file = " + filepath.Join(dir, "users"), "max_client_conn = 500", "default_pool_size = 60",
	}, settings...), "\n") + "\n"
	write(t, filepath.Join(dir, "users"), users)
	write(t, filepath.Join(dir, "pgbouncer.ini"), configuration)
	cmd := exec.Command(program, filepath.Join(dir, "pgbouncer.ini"))
	if os.Geteuid() == 0 { // which it refuses to run as
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, path := range []string{dir, filepath.Join(dir, "users"), filepath.Join(dir, "pgbouncer.ini")} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	logged, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logged.Close()
	cmd.Stdout, cmd.Stderr = logged, logged
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	awaitPort(t, port, func() string {
		text, _ := os.ReadFile(logged.Name())
		return string(text)
	})
	pooled := url.URL{
		Scheme: "postgres", User: url.UserPassword(server.User, server.Password),
		Host: net.JoinHostPort("127.0.0.1", port), Path: "/" + server.Database, RawQuery: "sslmode=disable",
	}
	return pooled.String()
}

// tool finds a program that a fault test needs, also where only an administrator's PATH leads.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	switch {
	case err == nil:
		return path
	case os.Getenv("WAYBILL_TEST_FAULTS") != "":
		t.Fatalf("there is no %s, and WAYBILL_TEST_FAULTS asks for the tests that need it", name)
	}
	t.Skipf("there is no %s on this machine; the package %s has it", name, name)
	return ""
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// awaitPort waits until somebody listens.
func awaitPort(t testing.TB, port string, log func() string) {
	t.Helper()
	var d net.Dialer
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		conn, err := d.DialContext(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nothing listens on %s: %v\n%s", port, err, log())
		}
	}
}
