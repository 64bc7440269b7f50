package logcopy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"waybill/domain"
)

// copySide is one of the two stores of a copy.
type copySide struct {
	store domain.EventStore
	role  string // "source" or "target", for messages
}

// head is the position of the newest event, or 0.
func (c *copier) head(ctx context.Context, side copySide) (domain.Position, error) {
	wait := c.waiting(side)
	for {
		var head domain.Position
		var err error
		for e, readErr := range side.store.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
			head, err = e.Position, readErr
		}
		if err == nil {
			wait.over()
			return head, nil
		}
		if err = wait.again(ctx, err); err != nil {
			return 0, err
		}
	}
}

// events yields the events after a position up to the end of the log. While the store is away it waits.
func (c *copier) events(ctx context.Context, side copySide, after domain.Position) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		after, wait := after, c.waiting(side)
		for {
			var err error
			for e, readErr := range side.store.ReadAll(ctx, after, domain.Forward, domain.NoLimit) {
				if err = readErr; err != nil {
					break
				}
				wait.over()
				if !yield(e, nil) {
					return
				}
				after = e.Position
			}
			if err == nil {
				wait.over()
				return
			}
			if err = wait.again(ctx, err); err != nil {
				yield(domain.RecordedEvent{}, fmt.Errorf("read the %s: %w", side.role, err))
				return
			}
		}
	}
}

// reader reads a log ahead of its user, in chunks: at most one waits and one is being filled.
type reader struct {
	chunks  chan []domain.RecordedEvent
	cancel  context.CancelFunc
	err     error // set before chunks is closed
	current []domain.RecordedEvent
}

// reader starts reading after a position. The caller closes it.
func (c *copier) reader(ctx context.Context, side copySide, after domain.Position) *reader {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{chunks: make(chan []domain.RecordedEvent, 1), cancel: cancel}
	go func() {
		defer close(r.chunks)
		r.err = c.fill(ctx, r.chunks, c.events(ctx, side, after))
	}()
	return r
}

func (c *copier) fill(ctx context.Context, chunks chan<- []domain.RecordedEvent, events iter.Seq2[domain.RecordedEvent, error]) error {
	var chunk []domain.RecordedEvent
	size := 0
	send := func() error {
		select {
		case chunks <- chunk:
			chunk, size = make([]domain.RecordedEvent, 0, len(chunk)), 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for e, err := range events {
		if err == nil {
			err = fits(e)
		}
		if err != nil {
			return err
		}
		bytes := eventBytes(e)
		if len(chunk) > 0 && (len(chunk) == c.chunkEvents || size+bytes > c.chunkBytes) {
			if err := send(); err != nil {
				return err
			}
		}
		chunk, size = append(chunk, e), size+bytes
	}
	if len(chunk) == 0 {
		return nil
	}
	return send()
}

// fits returns an error for an event that no store takes.
func fits(e domain.RecordedEvent) error {
	if err := e.Fits(); err != nil {
		return fmt.Errorf("%s@%d at position %d cannot be copied: %w", e.Stream, e.Revision, e.Position, err)
	}
	return nil
}

// eventBytes is what an event takes of an append, names and envelope included; a name may be held as UTF-16.
func eventBytes(e domain.RecordedEvent) int {
	const envelope = 64
	return len(e.Data) + len(e.Metadata) + 2*len(e.Type) + envelope
}

// next returns the next chunk; an empty one is the end.
func (r *reader) next() ([]domain.RecordedEvent, error) {
	chunk, ok := <-r.chunks
	if !ok {
		return nil, r.err
	}
	return chunk, nil
}

// event returns the next event; nil is the end.
func (r *reader) event() (*domain.RecordedEvent, error) {
	if len(r.current) == 0 {
		chunk, err := r.next()
		if len(chunk) == 0 {
			return nil, err
		}
		r.current = chunk
	}
	e := &r.current[0]
	r.current = r.current[1:]
	return e, nil
}

// close returns when the reading has ended: its store may be closed next.
func (r *reader) close() {
	r.cancel()
	for range r.chunks {
	}
}

// wait is the patience with a store that is away.
type wait struct {
	side     copySide
	patience time.Duration
	note     func(string, ...any)
	since    time.Time // zero while the store answers
	pause    time.Duration
}

// Pauses between tries double from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (c *copier) waiting(side copySide) *wait {
	return &wait{side: side, patience: c.patience, note: c.progress.Note}
}

// again returns nil when it is time to try again, or why it should not be tried.
func (w *wait) again(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !passes(err):
		return err
	case w.since.IsZero():
		w.since, w.pause = time.Now(), firstPause
		w.note("the %s does not answer; trying again for %s: %v", w.side.role, w.patience, err)
	case time.Since(w.since) > w.patience:
		return fmt.Errorf("the %s has not answered for %s: %w", w.side.role, w.patience, err)
	}
	select {
	case <-time.After(w.pause/2 + rand.N(w.pause/2)): //nolint:gosec // jitter
	case <-ctx.Done():
		return ctx.Err()
	}
	w.pause = min(2*w.pause, lastPause)
	return nil
}

// passes reports whether a failure may be over a moment later. A deadline was not the copy's own: that has none.
func passes(err error) bool {
	if errors.Is(err, domain.ErrRefused) || err != nil && strings.Contains(err.Error(), "x509: ") {
		return false // somebody has to do something about it
	}
	return errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded)
}

// over says that the store answered.
func (w *wait) over() {
	if !w.since.IsZero() {
		w.note("the %s answers again after %s", w.side.role, time.Since(w.since).Round(time.Millisecond))
		w.since = time.Time{}
	}
}
