package storetest

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

var subscribeTests = map[string]func(*testing.T, domain.EventStore){
	"from a position, over to live": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		from := head(ctx, t, s)
		const before, during = 300, 300
		writer := &steadyWriter{store: s, stream: stream}
		writer.write(ctx, t, before)
		var writing sync.WaitGroup
		writing.Go(func() { writer.write(ctx, t, during) })
		var subscribers sync.WaitGroup
		for range 5 {
			subscribers.Go(func() {
				n := domain.Revision(0)
				for e := range only(t, s.Subscribe(ctx, from), stream) {
					if e.Revision != n {
						t.Errorf("got revision %d, want %d", e.Revision, n)
						return
					}
					if n++; n == before+during {
						return
					}
				}
				t.Errorf("ended after %d events", n)
			})
		}
		subscribers.Wait()
		writing.Wait()
	},
	"from where another stopped": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		at := head(ctx, t, s)
		const n = 200
		writer := &steadyWriter{store: s, stream: stream}
		var writing sync.WaitGroup
		writing.Go(func() { writer.write(ctx, t, n) })
		for revision := domain.Revision(0); revision < n; {
			for e := range only(t, s.Subscribe(ctx, at), stream) {
				if e.Revision != revision {
					t.Fatalf("got revision %d, want %d", e.Revision, revision)
				}
				at = e.Position
				if revision++; revision%7 == 0 || revision == n {
					break
				}
			}
			if t.Failed() {
				return
			}
		}
		writing.Wait()
	},
	"live, many writers": func(t *testing.T, s domain.EventStore) {
		ctx := testContext(t)
		from := head(ctx, t, s)
		const each = 40
		streams := make([]domain.StreamName, racers)
		for i := range streams {
			streams[i] = newStream()
		}
		var writing sync.WaitGroup
		writing.Go(func() {
			together(racers, func(i int) { (&steadyWriter{store: s, stream: streams[i]}).write(ctx, t, each) })
		})
		var subscribers sync.WaitGroup
		for range 3 {
			subscribers.Go(func() {
				next, total := map[domain.StreamName]domain.Revision{}, 0
				for e := range only(t, s.Subscribe(ctx, from), streams...) {
					if e.Revision != next[e.Stream] {
						t.Errorf("got %s@%d, want revision %d", e.Stream, e.Revision, next[e.Stream])
						return
					}
					next[e.Stream]++
					if total++; total == racers*each {
						return
					}
				}
			})
		}
		subscribers.Wait()
		writing.Wait()
	},
	"an ended context ends it": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		from := head(ctx, t, s)
		warmUp(ctx, t, s, from)
		before := storeGoroutines()
		const n = 10
		stops := make([]context.CancelFunc, n)
		seen, ended := make(chan struct{}, n), make(chan error, n)
		for i := range n {
			var own context.Context
			own, stops[i] = context.WithCancel(ctx)
			go func() {
				var last error
				for e, err := range s.Subscribe(own, from) {
					if last = err; err == nil && e.Stream == stream {
						seen <- struct{}{}
					}
				}
				ended <- last
			}()
		}
		mustAppend(ctx, t, s, stream, domain.NoStream(), newEvents(1)...)
		for range n {
			<-seen // each is past catching up, and waits
		}
		for _, stop := range stops {
			stop()
		}
		for range n {
			select {
			case err := <-ended:
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
			case <-ctx.Done():
				t.Fatal("a subscription outlived its context")
			}
		}
		for storeGoroutines() > before {
			if ctx.Err() != nil {
				t.Fatalf("%d goroutines before, %d after", before, storeGoroutines())
			}
			time.Sleep(time.Millisecond)
		}
	},
}

// warmUp has a store start what it starts at the first subscription.
func warmUp(ctx context.Context, t *testing.T, s domain.EventStore, from domain.Position) {
	t.Helper()
	mustAppend(ctx, t, s, newStream(), domain.NoStream(), newEvents(1)...)
	next, stop := iter.Pull2(s.Subscribe(ctx, from))
	defer stop()
	if _, err, ok := next(); err != nil || !ok {
		t.Fatal(err, ok)
	}
}

// storeGoroutines counts goroutines that are inside a subscription or a read.
func storeGoroutines() int {
	buf := make([]byte, 4<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	n := 0
	for _, g := range strings.Split(stacks, "\n\n") {
		if strings.Contains(g, ").Subscribe") || strings.Contains(g, ").ReadAll") || strings.Contains(g, ").read") {
			n++
		}
	}
	return n
}

// steadyWriter appends single events to one stream, with the retries the port asks for.
type steadyWriter struct {
	store  domain.EventStore
	stream domain.StreamName
	ids    []uuid.UUID // of what was acknowledged
}

func (w *steadyWriter) write(ctx context.Context, t *testing.T, n int) {
	for range n {
		expected := domain.NoStream()
		if len(w.ids) > 0 {
			expected = domain.Exactly(domain.Revision(len(w.ids) - 1)) //nolint:gosec // above zero
		}
		events := newEvents(1)
		for {
			result, err := w.store.Append(ctx, w.stream, expected, events)
			if err == nil {
				if result.Revision != domain.Revision(len(w.ids)) {
					t.Errorf("got revision %d, want %d", result.Revision, len(w.ids))
				}
				break
			}
			if !errors.Is(err, domain.ErrOutcomeUnknown) && !errors.Is(err, domain.ErrUnavailable) || ctx.Err() != nil {
				t.Error(err)
				return
			}
		}
		w.ids = append(w.ids, events[0].ID)
	}
}
