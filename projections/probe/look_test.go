package probe

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// slow is something that is asked, and answers when it is let.
type slow struct {
	asked atomic.Int64
	gate  atomic.Pointer[chan struct{}]
}

func (s *slow) hang() (let func()) {
	gate := make(chan struct{})
	s.gate.Store(&gate)
	return sync.OnceFunc(func() {
		s.gate.Store(nil)
		close(gate)
	})
}

func (s *slow) ask(context.Context) (int64, error) {
	n := s.asked.Add(1)
	if gate := s.gate.Load(); gate != nil {
		<-*gate // heeding nobody
	}
	if n == 1 {
		return n, errors.New("the first never works")
	}
	return n, nil
}

// However many ask, it is asked once at a time; meanwhile they get the last answer.
func TestLook(t *testing.T) {
	t.Parallel()
	var s slow
	let := s.hang()
	defer func() { let() }()
	l := New(s.ask)
	if a := l.Now(t.Context()); !errors.Is(a.Err, ErrSilent) || a.Silent < Patience || a.Age() != a.Silent {
		t.Errorf("before any answer: %+v", a)
	}
	let()
	for l.Now(t.Context()).Err != nil {
	}
	if a := l.Now(t.Context()); a.Err != nil || a.Silent != 0 || a.Age() != 0 {
		t.Errorf("with nothing in the way: %+v", a)
	}
	let = s.hang()
	before := s.asked.Load()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if a := l.Now(t.Context()); a.Err != nil || a.Value == 0 || a.Value > before || a.Silent < Patience || a.Age() < a.Silent/2 {
				t.Errorf("while it hangs: %+v", a)
			}
		})
	}
	all.Wait()
	if n := s.asked.Load() - before; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if a := l.Now(gone); a.Err != nil || a.Value != before {
		t.Errorf("for one who has gone: %+v", a)
	}
	let()
	for l.Now(t.Context()).Silent > 0 {
	}
}

// hanging is a collector that hangs.
type hanging struct{ slow *slow }

var described = prometheus.NewDesc("asked", "How often.", nil, nil)

func (hanging) Describe(out chan<- *prometheus.Desc) { out <- described }

func (h hanging) Collect(out chan<- prometheus.Metric) {
	n, _ := h.slow.ask(context.Background())
	out <- prometheus.MustNewConstMetric(described, prometheus.GaugeValue, float64(n))
}

// A scrape has what does not hang, and of what hangs the last figures.
func TestCollectorInTime(t *testing.T) {
	t.Parallel()
	var s slow
	registry := prometheus.NewRegistry()
	registry.MustRegister(InTime(hanging{&s}), prometheus.NewGauge(prometheus.GaugeOpts{Name: "other"}))
	figures := func() map[string]float64 {
		t.Helper()
		all, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]float64{}
		for _, f := range all {
			found[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		return found
	}
	let := s.hang()
	defer func() { let() }()
	if got := figures(); len(got) != 1 {
		t.Errorf("with none yet: %v", got)
	}
	let()
	for len(figures()) != 2 {
	}
	last := figures()["asked"]
	let = s.hang()
	for range 2 {
		if got := figures(); len(got) != 2 || got["asked"] != last {
			t.Errorf("while it hangs: %v, want %v", got, last)
		}
	}
	if n := s.asked.Load(); n != int64(last)+1 {
		t.Errorf("asked %d times, want %d", n, int64(last)+1)
	}
}
