package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// untilTold is a context that ends when the process is told to stop: by Ctrl-C, by kill, by the end of its terminal (HUP), by Ctrl-\
// (QUIT, after the stacks of all goroutines), or since nobody reads any more what it writes. Whatever ends it otherwise would leave the
// embedded PostgreSQL behind. Under nohup the end of the terminal is no reason.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		stops = append(stops, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, stops...)
	signal.Ignore(syscall.SIGPIPE) // a write says so, too; heard stops the process then
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		signal.Reset(syscall.SIGQUIT) // the next one ends a process that does not stop
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		told()
	}()
	return ctx, stop
}

func told() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }

// heard is a place to write to, of which the process stops in good order once nobody reads it any more.
type heard struct{ io.Writer }

// Write writes, and has the process stop when the reader has gone.
func (h heard) Write(p []byte) (int, error) {
	n, err := h.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		told()
	}
	return n, err
}
