package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Clock is what a server of PostgreSQL takes for the time.
type Clock struct {
	t    *testing.T
	file string
	// URL is the server's.
	URL string
}

// OwnClock starts a server of PostgreSQL whose clock can be put. It ends with the test. Where that cannot be, the test is skipped.
func OwnClock(t *testing.T) *Clock {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		missing(t, "needs Debian's package faketime")
	}
	bin, dir := ownServer(t)
	c := &Clock{t: t, file: filepath.Join(dir, "clock")}
	c.put(0)
	as := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, program), args...)
		cmd.Dir = dir
		// The steady time is that of the machine: it does not jump with the date.
		cmd.Env = []string{
			"PATH=/usr/bin:/bin", "LC_ALL=C", "LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_NO_CACHE=1",
			"FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DISABLE_SHM=1", "NO_FAKE_STAT=1",
		}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		return cmd
	}
	c.URL = runOwn(t, dir, as, "fsync=off", "max_connections=200")
	return c
}

// Put puts the clock so far from this machine's, at once and for all sessions.
func (c *Clock) Put(ahead time.Duration) {
	c.t.Helper()
	c.put(ahead)
	conn, err := pgx.Connect(c.t.Context(), c.URL)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(c.t.Context())
	var now time.Time
	if err := conn.QueryRow(c.t.Context(), `SELECT clock_timestamp()`).Scan(&now); err != nil {
		c.t.Fatal(err)
	}
	if off := time.Until(now) - ahead; off.Abs() > time.Minute {
		c.t.Fatalf("the server's clock is %v ahead, want %v", time.Until(now), ahead)
	}
}

func (c *Clock) put(ahead time.Duration) {
	c.t.Helper()
	next := c.file + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d", int(ahead.Seconds())), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(next, c.file); err != nil { // never half
		c.t.Fatal(err)
	}
}
