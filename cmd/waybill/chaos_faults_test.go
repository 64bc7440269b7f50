package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"waybill/adapters/postgres/pgtest"
)

// wire is a way to PostgreSQL that can fall silent: what is sent arrives later, or, of the connections that are there, never. No end of
// theirs is told anything.
type wire struct {
	t  testing.TB
	to string
	l  net.Listener

	mu     sync.Mutex
	gate   chan struct{}     // closed while bytes pass
	silent map[net.Conn]bool // what comes on them is never passed on
	open   map[net.Conn]bool
}

func newWire(t testing.TB, to string) *wire {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, to: to, l: l, gate: make(chan struct{}), silent: map[net.Conn]bool{}, open: map[net.Conn]bool{}}
	close(w.gate)
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		for c := range w.open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

func (w *wire) carry(c net.Conn) {
	var d net.Dialer
	server, err := d.DialContext(w.t.Context(), "tcp", w.to)
	if err != nil {
		_ = c.Close()
		return
	}
	w.mu.Lock()
	w.open[c], w.open[server] = true, true
	w.mu.Unlock()
	go w.pass(c, server)
	w.pass(server, c)
}

func (w *wire) pass(from, to net.Conn) {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.silent[from] {
			return // whoever waits at the other end goes on waiting
		}
		delete(w.open, from)
		_, _ = from.Close(), to.Close()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		gate, silent := w.gate, w.silent[from]
		w.mu.Unlock()
		if silent {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		<-gate
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stall keeps all bytes for a while.
func (w *wire) stall(d time.Duration) {
	gate := make(chan struct{})
	w.mu.Lock()
	w.gate = gate
	w.mu.Unlock()
	time.Sleep(d)
	close(gate)
}

// forget has nothing arrive any more on the connections that are there, in either direction.
func (w *wire) forget() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		w.silent[c] = true
	}
	return len(w.open)
}

// TestChaosSilentNetwork: between Waybill and PostgreSQL bytes stand still for a while, or the connections that are there lead nowhere from
// then on.
func TestChaosSilentNetwork(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	h := newHammer(t, env, chaosClients)
	u, err := url.Parse(pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, u.Host)
	u.Host = w.l.Addr().String()
	through := environ{}
	for name, value := range env {
		through[name] = value
	}
	through["DATABASE_URL"] = u.String()
	n := startNode(t, "it", through)
	h.to(n)
	forgotten := 0
	chaos(h, rounds(3), func(round int) {
		if round%3 == 2 {
			forgotten += w.forget()
			return
		}
		w.stall(rand.N(2 * time.Second))
	})
	t.Logf("%d ends of connections led nowhere", forgotten)
	n.interrupt()
}

// TestChaosFrozenRebuild: a rebuild stands still, as on a machine that swaps, and goes on later.
func TestChaosFrozenRebuild(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	h := newHammer(t, env, chaosClients)
	n := startNode(t, "it", env)
	h.to(n)
	done := 0
	chaos(h, rounds(2), func(round int) {
		model := []string{"listing", "figures", "review"}[round%3]
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		var log logBuffer
		cmd := exec.CommandContext(t.Context(), self, "rebuild", model)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		for k, v := range env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		cmd.Stdout, cmd.Stderr = &log, &log
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		time.Sleep(rand.N(400 * time.Millisecond))
		frozen := cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(rand.N(3 * time.Second))
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil && frozen == nil {
			t.Error(err)
		}
		err = cmd.Wait()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
		if err == nil {
			done++
		} else { // it may be told that it stood still for too long
			t.Logf("rebuild %s: %v\n%s", model, err, log.String())
		}
	})
	t.Logf("%d rebuilds came to their end", done)
	n.interrupt()
}

// TestChaosPromotedStandby: the primary stops, and its standby takes its place, while clients write.
func TestChaosPromotedStandby(t *testing.T) {
	t.Parallel()
	r := pgtest.Replicate(t, migrate)
	primary, err := url.Parse(r.Primary)
	if err != nil {
		t.Fatal(err)
	}
	standby, err := url.Parse(r.Standby)
	if err != nil {
		t.Fatal(err)
	}
	// The driver tries both, and keeps the one that takes writes.
	both := strings.Replace(r.Primary, primary.Host, primary.Host+","+standby.Host, 1)
	if strings.Contains(both, "?") {
		both += "&target_session_attrs=read-write"
	} else {
		both += "?target_session_attrs=read-write"
	}
	env := environ{"DATABASE_URL": both, "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}
	h := newHammer(t, env, chaosClients)
	one, two := startNode(t, "one", env), startNode(t, "two", env)
	h.to(one)
	h.during(func() {
		h.progress(30)
		r.FailOver()
		h.progress(30)
		h.to(two)
		h.progress(30)
	})
	h.check()
	one.interrupt()
	two.interrupt()
}
