package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/events"
	"waybill/domain/operation"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/storetest"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

// target is the tally, to be driven by hand, and a batch of everything in the log.
func (w *world) target() (target, batch) {
	w.t.Helper()
	var b batch
	t := newTarget(w.pool, w.model, w.model.Schema, KnownVocabulary())
	for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if err := b.add(t.reader, e); err != nil {
			w.t.Fatal(err)
		}
	}
	return t, b
}

// claim takes the lease, by force if need be, and the checkpoint under a new epoch.
func (w *world) claim(holder string) checkpoint {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), `DELETE FROM projections.leases`); err != nil {
		w.t.Fatal(err)
	}
	l := w.lease(holder, time.Minute)
	if taken, err := l.take(w.t.Context(), new(rival)); !taken || err != nil {
		w.t.Fatal("take:", taken, err)
	}
	at, err := l.claim(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

func TestRedeliveredEventsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.append(someProduct(), product.Listed{}, product.Pinned{}, product.Unlisted{})
	}
	target, all := w.target()
	at := w.claim("a")
	part := batch{events: all.events[:7], last: all.events[6].Position}
	// As after a crash between the commit and the ack: what is known is older than the checkpoint, and all comes again.
	for _, b := range []batch{part, all, all, part} {
		if _, _, err := target.apply(t.Context(), at, b); err != nil {
			t.Fatal(err)
		}
	}
	if want, got := w.fold(), w.tallies(); !maps.Equal(want, got) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestOldEpochIsFencedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	target, all := w.target()
	old := w.claim("frozen")
	now := w.claim("successor")
	if _, _, err := target.apply(t.Context(), old, all); !errors.Is(err, errFenced) {
		t.Fatalf("a batch under an old epoch: %v, want errFenced", err)
	}
	if n := len(w.tallies()); n != 0 {
		t.Fatalf("%d rows from an old epoch", n)
	}
	if _, _, err := target.apply(t.Context(), now, all); err != nil {
		t.Fatal(err)
	}
	// The database lost its last transactions: whoever thinks he is further must go back, not leave a gap.
	now.position = all.last + 10
	if _, _, err := target.apply(t.Context(), now, batch{last: all.last + 11}); !errors.Is(err, errFenced) {
		t.Fatalf("a batch after a position that the database lost: %v, want errFenced", err)
	}
	if _, err := w.lease("frozen", time.Minute).claim(t.Context()); !errors.Is(err, errLeaseLost) {
		t.Fatalf("a claim without the lease: %v, want errLeaseLost", err)
	}
}

func TestConnectionsAreCutUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(func(c *Config) { c.LeaseTTL = time.Second })
	var others sync.WaitGroup
	var written atomic.Int64
	// A flag and not the context: an append that is given up may still be committed, after the log was compared.
	var stop atomic.Bool
	for range 3 {
		others.Go(func() {
			stream := someProduct()
			for !stop.Load() {
				if _, err := storetest.AppendToEnd(t.Context(), w.store, stream, runtimetest.Events(product.Listed{}, product.Pinned{})); err == nil {
					written.Add(2)
				}
			}
		})
	}
	for range 8 {
		before := written.Load()
		w.eventually("more events", func() bool { return written.Load() > before+50 })
		_, err := w.pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Log("cutting:", err) // our own connection may have been cut before
		}
	}
	stop.Store(true)
	others.Wait()
	w.pool.Reset() // of the idle connections, some were cut
	w.eventually("a connection", func() bool { return w.pool.Ping(t.Context()) == nil })
	w.equalsFold(r)
}

func TestPoisonParksItsStreamOnly(t *testing.T) {
	t.Parallel()
	for _, poison := range []string{"poison", "panic"} {
		t.Run(poison, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			bad, good := domain.Stream("provider", uuid.New()), someProduct()
			w.append(bad, provider.Reinstated{})
			w.append(good, product.Listed{})
			at := w.append(bad, provider.Suspended{Reason: poison}).Position
			w.append(good, product.Pinned{})
			w.append(bad, provider.Reinstated{})
			r := w.start(nil)
			w.append(good, product.Unpinned{})
			w.append(bad, provider.Suspended{Reason: poison})
			w.caughtUp(r)
			w.append(bad, provider.Reinstated{}) // good by itself, and in a batch of its own
			w.caughtUp(r)

			want := w.fold()
			want[bad] = tallied{1, 0}
			if got := w.tallies(); !maps.Equal(want, got) {
				t.Fatalf("got %v, want %v", got, want)
			}
			letters := NewDeadLetters(w.pool, w.store, []projections.ReadModel{w.model}, nil)
			w.parked(letters, bad, 1, 2, 3, 4)
			if s, _ := r.Status(t.Context()); s[0].Parked != 1 || s[0].LagEvents != 0 {
				t.Errorf("status %+v", s[0])
			}
			shown, event, err := letters.Show(t.Context(), "tally", at)
			if err != nil || len(shown) != 1 || shown[0].Revision != 1 || event.Type != shown[0].Type || shown[0].Error == "" {
				t.Errorf("show: %+v, %+v, %v", shown, event, err)
			}

			// Tried too early, it keeps its place.
			if r, err := letters.Retry(t.Context(), "tally", bad); r != (Retried{Done: 0, Left: 4}) || err != nil {
				t.Fatalf("retry: %+v, %v", r, err)
			}
			// Skipped, the first goes, and the log says so; then the retry comes as far as the next poison.
			operator := domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}
			if err := letters.Skip(t.Context(), "tally", bad, at+1, "test", operator); !errors.Is(err, ErrNotFirst) {
				t.Fatalf("skip of a later one: %v", err)
			}
			if err := letters.Skip(t.Context(), "tally", bad, at, " ", operator); !errors.Is(err, domain.ErrInvalid) {
				t.Fatalf("skip without a reason: %v", err)
			}
			if err := letters.Skip(t.Context(), "tally", bad, at, "cannot be saved", operator); err != nil {
				t.Fatal(err)
			}
			w.recorded(operation.DeadLetterSkipped{ReadModel: "tally", Stream: bad, Revision: 1, Position: at, Reason: "cannot be saved"}, operator)
			w.parked(letters, bad, 2, 3, 4)
			if r, err := letters.Retry(t.Context(), "tally", bad); r != (Retried{Done: 1, Left: 2}) || err != nil {
				t.Fatalf("retry: %+v, %v", r, err)
			}
			// Repaired, the rest is done, and the stream goes on.
			w.poisoned.Store(false)
			left, err := letters.List(t.Context(), "tally", 1000)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := letters.Retry(t.Context(), "tally", bad, operator); r != (Retried{Done: 2, Left: 0}) || err != nil {
				t.Fatalf("retry: %+v, %v", r, err)
			}
			w.recorded(operation.DeadLettersRetried{ReadModel: "tally", Stream: bad, Position: left[0].Position, Letters: 2}, operator)
			w.append(bad, provider.Closed{})
			w.caughtUp(r)
			if got := w.tallies()[bad]; got.Events != 5 {
				t.Errorf("%d events of the stream, want all but the skipped: 5", got.Events)
			}
			w.parked(letters, bad)
		})
	}
}

