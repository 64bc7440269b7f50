package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// waybillProgram is what `make bench` builds and the bench measures, from the top of the checkout.
const waybillProgram = "bin/waybill"

// child is another process that serves HTTP.
type child struct {
	process *os.Process
	base    string // "http://127.0.0.1:…"
	// ready is the time from the start of the process to its first 200 on /readyz.
	ready  time.Duration
	log    *os.File
	exited chan error
	once   sync.Once
	ended  error
}

// environment is a child's: it works on a database, and nowhere else.
func (b *bench) environment(database string, more ...string) []string {
	// Each database has images of its own, which go with the cluster.
	name, _, _ := strings.Cut(path.Base(database), "?")
	images := filepath.Join(b.folder, "media", name)
	env := append(os.Environ(), "DATABASE_URL="+database, "WAYBILL_READ_DATABASE_URL=", "WAYBILL_EVENTSTORE=postgres",
		"WAYBILL_EVENTSTORE_PREFIX=", "WAYBILL_MEDIA=file://"+images)
	return append(env, more...)
}

// spawn starts a program with args on a database and waits until it is ready. The bench stops it at the end.
func (b *bench) spawn(ctx context.Context, database, program string, args ...string) (*child, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	log, err := b.logFile()
	if err != nil {
		return nil, err
	}
	c := &child{base: "http://" + addr, log: log, exited: make(chan error, 1)}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // Waybill or this very program; stop ends it, by a signal it can act on
	cmd.Env = b.environment(database, "WAYBILL_ADDR="+addr)
	cmd.Stderr = log
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.process = cmd.Process
	go func() { c.exited <- cmd.Wait() }()
	b.closers = append(b.closers, c.stop)
	return c, c.await(ctx, start)
}

func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (c *child) await(ctx context.Context, start time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := newClient(1)
	defer client.CloseIdleConnections()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := get(ctx, client, c.base+"/readyz")
		if err == nil {
			c.ready = time.Since(start)
			return nil
		}
		select {
		case <-tick.C:
		case ended := <-c.exited:
			c.exited <- ended
			return fmt.Errorf("the child process ended before it was ready: %w: %s", ended, lastWords(c.log))
		case <-ctx.Done():
			return fmt.Errorf("the child process did not become ready: %w: %s", err, lastWords(c.log))
		}
	}
}

// stop ends the process and waits for it. Stopping twice is harmless.
func (c *child) stop() error {
	c.once.Do(func() {
		if err := c.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			c.ended = err
		}
		select {
		case err := <-c.exited:
			if err != nil {
				c.ended = fmt.Errorf("child process: %w: %s", err, lastWords(c.log))
			}
		case <-time.After(20 * time.Second):
			c.ended = errors.Join(errors.New("the child process did not stop"), c.process.Kill())
		}
	})
	return c.ended
}

// memoryOf is the resident set of a process, now and at its peak, in MB; 0 where the system does not tell.
func memoryOf(pid int) (now, peak float64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			now = kb / 1024
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			peak = kb / 1024
		}
	}
	return now, peak
}

// resident judges the memory of a serving child after a section.
func (b *bench) resident(during string, c *child) {
	now, peak := memoryOf(c.process.Pid)
	b.report.line("Server memory during %s: %.0f MB resident at the end, at the peak %s.", during, now,
		b.report.most("server memory, "+during, peak, 200, "%.0f MB"))
}

// logFile is where a child's log goes: it logs as it would in use, and nobody has to read along.
func (b *bench) logFile() (*os.File, error) {
	return os.CreateTemp(b.cluster.Dir(), "child-*.log")
}

// lastWords is the end of what a child wrote.
func lastWords(log *os.File) string {
	text, err := os.ReadFile(log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// finished is a run of Waybill that has come to its end: how long it took, its peak memory in MB, and what it wrote.
type finished struct {
	took time.Duration
	peak float64
	said string
}

// once runs Waybill to its end on a database.
func (b *bench) once(ctx context.Context, database string, args ...string) (finished, error) {
	log, err := b.logFile()
	if err != nil {
		return finished{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, waybillProgram, args...) //nolint:gosec // the program that is measured
	cmd.Env = b.environment(database)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, log
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return finished{}, err
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	// The peak is read while the process lives: what the system keeps after its end counts the parent's memory in.
	for peak := 0.0; ; {
		select {
		case <-tick.C:
			_, now := memoryOf(cmd.Process.Pid)
			peak = max(peak, now)
		case err := <-over:
			if err != nil {
				return finished{}, fmt.Errorf("waybill %v: %w: %s", args, err, lastWords(log))
			}
			return finished{took: time.Since(start), peak: peak, said: strings.TrimSpace(said.String())}, nil
		}
	}
}
