package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
)

// commandProcess starts a command as a process; done is closed when it has ended.
func commandProcess(t testing.TB, env environ, args ...string) (cmd *exec.Cmd, printed *bytes.Buffer, log *logBuffer, done chan struct{}) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	printed, log = new(bytes.Buffer), new(logBuffer)
	cmd.Stdout, cmd.Stderr = printed, log
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done = make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	return cmd, printed, log, done
}

// held has whoever writes to a table of a rebuild or a comparison wait, and says when somebody does.
func held(t testing.TB, pool *pgxpool.Pool) (waits func() bool) {
	t.Helper()
	holder, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(holder.Release)
	if _, err := holder.Exec(t.Context(), `BEGIN; LOCK TABLE projections.dead_letters IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = holder.Exec(t.Context(), `ROLLBACK`) })
	return func() bool {
		var n int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks
			WHERE NOT granted AND relation = 'projections.dead_letters'::regclass
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n)
		return err == nil && n > 0
	}
}

// Ctrl-C in the middle of long work: one line that says how to go on, the code that a shell expects, and nothing left behind.
func TestInterruption(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal  syscall.Signal
		code    int
		command []string
	}{
		{syscall.SIGINT, 130, []string{"rebuild", "all"}},
		{syscall.SIGTERM, 143, []string{"rebuild", "listing"}},
		{syscall.SIGINT, 130, []string{"verify"}},
	} {
		t.Run(strings.Join(c.command, " "), func(t *testing.T) {
			t.Parallel()
			env, pool := onDatabase(t)
			env["WAYBILL_LOG_LEVEL"] = "warn"
			waits := held(t, pool)
			cmd, printed, log, done := commandProcess(t, env, c.command...)
			eventually(t, "the work", waits)
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			select {
			case <-done:
			case <-time.After(patience):
				t.Fatalf("it goes on:\n%s", log)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("it ended with %d, want %d", code, c.code)
			}
			said := strings.TrimSpace(log.String())
			if !strings.HasPrefix(said, "waybill: interrupted; ") || !strings.Contains(said, "run the same command again") || strings.Contains(said, "\n") || printed.Len() > 0 {
				t.Errorf("it said %q and %q", said, printed)
			}
		})
	}
}

// Who does not want to wait for an orderly end says so again.
func TestSecondInterruptionEndsAtOnce(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	waits := held(t, pool) // what it made cannot be dropped as long as this holds, which it waits for
	cmd, _, _, done := commandProcess(t, env, "verify")
	eventually(t, "the work", waits)
	for {
		_ = cmd.Process.Signal(syscall.SIGINT) // two that come together may be one
		select {
		case <-done:
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			killed := ok && status.Signaled() && status.Signal() == syscall.SIGINT
			if inOrder := cmd.ProcessState.ExitCode() == 130; !killed && !inOrder { // which may come before the second
				t.Errorf("it ended with %v", cmd.ProcessState)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// What a command says of an interruption, and what it does not hide.
func TestInterruptionIsNoOtherError(t *testing.T) {
	t.Parallel()
	err := errors.New("the disk is full")
	if got := interrupted(t.Context(), verifyCommand{}, err); !errors.Is(got, err) {
		t.Errorf("%v", got)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	if got := interrupted(over, copyCommand{}, fmt.Errorf("copy: %w", eventstoredb.ErrOutOfOrder)); !errors.Is(got, eventstoredb.ErrOutOfOrder) {
		t.Errorf("%v", got)
	}
	if got := interrupted(t.Context(), verifyCommand{}, nil); got != nil {
		t.Errorf("%v", got)
	}
	if code := failed(t.Context(), errors.New("refused")); code != 1 {
		t.Errorf("%d", code)
	}
}

// Whoever closes the pipe, as head does, has what it wanted: no error is printed.
func TestAPipeThatIsClosed(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command("sh", "-c", `{ "$0" openapi; echo $? >&2; } | head -c 1`, self)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = &said
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if first, err := cmd.Output(); err != nil || len(first) != 1 {
		t.Fatalf("%q, %v\n%s", first, err, &said)
	}
	if said.String() != "141\n" {
		t.Errorf("it said %q", &said)
	}
}
