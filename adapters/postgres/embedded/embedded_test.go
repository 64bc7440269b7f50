package embedded_test

import (
	"bufio"
	"io"
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

func TestSettings(t *testing.T) {
	for onOff, m := range map[string]*mould{"on": &durable, "off": &volatile} {
		t.Run("durability "+onOff, func(t *testing.T) {
			t.Parallel()
			s := start(t, embedded.Options{Dir: m.copy(t), Durable: m.opts.Durable})
			conn, err := pgx.Connect(t.Context(), s.AdminURL()) // some settings are for superusers
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			for name, want := range map[string]string{
				"fsync": onOff, "synchronous_commit": onOff, "full_page_writes": onOff,
				"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
				"lc_collate": "C", "TimeZone": "UTC", "jit": "off",
			} {
				var got string
				if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
					t.Errorf("%s = %q, want %q (%v)", name, got, want, err)
				}
			}
			for file, url := range map[string]string{"password": s.AdminURL(), "role-password": s.URL()} {
				info, err := os.Stat(filepath.Join(s.Dir(), file))
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v, want mode 0600", file, info, err)
				}
				user, rest, _ := strings.Cut(strings.TrimPrefix(url, "postgres://"), ":")
				if _, err := ask(t.Context(), "postgres://"+user+":not"+rest, "SELECT 'x'"); err == nil {
					t.Errorf("a wrong password was let in as %s", user)
				}
			}
		})
	}
}

func TestLastOneStopsIt(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var servers [3]*embedded.Server
	var started sync.WaitGroup
	for i := range servers { // all at once: one makes the cluster, the others join
		started.Go(func() { servers[i] = start(t, embedded.Options{Dir: dir}) })
	}
	started.Wait()
	if t.Failed() {
		return
	}
	for i, s := range servers {
		if s.URL() != servers[0].URL() {
			t.Errorf("server %d is another: %s", i, s.URL())
		}
	}
	for i, s := range servers {
		if !answers(servers[2]) {
			t.Fatalf("gone after %d of 3 had left", i)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if answers(servers[0]) {
		t.Error("still running after the last had left")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err == nil {
		t.Error("postmaster.pid is still there")
	}
}

func TestDataAndURLSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := durable.copy(t)
	first := start(t, embedded.Options{Dir: dir, Durable: true})
	keep(t, first.URL(), "运单")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, embedded.Options{Dir: dir, Durable: true})
	if got := value(t, second.URL(), "SELECT v FROM kept"); got != "运单" {
		t.Errorf("got %q", got)
	}
	if first.URL() != second.URL() {
		t.Errorf("the address changed without need: %s, then %s", first.URL(), second.URL())
	}
}

func TestUsersKilled(t *testing.T) {
	t.Parallel()
	dir := durable.copy(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helper+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Fatal(line, err)
	}
	// Ctrl-C reaches the whole foreground group: the server must not be in it.
	s := start(t, embedded.Options{Dir: dir})
	if group, err := syscall.Getpgid(postmaster(s)); err != nil || group == cmd.Process.Pid || group == syscall.Getpgrp() {
		t.Errorf("the server's process group is %d, ours %d and %d (%v)", group, cmd.Process.Pid, syscall.Getpgrp(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := ask(t.Context(), url, "SELECT 'x'"); err != nil {
		t.Fatalf("the server went with its users: %v", err)
	}
	again := start(t, embedded.Options{Dir: dir})
	if again.URL() != url {
		t.Errorf("not found again: %s, then %s", url, again.URL())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), url, "SELECT 'x'"); err == nil {
		t.Error("the last Close left a server running that another process had started")
	}
}

func TestServerKilledUnderItsUsers(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Options{Dir: durable.copy(t), Durable: true})
	keep(t, s.URL(), "here")
	for range 3 {
		killed := postmaster(s)
		if killed == 0 { // which would be ourselves
			t.Fatal("no process id")
		}
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another server came at its address", func() bool { return postmaster(s) != killed && answers(s) })
		if got := value(t, s.URL(), "SELECT v FROM kept"); got != "here" {
			t.Errorf("got %q", got)
		}
	}
}

func TestEverythingKilled(t *testing.T) {
	t.Parallel()
	dir := durable.copy(t)
	first := start(t, embedded.Options{Dir: dir, Durable: true})
	keep(t, first.URL(), "here")
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	whole, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(whole), "\n")
	unnoticed := exec.Command("true") // dead, but not waited for until the end
	out, err := unnoticed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := unnoticed.Start(); err != nil {
		t.Fatal(err)
	}
	defer unnoticed.Wait()
	if _, err := io.ReadAll(out); err != nil {
		t.Fatal(err)
	}
	for name, pid := range map[string]int{
		"a dead process": 1 << 22,
		"a zombie":       unnoticed.Process.Pid,
		"this process":   os.Getpid(),
		"our parent":     os.Getppid(),
	} {
		t.Run(name, func(t *testing.T) {
			// What a crash of the machine leaves, when that process id has been given away since.
			if err := os.WriteFile(pidFile, []byte(strconv.Itoa(pid)+"\n"+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(pidFile, int(owner.Uid), int(owner.Gid)); err != nil {
				t.Fatal(err)
			}
			s := start(t, embedded.Options{Dir: dir, Durable: true})
			if got := value(t, s.URL(), "SELECT v FROM kept"); got != "here" {
				t.Errorf("got %q", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestStopUnused(t *testing.T) {
	t.Parallel()
	dir := volatile.copy(t)
	s := start(t, embedded.Options{Dir: dir})
	done := make(chan error, 1)
	go func() { done <- embedded.StopUnused(t.Context(), dir, 300*time.Millisecond) }()
	select {
	case err := <-done:
		t.Fatalf("gave up while the cluster was in use: %v", err)
	case <-time.After(time.Second):
	}
	if !answers(s) {
		t.Fatal("stopped while in use")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is still there")
	}
}
