package feed

import (
	"context"
	"sync"

	"waybill/domain"
)

const (
	// maxQueued bounds what waits for one subscriber, in runs and in bytes: one that is slower reads the rest from the tables.
	maxQueued      = 128
	maxQueuedBytes = 1 << 20
	// page is how many items a subscriber reads at once while it catches up.
	page = 200
)

// run is a stretch of one scope, encoded: many subscribers share it.
type run struct {
	bytes []byte
	// at are the items' positions, and ends where each ends in bytes.
	at   []domain.Position
	ends []int
}

func (r *run) add(at domain.Position, encoded []byte) {
	r.bytes = append(r.bytes, encoded...)
	r.at, r.ends = append(r.at, at), append(r.ends, len(r.bytes))
}

// after is what comes after a position, and how many items that is.
func (r *run) after(cursor domain.Position) ([]byte, int) {
	for i := len(r.at) - 1; i >= 0; i-- {
		if r.at[i] <= cursor {
			return r.bytes[r.ends[i]:], len(r.at) - 1 - i
		}
	}
	return r.bytes, len(r.at)
}

func (r *run) last() domain.Position { return r.at[len(r.at)-1] }

// Subscription is one reader of a scope. Its methods are for one goroutine.
type Subscription struct {
	hub   *Hub
	scope Scope
	// cursor is the position of the last item that Next gave.
	cursor domain.Position
	wake   chan struct{}

	mu    sync.Mutex
	queue []*run
	size  int
	// behind says that the tables have what the queue has not.
	behind bool
	ended  error
}

// Batch is what a subscriber gets: encoded items, one after the other.
type Batch struct {
	Chunks [][]byte
	Items  int
	// Last is the position of the last one.
	Last domain.Position
}

// Wake is told when Next has something to give; it may be told in vain.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// Next gives what comes after what it gave before, without a gap, each item once and in order; nothing when there is nothing yet.
func (s *Subscription) Next(ctx context.Context) (Batch, error) {
	s.mu.Lock()
	if err := s.ended; err != nil {
		s.mu.Unlock()
		return Batch{}, err
	}
	behind := s.behind
	s.mu.Unlock()
	if behind {
		b, err := s.catchUp(ctx)
		if err != nil || b.Items > 0 {
			return b, err
		}
	}
	s.mu.Lock()
	queue := s.queue
	s.queue, s.size = nil, 0
	s.mu.Unlock()
	var b Batch
	for _, r := range queue {
		chunk, items := r.after(s.cursor)
		if items == 0 {
			continue
		}
		b.Chunks, b.Items, s.cursor = append(b.Chunks, chunk), b.Items+items, r.last()
	}
	b.Last = s.cursor
	return b, nil
}

// catchUp gives a page of what the tables have. Once they have nothing more that the queue has not, the queue goes on: it holds all
// that was handed over from joined on.
func (s *Subscription) catchUp(ctx context.Context) (Batch, error) {
	joined := s.join()
	items, err := s.hub.Queries.Items(ctx, s.scope, s.cursor, page)
	if err != nil {
		s.fallBehind()
		return Batch{}, err
	}
	var r run
	for _, item := range items {
		r.add(item.Position, s.hub.Encode(item))
	}
	b := Batch{Last: s.cursor}
	if len(items) > 0 {
		s.cursor = r.last()
		b = Batch{Chunks: [][]byte{r.bytes}, Items: len(items), Last: s.cursor}
	}
	if len(items) == page && s.cursor < joined {
		s.fallBehind()
	}
	return b, nil
}

func (s *Subscription) fallBehind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.size, s.behind = nil, 0, true
}

// join empties the queue and returns where it begins: whatever is handed over after that position will be in it, in order.
func (s *Subscription) join() domain.Position {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.size, s.behind = nil, 0, false
	return s.hub.at
}

// give is called by the hub, in the order of the log.
func (s *Subscription) give(r *run) {
	s.mu.Lock()
	switch {
	case s.behind:
	case len(s.queue) == maxQueued || s.size+len(r.bytes) > maxQueuedBytes && s.size > 0:
		s.queue, s.size, s.behind = nil, 0, true
	default:
		s.queue, s.size = append(s.queue, r), s.size+len(r.bytes)
	}
	s.mu.Unlock()
	s.tell()
}

func (s *Subscription) end(err error) {
	s.mu.Lock()
	s.ended = err
	s.mu.Unlock()
	s.tell()
}

func (s *Subscription) tell() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close leaves the hub. It may be called again.
func (s *Subscription) Close() { s.hub.leave(s) }
