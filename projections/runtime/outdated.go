package runtime

import (
	"sync"
	"time"
)

// takeOver is how many times to live of a lease another node may need to take a projection over.
const takeOver = 2

// outdated knows which projections this node stays out of, because their next event is one that only a newer version knows.
type outdated struct {
	grace time.Duration

	mu    sync.Mutex
	since map[string]time.Time // by name
}

// of returns what is told when this node begins and ends to stay out of a projection.
func (o *outdated) of(name string, m *metrics) func(bool) {
	gauge := m.outdated.WithLabelValues(name)
	gauge.Set(0)
	return func(out bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if out {
			o.since[name] = time.Now()
			gauge.Set(1)
		} else {
			delete(o.since, name)
			gauge.Set(0)
		}
	}
}

// Outdated reports whether a read model, by name, stands still before an event that this node does not know, and no newer
// node took over in the time that takes: what it shows may be what must not be shown any more.
func (r *Runtime) Outdated(model string) bool {
	o := &r.outdated
	o.mu.Lock()
	defer o.mu.Unlock()
	since, out := o.since[model]
	return out && time.Since(since) > o.grace
}
