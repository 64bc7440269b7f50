package runtime

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// older is the vocabulary of a binary from before products were pinned and before anything was booked.
func older() Vocabulary {
	v := KnownVocabulary()
	v.Types = maps.Clone(v.Types)
	delete(v.Types, product.Pinned{}.EventType())
	for name := range booking.Types {
		delete(v.Types, name)
	}
	v.Categories = slices.DeleteFunc(slices.Clone(v.Categories), func(c string) bool { return c == booking.Category })
	return v
}

// forget has the database as only binaries of a vocabulary left it.
func (w *world) forget(v Vocabulary) {
	w.t.Helper()
	w.exec(`DELETE FROM projections.vocabulary`)
	w.record(v)
}

func (w *world) record(v Vocabulary) {
	w.t.Helper()
	if err := pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error { return v.record(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// node is a node of a binary with a vocabulary; its model and its reaction know just that.
type node struct {
	*Runtime
	w        *world
	registry *prometheus.Registry
}

func (w *world) node(v Vocabulary, o *outside, reactions ...Reaction) node {
	w.t.Helper()
	n := node{w: w, registry: prometheus.NewRegistry()}
	model := w.model
	model.Applies = slices.DeleteFunc(slices.Clone(model.Applies), func(name string) bool { return v.Types[name] == nil })
	n.Runtime = w.start(func(c *Config) {
		c.LeaseTTL = time.Second // nobody takes over for a while
		c.Models, c.Vocabulary, c.Registerer = []projections.ReadModel{model}, v, n.registry
		if c.Reactions = reactions; reactions == nil {
			c.Reactions = []Reaction{o.tell(FromStart)}
		}
	})
	return n
}

// outdated is the metric of a projection.
func (n node) outdated(name string) bool {
	n.w.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "waybill_projection_outdated" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == name {
				return m.GetGauge().GetValue() == 1
			}
		}
	}
	n.w.t.Fatal("no metric of " + name)
	return false
}

func (n node) staysOut() {
	n.w.t.Helper()
	n.w.eventually("the old node staying out", func() bool { return n.outdated("tally") && n.outdated("tell") })
}

// positions are those of the model and the reaction in the database.
func (w *world) positions() [2]domain.Position {
	w.t.Helper()
	return [2]domain.Position{w.place(w.model.Schema), w.place("reaction_tell")}
}

// Nodes of two versions work side by side: the old one never moves a checkpoint past an event that it does not know, parks
// nothing for it, and leaves it to the new one, whichever was there first.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	for name, unknown := range map[string]func(*world) domain.AppendResult{
		"an event type": func(w *world) domain.AppendResult {
			return w.append(someProduct(), product.Listed{}, product.Pinned{})
		},
		"a category of streams": func(w *world) domain.AppendResult {
			return w.append(domain.Stream(booking.Category, uuid.New()), booking.Requested{ProductID: uuid.New()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.forget(older())
			o := newOutside()
			old := w.node(older(), o)
			w.append(someProduct(), product.Listed{})
			w.caughtUp(old.Runtime)

			// Upgrade: the new binary is there, and writes.
			w.record(KnownVocabulary())
			known := w.append(someProduct(), product.Listed{}).Position
			at := unknown(w)
			w.append(someProduct(), product.Listed{}) // behind it
			old.staysOut()
			if got := w.positions(); got[0] >= at.Position || got[1] >= at.Position {
				t.Fatalf("an old node moved checkpoints to %v, past the unknown event at %d", got, at.Position)
			}
			w.eventually("the old node to say that it shows what is old", func() bool { return old.Outdated("tally") })
			w.eventually("the old node has applied what comes before", func() bool { return w.place(w.model.Schema) >= known })
			newer := w.node(KnownVocabulary(), o)
			w.equalsFold(newer.Runtime)
			w.eventually("the new node's reaction at the head", func() bool { return w.place("reaction_tell") == w.head() })
			w.eventually("the old node queueing again", func() bool { return !old.outdated("tally") && !old.outdated("tell") })
			if old.Outdated("tally") {
				t.Error("the old node still says that it shows what is old")
			}

			// Downgrade: the old one is left alone, and takes over what it can read.
			w.close(newer.Runtime)
			w.append(someProduct(), product.Listed{})
			w.equalsFold(old.Runtime)
			at = unknown(w)
			w.append(someProduct(), product.Listed{})
			old.staysOut()
			if got := w.positions(); got[0] >= at.Position || got[1] >= at.Position {
				t.Fatalf("an old node moved checkpoints to %v, past the unknown event at %d", got, at.Position)
			}

			// And up again.
			newer = w.node(KnownVocabulary(), o)
			w.equalsFold(newer.Runtime)
			w.eventually("the new node's reaction at the head", func() bool { return w.place("reaction_tell") == w.head() })
			var listed int
			for e, err := range w.store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Type == (product.Listed{}).EventType() {
					listed++
				}
			}
			w.eventually("all told of", func() bool { return len(o.delivered()) == 2*listed })
			if n := w.letters(); n != 0 {
				t.Errorf("%d dead letters, want 0", n)
			}
		})
	}
}

