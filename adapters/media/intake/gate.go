package intake

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
)

// gate lets decodes in while their memory fits into a budget. They leave large images to the garbage collector, which may let
// the heap grow to several times its size first; so the gate keeps count of what they leave, and has it run when that is more
// than a quarter of the budget, or in the way.
type gate struct {
	room   *semaphore.Weighted
	budget int64
	// share is the least that a decode counts, so that only so many run at once.
	share int64

	mu            sync.Mutex
	used, garbage int64
}

func newGate(budget int64, decodes int) *gate {
	return &gate{room: semaphore.NewWeighted(budget), budget: budget, share: budget / int64(decodes)}
}

// enter waits for room for so many bytes, at most the budget. The caller leaves when nothing refers to them any more.
func (g *gate) enter(ctx context.Context, memory int64) (leave func(), err error) {
	weight := max(memory, g.share)
	if err := g.room.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used += memory
	if g.used+g.garbage > g.budget {
		g.collect()
	}
	return func() {
		g.mu.Lock()
		g.used -= memory
		g.mu.Unlock()
		g.waste(memory)
		g.room.Release(weight)
	}, nil
}

// waste counts bytes that nothing refers to any more.
func (g *gate) waste(memory int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.garbage += memory; g.garbage > g.budget/4 {
		g.collect()
	}
}

// collect costs milliseconds, where decoding a quarter of the budget took hundreds.
func (g *gate) collect() {
	runtime.GC()
	g.garbage = 0
}
