package storetest

import (
	"errors"
	"sync"
	"testing"

	"waybill/domain"
)

// The store goes away and comes back: what was acknowledged is there once, and nothing else but errors that say so.
var interruptTests = map[string]func(*testing.T, domain.EventStore, func(*testing.T)){
	"writers and subscribers": func(t *testing.T, s domain.EventStore, interrupt func(*testing.T)) {
		ctx := testContext(t)
		from := head(ctx, t, s)
		const writers, each, interruptions = racers, 50, 10
		all := make([]*steadyWriter, writers)
		mine := map[domain.StreamName]bool{}
		for i := range all {
			all[i] = &steadyWriter{store: s, stream: newStream()}
			mine[all[i].stream] = true
		}
		var background sync.WaitGroup
		background.Go(func() {
			together(writers, func(i int) { all[i].write(ctx, t, each) })
		})
		background.Go(func() {
			next, total := map[domain.StreamName]domain.Revision{}, 0
			for at := from; total < writers*each && ctx.Err() == nil && !t.Failed(); {
				for e, err := range s.Subscribe(ctx, at) {
					if err != nil {
						if !errors.Is(err, domain.ErrUnavailable) {
							t.Errorf("the subscription ended with %v", err)
						}
						break
					}
					at = e.Position
					if !mine[e.Stream] {
						continue
					}
					if e.Revision != next[e.Stream] {
						t.Errorf("got %s@%d, want revision %d", e.Stream, e.Revision, next[e.Stream])
						return
					}
					next[e.Stream]++
					if total++; total == writers*each {
						break
					}
				}
			}
		})
		for range interruptions {
			interrupt(t)
		}
		background.Wait()
		for _, w := range all {
			got := readStream(ctx, t, s, w.stream)
			if len(got) != len(w.ids) {
				t.Fatalf("%d events in a stream, %d were acknowledged", len(got), len(w.ids))
			}
			for i, id := range w.ids {
				if got[i].ID != id {
					t.Fatalf("event %d is %s, acknowledged was %s", i, got[i].ID, id)
				}
			}
		}
	},
	"an idle store": func(t *testing.T, s domain.EventStore, interrupt func(*testing.T)) {
		ctx := testContext(t)
		w := &steadyWriter{store: s, stream: newStream()}
		for range 5 {
			w.write(ctx, t, 1)
			interrupt(t)
			w.write(ctx, t, 1)
		}
		if n := len(readStream(ctx, t, s, w.stream)); n != 10 {
			t.Errorf("%d events in the stream", n)
		}
	},
}
