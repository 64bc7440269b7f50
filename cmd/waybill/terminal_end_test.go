package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onTerminal starts `waybill serve` as a shell does, and waits until it serves. What it writes comes from the returned end of a pipe.
func onTerminal(t *testing.T, env environ, shell string) (cmd *exec.Cmd, ended chan error, log *os.File) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("sh", "-c", shell, "sh", self, "serve")
	cmd.Env = append(os.Environ(), asProgram+"=1", "WAYBILL_ADMIN_ADDR=127.0.0.1:0")
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	ended = make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = log.Close() })
	var said strings.Builder
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("it ended before it served: %v\n%s", err, &said)
		}
		if said.WriteString(line); strings.Contains(line, "msg=serving") {
			return cmd, ended, log
		}
	}
}

// TestNothingIsLeftBehind: however a person ends it, the embedded PostgreSQL ends with it.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	env := onFolder(t)
	const plain = `exec "$@"`
	for _, c := range []struct {
		name, shell string
		end         func(*exec.Cmd, *os.File)
	}{
		{"terminal closed", plain, func(cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGHUP) }},
		{"Ctrl-\\", plain, func(cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGQUIT) }},
		{"Ctrl-C, its log's reader first", plain, func(cmd *exec.Cmd, log *os.File) {
			_ = log.Close()
			_ = cmd.Process.Signal(os.Interrupt)
		}},
		{"nohup", `trap "" HUP; exec "$@"`, func(cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGTERM) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, ended, log := onTerminal(t, env, c.shell)
			pid := env.postmaster(t)
			if c.name == "nohup" {
				_ = cmd.Process.Signal(syscall.SIGHUP)
				select {
				case err := <-ended:
					t.Fatalf("it ended with the terminal: %v", err)
				case <-time.After(300 * time.Millisecond): // it goes on: there is nothing to wait for
				}
			}
			c.end(cmd, log)
			go func() { _, _ = io.Copy(io.Discard, log) }()
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			env.stopped(t, pid)
		})
	}
}
