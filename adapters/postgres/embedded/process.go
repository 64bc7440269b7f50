package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what a running server writes about itself.
type postmaster struct {
	pid  int
	port int
}

func (p place) pidFile() string { return filepath.Join(p.data(), "postmaster.pid") }

// running reads the server's own file; it may be missing or half written while the server starts.
func (p place) running() (postmaster, error) {
	b, err := os.ReadFile(p.pidFile())
	if err != nil {
		return postmaster{}, fmt.Errorf("embedded: %w", err)
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 6 {
		return postmaster{}, fmt.Errorf("embedded: %s is not complete yet", p.pidFile())
	}
	pid, err1 := strconv.Atoi(strings.TrimSpace(lines[0]))
	port, err2 := strconv.Atoi(strings.TrimSpace(lines[3]))
	if err := errors.Join(err1, err2); err != nil || pid <= 1 {
		return postmaster{}, fmt.Errorf("embedded: %s is damaged: %w", p.pidFile(), err)
	}
	return postmaster{pid, port}, nil
}

// alive reports whether a process of the cluster lives. The caller holds the start lock.
func (p place) alive() (bool, error) {
	l, err := p.tryLock(serverLock, exclusive)
	if err != nil {
		return false, err
	}
	if l == nil {
		return true, nil
	}
	l.release()
	return false, nil
}

// halt stops the server if it runs, and waits until its last process has gone. The caller holds the start lock.
func (p place) halt(ctx context.Context) error {
	how, since := syscall.SIGINT, time.Now() // fast: sessions are ended, a checkpoint is written
	told := map[int]syscall.Signal{}
	for {
		alive, err := p.alive()
		if err != nil || !alive {
			return err
		}
		if time.Since(since) > time.Minute {
			how = syscall.SIGQUIT // immediate: the next start recovers
		}
		if run, err := p.running(); err == nil && told[run.pid] != how {
			if err := syscall.Kill(run.pid, how); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("embedded: stop PostgreSQL (process %d): %w", run.pid, err)
			}
			told[run.pid] = how
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("embedded: waiting for PostgreSQL to stop: %w", err)
		}
	}
}

// forget removes the trace of a dead server whose process id now belongs to something else, which PostgreSQL would take
// for a living server. The caller holds the server lock, so a living one can only be somebody's who started it by hand.
func (p place) forget() error {
	run, err := p.running()
	if err != nil {
		return nil // nothing there, or nothing that could be taken for a process
	}
	if err := syscall.Kill(run.pid, 0); errors.Is(err, syscall.ESRCH) {
		return nil // PostgreSQL sees that by itself
	}
	data, err := filepath.EvalSymlinks(p.data())
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if _, err := os.Readlink("/proc/self/cwd"); err != nil {
		return nil // a system that does not show its processes: PostgreSQL decides
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", run.pid)); err == nil && cwd == data {
		return fmt.Errorf("embedded: a PostgreSQL that was started by hand (process %d) runs on %s", run.pid, p.data())
	}
	// Another program's process (a server works in its data folder, and as a user that we may look at), or a dead one
	// whose parent has not taken notice.
	if err := os.Remove(p.pidFile()); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}
