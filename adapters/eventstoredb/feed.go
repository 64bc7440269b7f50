package eventstoredb

import (
	"context"
	"sync"

	"waybill/domain"
)

// Bounds of what was received and is not consumed yet; beyond them the connection's flow control holds the server back.
const (
	feedEvents = 1024
	feedBytes  = 2 << 20
)

// feed hands events from the goroutine that receives them to the one that consumes them, several at a time.
type feed struct {
	ready chan struct{} // holds a token when there is something to take
	space chan struct{} // holds a token when something was taken

	mu       sync.Mutex
	events   []domain.RecordedEvent
	bytes    int
	caughtUp bool
	ended    bool
	err      error
}

func newFeed() *feed {
	return &feed{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put waits for room; false once ctx has ended.
func (f *feed) put(ctx context.Context, e domain.RecordedEvent) bool {
	for {
		f.mu.Lock()
		if len(f.events) < feedEvents && f.bytes < feedBytes {
			f.events = append(f.events, e)
			f.bytes += len(e.Data) + len(e.Metadata)
			first := len(f.events) == 1
			f.mu.Unlock()
			if first { // of the others the consumer knows already
				signal(f.ready)
			}
			return true
		}
		f.mu.Unlock()
		select {
		case <-f.space:
		case <-ctx.Done():
			return false
		}
	}
}

// mark notes that the events so far are all there are, or that they are not any more.
func (f *feed) mark(caughtUp bool) {
	f.mu.Lock()
	f.caughtUp = caughtUp
	f.mu.Unlock()
	signal(f.ready)
}

// end says why nothing more will come; nil for the ordinary end.
func (f *feed) end(err error) {
	f.mu.Lock()
	f.ended, f.err = true, err
	f.mu.Unlock()
	signal(f.ready)
}

// taken is what a feed held.
type taken struct {
	events []domain.RecordedEvent
	// caughtUp says that the server has nothing else.
	caughtUp bool
	ended    bool
	err      error
}

// take empties the feed. The events are valid until the second take from now: reuse is the slice taken before.
func (f *feed) take(reuse []domain.RecordedEvent) taken {
	f.mu.Lock()
	t := taken{f.events, f.caughtUp, f.ended, f.err}
	clear(reuse)
	f.events, f.bytes = reuse[:0], 0
	f.mu.Unlock()
	signal(f.space)
	return t
}

// waiting is the number of events that were not taken yet.
func (f *feed) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
