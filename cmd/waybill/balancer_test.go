package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	nethttp "net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"waybill/adapters/linktest"
	"waybill/domain"
)

// outside is an outside program's path. Without it the test is skipped, or fails where it may not be missing.
func outside(t testing.TB, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	say := t.Skipf
	if os.Getenv("WAYBILL_TEST_FAULTS") != "" {
		say = t.Fatalf
	}
	say("%s is not installed (on Debian: apt-get install %s)", program, program)
	return ""
}

// spawn starts an outside program that ends with the test.
func spawn(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	var log logBuffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", path, log.String())
		}
	})
	return cmd
}

// balancer is HAProxy with the configuration of the manual, before nodes at two addresses.
type balancer struct {
	t   testing.TB
	url string
	// socket is where it is told what to do with a node.
	socket string
}

func startBalancer(t testing.TB, nodes [2]string) *balancer {
	t.Helper()
	program := outside(t, "haproxy")
	text, err := os.ReadFile("../../docs/deploy/haproxy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b := &balancer{t: t, socket: filepath.Join(dir, "admin.sock")}
	address := linktest.FreeAddress(t)
	b.url = "http://" + address
	config := string(text)
	// As it is but for where things are, for TLS, and for the third node.
	for _, change := range [][2]string{
		{`(?m)^ *log (/dev/log|global).*\n`, ""},
		{`/run/haproxy/admin.sock mode 660`, b.socket + " mode 600"},
		{`(?m)^ *bind :443.*\n`, "    bind " + address + "\n"},
		{`(?m)^ *bind :80\n`, ""},
		{`(?m)^ *http-request redirect scheme.*\n`, ""},
		{`(?m)^ *server waybill3.*\n`, ""},
		{`maxconn 20000`, "maxconn 1000"},
		{`10\.20\.0\.31:8080`, nodes[0]},
		{`10\.20\.0\.32:8080`, nodes[1]},
	} {
		changed := regexp.MustCompile(change[0]).ReplaceAllString(config, change[1])
		if changed == config {
			t.Fatalf("the configuration has no %s", change[0])
		}
		config = changed
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	spawn(t, program, "-f", file, "-db")
	eventually(t, "the balancer sending to both nodes", func() bool { return b.up("waybill1") && b.up("waybill2") })
	return b
}

// tell says something to it and returns its answer.
func (b *balancer) tell(command string) string {
	b.t.Helper()
	var d net.Dialer
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "unix", b.socket)
	if err != nil {
		return ""
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, command); err != nil {
		b.t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
	}
	return said.String()
}

// sessions is how many a backend has had.
func (b *balancer) sessions(backend string) int {
	b.t.Helper()
	table, err := csv.NewReader(strings.NewReader(b.tell("show stat"))).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	total := slices.Index(table[0], "stot")
	for _, row := range table {
		if row[0] == backend && row[1] == "BACKEND" {
			n, err := strconv.Atoi(row[total])
			if err != nil {
				b.t.Fatal(err)
			}
			return n
		}
	}
	b.t.Fatalf("the balancer has no backend %s", backend)
	return 0
}

// up reports whether a node takes requests.
func (b *balancer) up(node string) bool {
	for line := range strings.Lines(b.tell("show stat")) {
		fields := strings.Split(line, ",")
		if len(fields) > 17 && fields[0] == "nodes" && fields[1] == node {
			return fields[17] == "UP"
		}
	}
	return false
}

// follow reads the reviewer's feed until done, again behind the last item that it got when a stream ends, and returns the items' ids.
func (h *hammer) follow(done <-chan struct{}) (ids []string, streams int) {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	go func() {
		<-done
		cancel()
	}()
	last := ""
	for ctx.Err() == nil {
		r, err := nethttp.NewRequestWithContext(ctx, "GET", *h.url.Load()+"/api/v1/events?as=reviewer", nil)
		if err != nil {
			h.t.Error(err)
			return ids, streams
		}
		r.Header.Set("Authorization", "Bearer "+h.reviewer.token)
		r.Header.Set("Accept", "text/event-stream")
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		response, err := nethttp.DefaultClient.Do(r)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if response.StatusCode == nethttp.StatusOK {
			streams++
			for lines := bufio.NewScanner(response.Body); lines.Scan(); {
				if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok && id != last {
					last = id
					ids = append(ids, id)
				}
			}
		} else {
			time.Sleep(20 * time.Millisecond)
		}
		_ = response.Body.Close()
	}
	return ids, streams
}

// feed is the whole of the reviewer's feed, by its ids.
func (h *hammer) feed() (ids []string) {
	h.t.Helper()
	for after := "0"; ; after = ids[len(ids)-1] {
		_, status, text, err := h.send(h.t.Context(), h.reviewer, "GET", "/api/v1/events?as=reviewer&limit=1000&after="+after, nil, "Accept", "application/json")
		if err != nil || status != nethttp.StatusOK {
			h.t.Fatalf("the feed: %d %s %v", status, text, err)
		}
		found := regexp.MustCompile(`"position":(\d+)`).FindAllStringSubmatch(text, -1)
		if len(found) == 0 {
			return ids
		}
		for _, m := range found {
			ids = append(ids, m[1])
		}
	}
}

// export asks for the whole history until the file is whole, and returns how many rows it has.
func (h *hammer) export(auditor caller) (rows, tries int) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		tries++
		r, err := nethttp.NewRequestWithContext(h.t.Context(), "GET", *h.url.Load()+"/api/v1/audit/export?format=jsonl", nil)
		if err != nil {
			h.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+auditor.token)
		response, err := nethttp.DefaultClient.Do(r)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		rows = 0
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			rows++
		}
		err = errors.Join(lines.Err(), response.Body.Close())
		if err == nil && response.StatusCode == nethttp.StatusOK {
			return rows, tries
		}
		time.Sleep(20 * time.Millisecond)
	}
	h.t.Fatal("no export came through")
	return 0, 0
}

