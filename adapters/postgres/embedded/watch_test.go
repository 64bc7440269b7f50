package embedded_test

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"waybill/adapters/postgres/embedded"
)

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// TestADeathIsTold, with why, and that it is over.
func TestADeathIsTold(t *testing.T) {
	t.Parallel()
	var log logged
	s := start(t, embedded.Options{Dir: durable.copy(t), Durable: true, Log: log.logger()})
	for _, c := range []struct {
		how syscall.Signal
		why string
	}{{syscall.SIGKILL, "signal: killed"}, {syscall.SIGQUIT, "received immediate shutdown request"}} {
		before, killed := len(log.String()), postmaster(s)
		if err := syscall.Kill(killed, c.how); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is told that it runs again", func() bool { return strings.Contains(log.String()[before:], "PostgreSQL runs again") })
		if said := log.String()[before:]; !strings.Contains(said, "PostgreSQL has died") || !strings.Contains(said, c.why) || !strings.Contains(said, s.Dir()) {
			t.Errorf("of a death by %v (%s) the log says:\n%s", c.how, c.why, said)
		}
		if !answers(s) {
			t.Error("no answer")
		}
	}
}

// TestAFullDisk leaves the server not a byte, and makes room after a while.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	from := durable.copy(t)
	dir := folder(t)
	disk := filepath.Dir(dir)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=150m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var log logged
	s := start(t, embedded.Options{Dir: dir, Durable: true, Log: log.logger()})
	keep(t, s.URL(), "here")
	fill(t, filepath.Join(disk, "fill"))
	// The log of the database wants a new segment, gets none, and the server gives up, then its recovery.
	eventually(t, "the server gave up", func() bool {
		_, _ = ask(t.Context(), s.AdminURL(), `SELECT pg_logical_emit_message(true, 'much', repeat('x', 8000000))`)
		return strings.Contains(log.String(), "PostgreSQL has died")
	})
	eventually(t, "the log has a failure, and its cause", func() bool {
		return strings.Contains(log.String(), "trying on") && strings.Contains(log.String(), "No space left on device")
	})
	told := strings.Count(log.String(), "trying on")
	time.Sleep(2 * time.Second) // there is nothing to wait for: it says no more
	if more := strings.Count(log.String(), "trying on") - told; more > 1 {
		t.Errorf("one cause was told %d times more in two seconds:\n%s", more, log.String())
	}
	if err := os.Remove(filepath.Join(disk, "fill")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it came back", func() bool { return answers(s) })
	if got := value(t, s.URL(), "SELECT v FROM kept"); got != "here" {
		t.Errorf("got %q", got)
	}
	if strings.Contains(strings.TrimSpace(log.String()), "\n\t") {
		t.Errorf("not one line each:\n%s", log.String())
	}
}

// fill writes a file until the disk takes not a byte more.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
