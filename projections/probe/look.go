// Package probe tells how things are, in time, whatever hangs: who asks gets the answer, or else the last one and how old it is.
package probe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// Patience is how long somebody who asks waits for an answer: what probes and scrapes may take is a second, as a rule.
	Patience = 700 * time.Millisecond
	// bound ends a look for which nobody waits any more.
	bound = 10 * time.Second
)

// ErrSilent says that what was asked has not answered yet, and never did before.
var ErrSilent = errors.New("no answer yet")

// Look asks something of which nobody knows how long it takes, for all who want to know, one time after the other: any number of those
// who ask cost it no more than one.
type Look[T any] struct {
	ask func(context.Context) (T, error)

	mu      sync.Mutex
	running *round[T]  // nil while nobody asks
	last    *Answer[T] // the newest there is; nil for none
}

// Answer is what came of a look.
type Answer[T any] struct {
	Value T
	Err   error
	// At is when it came.
	At time.Time
	// Silent is for how long there has been no answer to the look that should have brought a newer one; 0 when this is its answer.
	Silent time.Duration
}

// Age is how old the answer is; where there never was one, for how long it has been waited for.
func (a Answer[T]) Age() time.Duration {
	if a.Silent == 0 {
		return 0
	}
	if a.At.IsZero() {
		return a.Silent
	}
	return time.Since(a.At)
}

// round is a look under way.
type round[T any] struct {
	since time.Time
	done  chan struct{} // closed once answer is there
	Answer[T]
}

// New is a look by ask, whose context ends after a while.
func New[T any](ask func(context.Context) (T, error)) *Look[T] { return &Look[T]{ask: ask} }

// Now is the answer, or the last one when it does not come in time or ctx ends. Without any, its error is ErrSilent.
func (l *Look[T]) Now(ctx context.Context) Answer[T] {
	r := l.join()
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case <-r.done:
		return r.Answer
	case <-patience.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	silent := time.Since(r.since)
	if l.last == nil {
		return Answer[T]{Err: fmt.Errorf("%w for %v", ErrSilent, silent.Round(100*time.Millisecond)), Silent: silent}
	}
	old := *l.last
	old.Silent = silent
	return old
}

// join is the look under way, which it begins when there is none.
func (l *Look[T]) join() *round[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running
	}
	r := &round[T]{since: time.Now(), done: make(chan struct{})}
	l.running = r
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		r.Value, r.Err = l.ask(ctx)
		r.At = time.Now()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running, l.last = nil, &r.Answer
		close(r.done)
	}()
	return r
}