// TestFaultBalancerUnderTraffic is HAProxy, as the manual has it, before two nodes of which one is drained, stopped, killed and frozen in
// turn while clients write, follow the feed and export: nothing that was acknowledged is lost, no reader sees an error that is not a wait,
// and a feed that goes on behind its last item has them all, each once.
func TestFaultBalancerUnderTraffic(t *testing.T) {
	t.Parallel()
	outside(t, "haproxy")
	env, _ := onDatabase(t)
	h := newHammer(t, env, 4)
	var auditor caller
	env.inspect(t, func(ctx context.Context, a *app) (err error) {
		id, err := h.open(ctx, a, "审计员")
		if err == nil {
			_, err = a.commands.GrantRole(ctx, anOperator(), id, domain.RoleAuditor)
		}
		if err == nil {
			auditor, err = h.token(ctx, a, id, domain.RoleAuditor)
		}
		if err == nil {
			h.setup, err = head(ctx, a)
		}
		return err
	})
	addresses := [2]string{linktest.FreeAddress(t), linktest.FreeAddress(t)}
	names := [2]string{"waybill1", "waybill2"}
	start := func(i int) *node {
		own := environ{}
		for k, v := range env {
			own[k] = v
		}
		own["WAYBILL_ADDR"] = addresses[i]
		return startNode(t, names[i], own)
	}
	nodes := [2]*node{start(0), start(1)}
	b := startBalancer(t, addresses)
	h.url.Store(&b.url)
	done, followed := make(chan struct{}), make(chan []string, 1)
	go func() {
		ids, streams := h.follow(done)
		t.Logf("%d items of the feed in %d streams", len(ids), streams)
		followed <- ids
	}()
	tries := 0
	h.during(func() {
		for round := range rounds(4) {
			i := round % 2
			h.progress(10)
			switch round % 4 {
			case 0: // as the manual drains a node
				b.tell("set server nodes/" + names[i] + " state drain")
				h.progress(10)
				nodes[i].interrupt()
				nodes[i] = start(i)
				b.tell("set server nodes/" + names[i] + " state ready")
			case 1: // stopped without a word
				nodes[i].interrupt()
				h.progress(10)
				nodes[i] = start(i)
			case 2:
				nodes[i].kill()
				h.progress(10)
				nodes[i] = start(i)
			case 3:
				nodes[i].signal(syscall.SIGSTOP)
				eventually(t, "the balancer passing over a frozen node", func() bool { return !b.up(names[i]) })
				h.progress(10)
				nodes[i].signal(syscall.SIGCONT)
			}
			_, n := h.export(auditor)
			h.exports, tries = h.exports+1, tries+n
			eventually(t, "both nodes behind the balancer", func() bool { return b.up(names[0]) && b.up(names[1]) })
		}
		h.progress(10)
	})
	t.Logf("%d writes, %d exports in %d tries", h.acked.Load(), h.exports, tries)
	h.check()
	want := h.feed()
	h.caughtUpFollower(done, followed, want)
	nodes[0].interrupt()
	nodes[1].interrupt()
}

// caughtUpFollower ends a follower and holds what it got against the whole feed. It may lack what came after its last item.
func (h *hammer) caughtUpFollower(done chan<- struct{}, followed <-chan []string, want []string) {
	h.t.Helper()
	close(done)
	got := <-followed
	if len(got) == 0 {
		h.t.Fatal("the follower got nothing")
	}
	from := slices.Index(want, got[0])
	if from < 0 || from+len(got) > len(want) || !slices.Equal(got, want[from:from+len(got)]) {
		h.t.Errorf("the follower got %d items from %s to %s, which are not a stretch of the %d of the feed", len(got), got[0], got[len(got)-1], len(want))
	}
}
