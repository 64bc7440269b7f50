package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// LittleSharedMemory starts a server of PostgreSQL that has next to no /dev/shm, as in a container, and does whatever it can in
// parallel, and returns its URL. It ends with the test. Where that cannot be, the test is skipped.
func LittleSharedMemory(t *testing.T) (url string) {
	t.Helper()
	missing := func(why string) {
		t.Helper()
		if os.Getenv("WAYBILL_TEST_FAULTS") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if os.Geteuid() != 0 {
		missing("only root can mount a small /dev/shm")
	}
	for _, program := range []string{"unshare", "setpriv", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			missing("needs " + program + ", of Debian's packages util-linux and mount")
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		missing("needs the server of PostgreSQL, of Debian's package postgresql")
	}
	bin := slices.Max(found)
	dir, err := os.MkdirTemp("", "waybill-shm-") // unlike t.TempDir one that others can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	as := func(command string) *exec.Cmd {
		c := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1150k tmpfs /dev/shm && cd "+dir+
			fmt.Sprintf(" && exec setpriv --reuid=%d --regid=%d --clear-groups %s/%s", nobody, nobody, bin, command))
		c.Env = append(os.Environ(), "LC_ALL=C")
		return c
	}
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm").CombinedOutput(); err != nil {
		missing(fmt.Sprintf("cannot mount a /dev/shm of its own here: %v: %s", err, out))
	}
	if out, err := as("initdb -D " + dir + "/data -U postgres -A trust -E UTF8 --locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	var log bytes.Buffer
	server := as("postgres -D " + dir + "/data -k " + dir + " -c listen_addresses= -c fsync=off -c min_parallel_table_scan_size=0" +
		" -c min_parallel_index_scan_size=0 -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c maintenance_work_mem=64MB" +
		" -c max_parallel_workers_per_gather=4 -c max_parallel_maintenance_workers=4")
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