// Both must be known: a newer version may use an old type in streams of a new category.
func TestWhatIsWanted(t *testing.T) {
	t.Parallel()
	r := newReader(KnownVocabulary(), []string{product.Listed{}.EventType()})
	for _, c := range []struct {
		category, name string
		wanted, known  bool
	}{
		{product.Category, product.Listed{}.EventType(), true, true},
		{product.Category, product.Pinned{}.EventType(), false, true},
		{product.Category, "product-painted.v1", false, false},
		{"shipment", product.Listed{}.EventType(), false, false},
		{"shipment", product.Pinned{}.EventType(), false, false},
	} {
		var unknown *UnknownEventError
		wanted, err := r.wants(domain.RecordedEvent{Stream: domain.Stream(c.category, uuid.New()), Type: c.name})
		if wanted != c.wanted || errors.As(err, &unknown) == c.known {
			t.Errorf("%s in %s: %v, %v", c.name, c.category, wanted, err)
		}
	}
}

// An old binary must not rebuild what it cannot read.
func TestRebuildNeedsToKnowTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	w.append(domain.Stream("shipment", uuid.New()), renamed{product.Listed{}, "shipment-sent.v1"})
	w.append(someProduct(), product.Listed{})
	_, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil)
	if !isUnknown(err) {
		t.Errorf("rebuild: %v, want an UnknownEventError", err)
	}
	w.exec(`UPDATE projections.checkpoints SET position = $1`, w.head()) // where a newer binary would have come to
	if _, err := Compare(t.Context(), w.pool, w.store, w.model); !isUnknown(err) {
		t.Errorf("compare: %v, want an UnknownEventError", err)
	}
}

// renamed is an event under another stored name.
type renamed struct {
	domain.Event
	name string
}

func (r renamed) EventType() string { return r.name }

// Several logs share a server, one of them without a prefix: nobody sees, parks or waits for anything of another's.
func TestForeignStreamsArePassedOver(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	open := func(prefix string) domain.EventStore {
		store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString(), Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	var worlds []*world
	for _, prefix := range []string{"", "wb", "wbx"} { // each begins with the one before
		w := newWorld(t)
		w.store = open(prefix)
		worlds = append(worlds, w)
	}
	var nodes []*Runtime
	for round := range 3 {
		for i, w := range worlds {
			stream := someProduct()
			w.append(stream, product.Listed{}, product.Pinned{})
			w.append(domain.Stream(provider.Category, uuid.New()), provider.Suspended{Reason: "x"})
			w.append(domain.Stream("shipment", uuid.New()), renamed{product.Listed{}, "shipment-sent.v1"}) // of somebody else's
			if round == 0 && i == len(worlds)-1 {
				for _, w := range worlds {
					nodes = append(nodes, w.startWith(newOutside().tell(FromNow)))
				}
			}
		}
	}
	for i, w := range worlds {
		want := map[domain.StreamName]tallied{}
		for _, r := range worlds[i].ownEvents() {
			want[r.Stream] = tallied{want[r.Stream].Events + 1, int64(r.Revision)}
		}
		w.eventually("the read model of one log", func() bool { return maps.Equal(w.tallies(), want) })
		status, err := nodes[i].Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.eventually("no lag", func() bool {
			status, err = nodes[i].Status(t.Context())
			return err == nil && status[0].LagEvents == 0
		})
		for _, s := range status {
			if s.Parked > 0 || nodes[i].names[w.model.Schema] == s.Name && s.Position != s.Head {
				t.Errorf("status %+v", s)
			}
		}
		found, err := Compare(t.Context(), w.pool, w.store, w.model)
		if err != nil || len(found.Differences) > 0 || found.Applied != 9 {
			t.Errorf("compare: %+v, %v", found, err)
		}
		if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
			t.Errorf("rebuild: %v", err)
		}
		if got := w.tallies(); !maps.Equal(got, want) {
			t.Errorf("after the rebuild %v, want %v", got, want)
		}
	}
}

// ownEvents are those of the tally that this world's own appends made.
func (w *world) ownEvents() (all []domain.RecordedEvent) {
	w.t.Helper()
	for _, category := range []string{product.Category, provider.Category} {
		for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
			if err != nil {
				w.t.Fatal(err)
			}
			if e.Stream.Category() == category {
				all = append(all, e)
			}
		}
	}
	return all
}

// A category that a newer version recorded while an old node's subscription leaves its events out: the old node notices
// before it moves past the first of them.
func TestRollingUpgradeOnASharedServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := esdbtest.Start(t)
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w.store = store
	w.forget(older())
	o := newOutside()
	old := w.node(older(), o)
	w.append(domain.Stream(booking.Category, uuid.New()), booking.Requested{ProductID: uuid.New()}) // somebody else's so far
	w.append(someProduct(), product.Listed{})
	w.eventually("the old node past what is not ours", func() bool { return w.place(w.model.Schema) > 0 && len(w.tallies()) == 1 })

	w.record(KnownVocabulary())
	at := w.append(domain.Stream(booking.Category, uuid.New()), booking.Requested{ProductID: uuid.New()}).Position
	w.append(someProduct(), product.Listed{})
	old.staysOut()
	if got := w.positions(); got[0] >= at || got[1] >= at {
		t.Fatalf("an old node moved checkpoints to %v, past the unknown event at %d", got, at)
	}
	newer := w.node(KnownVocabulary(), o)
	w.equalsFold(newer.Runtime)
}

func isUnknown(err error) bool {
	var unknown *UnknownEventError
	return errors.As(err, &unknown) && unknown.Event.Type == "shipment-sent.v1"
}
