package runtime

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// saveLog keeps the log as it is; restoreLog puts it back to that, as pg_restore does with its schema alone.
func (w *world) saveLog() { w.exec(`CREATE TABLE saved_events AS TABLE eventstore.events`) }

func (w *world) restoreLog() {
	w.exec(`BEGIN; TRUNCATE eventstore.events; INSERT INTO eventstore.events SELECT * FROM saved_events; COMMIT`)
}

// saveModel and restoreModel are the same for what was made of the log.
func (w *world) saveModel() {
	w.exec(`CREATE TABLE saved_tallies AS TABLE tally_v1.tallies; CREATE TABLE saved_checkpoints AS TABLE projections.checkpoints`)
}

func (w *world) restoreModel() {
	w.exec(`BEGIN; TRUNCATE tally_v1.tallies, projections.checkpoints; INSERT INTO tally_v1.tallies SELECT * FROM saved_tallies;
		INSERT INTO projections.checkpoints SELECT * FROM saved_checkpoints; COMMIT`)
}

func (w *world) statusOf(r *Runtime) Status {
	w.t.Helper()
	all, err := r.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0]
}

// TestALogThatGoesBackUnderNodes: only the log is put back, and goes on with other events, also beyond where it was. Nothing of them is
// applied to what was made of the old ones, every node says so, and no reader is let past; until the read model was built anew, when all
// go on by themselves.
func TestALogThatGoesBackUnderNodes(t *testing.T) {
	t.Parallel()
	for name, grown := range map[string]int{"shorter": 2, "as long": 10, "longer": 30, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if name != "empty" {
				w.append(someProduct(), product.Listed{})
			}
			w.saveLog()
			var said bytes.Buffer
			var saying sync.Mutex
			log := slog.New(slog.NewTextHandler(lockedWriter{&saying, &said}, nil))
			registry := prometheus.NewRegistry()
			nodes := []*Runtime{
				w.start(func(c *Config) { c.Logger, c.Registerer, c.MaxWait = log, registry, DefaultMaxWait }),
				w.start(func(c *Config) { c.Owner, c.MaxWait = "other", DefaultMaxWait }),
			}
			for range 10 {
				w.append(someProduct(), product.Listed{})
			}
			for _, n := range nodes {
				w.caughtUp(n)
			}
			before := w.tallies()

			w.restoreLog()
			at := domain.Position(1)
			for range grown {
				at = w.append(someProduct(), product.Listed{}).Position
			}
			for _, n := range nodes {
				if err := n.Recheck(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := n.Positions().Wait(t.Context(), "tally", at); !errors.Is(err, ErrLogChanged) {
					t.Errorf("the first reader: %v", err)
				}
				w.eventually("the node says so", func() bool { return w.statusOf(n).AnotherLog })
				if s := w.statusOf(n); s.Lag <= 0 || s.LagEvents == 0 || !n.AnotherLog("tally") || n.TimesExchanged("tally") != 1 {
					t.Errorf("%+v", s)
				}
				if err := n.Positions().Wait(t.Context(), "tally", at); !errors.Is(err, ErrLogChanged) {
					t.Errorf("a reader: %v", err)
				}
			}
			if value := gauge(t, registry, "waybill_projection_another_log"); value != 1 {
				t.Errorf("the metric is %v", value)
			}
			for range 5 {
				w.append(someProduct(), product.Listed{})
				time.Sleep(30 * time.Millisecond) // in which a projector would apply it
			}
			if now := w.tallies(); !maps.Equal(now, before) {
				t.Errorf("something was applied: %v, and before %v", now, before)
			}
			if ok, err := UpToDate(t.Context(), w.pool, w.store, w.model, func(projections.Querier) error { return nil }); ok || err != nil {
				t.Errorf("up to date: %v, %v", ok, err)
			}
			if _, err := Compare(t.Context(), w.pool, w.store, w.model); !errors.Is(err, ErrAnotherLog) {
				t.Errorf("compare: %v", err)
			}

			if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
				t.Fatal(err)
			}
			for _, n := range nodes {
				w.eventually("the node goes on", func() bool { return !n.AnotherLog("tally") })
				at := w.append(someProduct(), product.Listed{}).Position
				w.eventually("what is written is shown", func() bool { return n.Positions().Wait(t.Context(), "tally", at) == nil })
				w.equalsFold(n)
				if s := w.statusOf(n); s.AnotherLog {
					t.Errorf("%+v", s)
				}
			}
			saying.Lock()
			defer saying.Unlock()
			if text := said.String(); !strings.Contains(text, "waybill rebuild all") || strings.Count(text, "was put back or exchanged") != 1 ||
				strings.Count(text, "stands still") > 1 {
				t.Errorf("the log:\n%s", text)
			}
		})
	}
}

// TestTheRightLogIsBack: nothing has to be built anew when it was only for a moment that another log was there.
func TestTheRightLogIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.start(nil)
	w.append(someProduct(), product.Listed{})
	w.append(someProduct(), product.Listed{})
	w.caughtUp(n)
	w.saveLog()
	w.exec(`DELETE FROM eventstore.events WHERE position = 2`)
	w.eventually("the node says so", func() bool { return n.AnotherLog("tally") })
	w.restoreLog()
	w.eventually("the node goes on", func() bool { return !n.AnotherLog("tally") })
	w.append(someProduct(), product.Listed{})
	w.equalsFold(n)
}

// TestADatabaseThatGoesBackUnderNodes: the log and what was made of it are put back together. Both fit, and only what the nodes have in
// mind does not: what is written then is shown to whoever waits for it, on every node, and no sooner is anything else.
func TestADatabaseThatGoesBackUnderNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nodes := []*Runtime{w.start(nil), w.start(func(c *Config) { c.Owner = "other" })}
	w.append(someProduct(), product.Listed{})
	w.caughtUp(nodes[0])
	w.saveLog()
	w.saveModel()
	for range 20 {
		w.append(someProduct(), product.Listed{})
	}
	for _, n := range nodes {
		w.caughtUp(n)
	}
	w.restoreLog()
	w.restoreModel()
	for range 5 {
		for _, n := range nodes {
			stream := someProduct()
			at := w.append(stream, product.Listed{}).Position
			if err := n.Recheck(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := n.Positions().Wait(t.Context(), "tally", at); err != nil {
				t.Fatal(err)
			}
			if w.tallies()[stream].Events != 1 {
				t.Fatalf("position %d is not shown", at)
			}
		}
	}
	for _, n := range nodes {
		w.equalsFold(n)
		if n.TimesExchanged("tally") != 0 {
			t.Error("it is taken for another log")
		}
	}
}

// TestALogThatGoesBackUnderARebuild: what was read of the one log is not put together with what is of the other.
func TestALogThatGoesBackUnderARebuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		w.append(someProduct(), product.Listed{})
	}
	once := sync.OnceFunc(func() {
		w.exec(`DELETE FROM eventstore.events WHERE position > 10`)
		for range 20 {
			w.append(someProduct(), product.Listed{})
		}
	})
	_, err := Rebuild(t.Context(), w.pool, w.store, w.model, func(p Progress) {
		if p.Passed > 0 { // of the one log
			once()
		}
	})
	if !errors.Is(err, domain.ErrWentBack) {
		t.Errorf("rebuild: %v", err)
	}
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Error(err)
	}
	w.equalsFold(w.start(nil))
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

// gauge is the value of the first figure of a name.
func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
