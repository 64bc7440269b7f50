package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
)

// helper makes this test binary a process that uses a cluster until its standard input ends.
const helper = "WAYBILL_EMBEDDED_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helper); dir != "" {
		os.Exit(use(dir))
	}
	code := m.Run()
	for _, m := range []*mould{&durable, &volatile} {
		if m.dir != "" {
			_ = os.RemoveAll(m.dir)
		}
	}
	os.Exit(code)
}

// mould is a stopped cluster that tests begin with a copy of: initdb takes longer than all else here.
type mould struct {
	opts embedded.Options
	once sync.Once
	dir  string
}

var durable, volatile = mould{opts: embedded.Options{Durable: true}}, mould{}

func (m *mould) copy(t *testing.T) string {
	t.Helper()
	m.once.Do(func() {
		m.dir = temporary(t)
		opts := m.opts
		opts.Dir = filepath.Join(m.dir, "db")
		s, err := embedded.Start(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(m.dir, "db", "port")); err != nil {
			t.Fatal(err)
		}
	})
	dir := folder(t)
	if out, err := exec.Command("cp", "-a", filepath.Join(m.dir, "db"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// temporary makes a folder that an unprivileged user can enter, unlike t.TempDir. In memory where there is room: what is
// tested here is processes, and a disk makes their clusters cost twice as much.
func temporary(t *testing.T) string {
	t.Helper()
	const memory, room = "/dev/shm", 2 << 30
	parent := ""
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > room {
		parent = memory
	}
	dir, err := os.MkdirTemp(parent, "waybill-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func use(dir string) int {
	s, err := embedded.Start(context.Background(), embedded.Options{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("ready", s.URL())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := s.Close(); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

// folder is where a cluster may be made; what runs there in the end is stopped, and all is removed.
func folder(t *testing.T) string {
	t.Helper()
	dir := temporary(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := embedded.StopUnused(ctx, filepath.Join(dir, "db"), 0); err != nil {
			t.Errorf("stop what is left: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "db")
}

func start(t *testing.T, opts embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func value(t *testing.T, url, sql string) string {
	t.Helper()
	v, err := ask(t.Context(), url, sql)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func ask(ctx context.Context, url, sql string) (v string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	for _, r := range results {
		if len(r.Rows) > 0 {
			v = string(r.Rows[0][0])
		}
	}
	return v, err
}

// keep writes what a restart must not lose.
func keep(t *testing.T, url, v string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT '"+v+"'::text AS v"); err != nil {
		t.Fatal(err)
	}
}

// postmaster is the process id of the running server, 0 while there is none.
func postmaster(s *embedded.Server) int {
	b, _ := os.ReadFile(filepath.Join(s.Dir(), "data", "postmaster.pid"))
	first, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

func answers(s *embedded.Server) bool {
	_, err := ask(context.Background(), s.URL(), "SELECT 'x'")
	return err == nil
}