// Bytes that do not decode park their stream; a type that is not known does not (TestRollingUpgrade).
func TestEventThatCannotBeDecodedIsPoison(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	future := runtimetest.Events(product.Listed{})
	future[0].Data = []byte(`{"from":"a newer version"}`)
	damaged := runtimetest.Events(product.Listed{})
	damaged[0].Metadata = []byte(`{`)
	streams := []domain.StreamName{someProduct(), someProduct()}
	for i, events := range [][]domain.NewEvent{future, damaged} {
		if _, err := w.store.Append(t.Context(), streams[i], domain.NoStream(), events); err != nil {
			t.Fatal(err)
		}
	}
	good := someProduct()
	w.append(good, product.Listed{})
	r := w.start(nil)
	w.caughtUp(r)
	if got, want := w.tallies(), map[domain.StreamName]tallied{good: {1, 0}}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	letters := NewDeadLetters(w.pool, w.store, []projections.ReadModel{w.model}, nil)
	for _, stream := range streams {
		w.parked(letters, stream, 0)
	}
}

func (w *world) parked(letters *DeadLetters, stream domain.StreamName, revisions ...domain.Revision) {
	w.t.Helper()
	all, err := letters.List(w.t.Context(), "tally", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []domain.Revision
	for _, l := range all {
		if l.Stream == stream {
			got = append(got, l.Revision)
		}
	}
	if !slices.Equal(got, revisions) {
		w.t.Fatalf("parked revisions %v, want %v", got, revisions)
	}
}

func (w *world) recorded(want domain.Event, actor domain.Actor) {
	w.t.Helper()
	for e, err := range w.store.ReadAll(w.t.Context(), domain.LogEnd, domain.Backward, 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		event, err := projections.Decode(events.Types, e)
		if err != nil || event.Fact != want || event.Meta.Actor != actor {
			w.t.Fatalf("the log ends in %+v by %+v (%v), want %+v", event.Fact, event.Meta.Actor, err, want)
		}
	}
}

// A missing table is nobody's poison: the projector stands still until it is there, and parks nothing.
func TestMissingTableParksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rename := func(from, to string) {
		t.Helper()
		if _, err := w.pool.Exec(t.Context(), `ALTER TABLE tally_v1.`+from+` RENAME TO `+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("tallies", "elsewhere")
	var tried atomic.Int64
	apply := w.model.Apply
	w.model.Apply = func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		tried.Add(1)
		return apply(ctx, tx, events)
	}
	r := w.start(nil)
	at := w.append(someProduct(), product.Listed{}).Position
	w.eventually("two attempts", func() bool { return tried.Load() > 1 })
	if n := w.letters(); n != 0 || r.Positions().At("tally") >= at {
		t.Errorf("%d dead letters, position %d", n, r.Positions().At("tally"))
	}
	rename("elsewhere", "tallies")
	w.equalsFold(r)
}

func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(func(c *Config) { c.MaxWait = 50 * time.Millisecond })
	err := r.Positions().Wait(t.Context(), "tally", w.head()+1)
	var refusal *domain.Error
	if !errors.As(err, &refusal) || refusal.Kind != domain.KindUnavailable || refusal.Code != "read_model_behind" {
		t.Errorf("got %v, want ErrBehind", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Positions().Wait(ctx, "tally", w.head()+1); !errors.Is(err, ErrBehind) {
		t.Errorf("with an ended context: %v, want ErrBehind", err)
	}
	if err := r.Positions().Wait(ctx, "tally", w.head()); err != nil {
		t.Errorf("a position that is reached: %v", err)
	}
	if err := r.Positions().Wait(t.Context(), "nothing", 0); err == nil {
		t.Error("an unknown read model is waited for")
	}
}
