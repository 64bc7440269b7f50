package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"

	"waybill/cmd/config"
)

// signalled is why a command's context ended: somebody pressed Ctrl-C, or a service manager said stop.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string { return s.signal.String() }

// code is what a shell says of a process that the signal ended.
func (s signalled) code() int { return 128 + int(s.signal) }

// untilSignalled is a context that ends when the process is told to stop: by Ctrl-C, by kill, by the end of its terminal (HUP), by Ctrl-\
// (QUIT, after the stacks of all goroutines), or since nobody reads any more what it writes. Whatever ends it otherwise would leave the
// embedded PostgreSQL behind. From then on a second signal ends the process at once. Under nohup the end of the terminal is no reason.
func untilSignalled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		stops = append(stops, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stops...)
	signal.Ignore(syscall.SIGPIPE) // a write says so, too; heard stops the process then
	go func() {
		var got os.Signal
		select {
		case got = <-signals:
		case <-unheard:
			got = syscall.SIGPIPE
		}
		signal.Stop(signals)
		if got == syscall.SIGQUIT {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		}
		number, _ := got.(syscall.Signal)
		cancel(signalled{number})
	}()
	return ctx
}

// unheard is closed when nobody reads any more what the process writes.
var (
	unheard  = make(chan struct{})
	goUnread = sync.OnceFunc(func() { close(unheard) })
)

// heard is a place to write to, of which the process stops in good order once nobody reads it any more.
type heard struct{ io.Writer }

// Write writes, and has the process stop when the reader has gone.
func (h heard) Write(p []byte) (int, error) {
	n, err := h.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		goUnread()
	}
	return n, err
}

// failed says on stderr what has failed, and returns what the process ends with. Whoever closed the pipe has what it wanted.
func failed(ctx context.Context, err error) (code int) {
	select {
	case <-unheard:
		return signalled{syscall.SIGPIPE}.code()
	default:
	}
	fmt.Fprintln(&terminal{to: os.Stderr}, "waybill:", config.Without(err))
	var by signalled
	if errors.As(context.Cause(ctx), &by) {
		return by.code()
	}
	return 1
}
