package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	nethttp "net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram makes this test binary the program itself: a process that tests can kill, with the race detector if they have it.
const asProgram = "WAYBILL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		go func() { // the test holds the other end: whatever becomes of it, no server outlives it
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen, on a machine that does other things too; it costs nothing while things go well.
const patience = 5 * time.Minute

// eventually polls until ok, or fails the test after patience.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

// node is a process that serves.
type node struct {
	t       testing.TB
	name    string
	url     string
	admin   string // the address for those who operate it
	process *os.Process
	log     logBuffer
	exited  chan struct{} // closed once it has ended; err is then its error
	err     error
}

var servingURL = regexp.MustCompile(`msg=serving .*?url=(https?://\S+) .*?admin=(http://\S+)`)

// startNode starts `waybill serve` and waits until it answers.
func startNode(t testing.TB, name string, env map[string]string) *node {
	t.Helper()
	n := launchNode(t, name, env)
	n.await()
	return n
}

// launchNode starts `waybill serve` and does not wait. What still runs at the end of the test is killed.
func launchNode(t testing.TB, name string, env map[string]string) *node {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, name: name, exited: make(chan struct{})}
	cmd := exec.Command(self, "serve")
	cmd.Env = append(os.Environ(), asProgram+"=1", "WAYBILL_NODE="+name, "WAYBILL_ADMIN_ADDR=127.0.0.1:0")
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stderr = &n.log
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.process = cmd.Process
	go func() {
		n.err = cmd.Wait()
		close(n.exited)
	}()
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("node %s:\n%s", name, n.log.String())
		}
	})
	return n
}

// await waits until the node serves, and learns its address.
func (n *node) await() {
	n.t.Helper()
	eventually(n.t, "node "+n.name+" serving", func() bool {
		select {
		case <-n.exited:
			n.t.Fatalf("node %s ended: %v\n%s", n.name, n.err, n.log.String())
		default:
		}
		found := servingURL.FindStringSubmatch(n.log.String())
		if found != nil {
			n.url, n.admin = found[1], found[2]
		}
		return found != nil
	})
}

// kill is kill -9, also of a stopped process, and waits for the end.
func (n *node) kill() {
	_ = n.process.Kill() // it may have ended
	<-n.exited
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.process.Signal(s); err != nil {
		n.t.Fatalf("node %s: %v: %v", n.name, s, err)
	}
}

// interrupt is Ctrl-C, after which the node must end by itself and without an error.
func (n *node) interrupt() {
	n.t.Helper()
	n.signal(syscall.SIGINT)
	select {
	case <-n.exited:
	case <-time.After(patience):
		n.t.Fatalf("node %s did not stop", n.name)
	}
	if n.err != nil {
		n.t.Errorf("node %s: %v", n.name, n.err)
	}
}

// answers asks whether the node lives.
func (n *node) answers() bool {
	ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
	defer cancel()
	r, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, n.url+"/livez", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	response, err := nethttp.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return errors.Join(response.Body.Close()) == nil && response.StatusCode == nethttp.StatusOK
}

// environ is the environment of a test's processes; get is it for run.
type environ map[string]string

func (e environ) get(name string) string { return e[name] }

// verified has `waybill verify` compare every read model with the log.
func (e environ) verified(t testing.TB) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), []string{"verify"}, e.get, &out)
	t.Log("verify:\n" + out.String())
	if err != nil {
		t.Errorf("verify: %v", err)
	}
}

// logBuffer is what a process wrote, but for a line for every request; bounded.
type logBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	rest []byte
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n') + 1
		if end == 0 {
			return len(p), nil
		}
		if l.b.Len() < 1<<20 && !bytes.Contains(l.rest[:end], []byte(" level=INFO msg=request ")) {
			l.b.Write(l.rest[:end])
		}
		l.rest = l.rest[end:]
	}
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
