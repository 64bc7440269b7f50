package runtime

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/events"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

const patience = runtimetest.Patience

// world is a database with a store and the tally read model.
type world struct {
	t     testing.TB
	pool  *pgxpool.Pool
	store domain.EventStore
	model projections.ReadModel
	// poisoned makes the tally fail on events that carry the reason "poison".
	poisoned *atomic.Bool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	pool := pgtest.Database(t, "projections", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return Prepare(ctx, pool, []projections.ReadModel{tally(nil)})
	})
	store := runtimetest.Store(t, pool)
	poisoned := new(atomic.Bool)
	poisoned.Store(true)
	return &world{t: t, pool: pool, store: store, model: tally(poisoned), poisoned: poisoned}
}

// The tally applies the events of products and providers, and passes over all others.
var tallies, passedOver = func() (applies, passesOver []string) {
	for name := range events.Types {
		if product.Types[name] != nil || provider.Types[name] != nil {
			applies = append(applies, name)
		} else {
			passesOver = append(passesOver, name)
		}
	}
	return applies, passesOver
}()

// tally counts the events of each product and provider, and refuses one that comes twice or out of order.
func tally(poisoned *atomic.Bool) projections.ReadModel {
	return projections.ReadModel{
		Name: "tally", Schema: "tally_v1", Applies: tallies, PassesOver: passedOver,
		DDL: `CREATE TABLE tallies (stream text PRIMARY KEY, events bigint NOT NULL, last bigint NOT NULL,
			CHECK (events > 0));`,
		Indexes: `CREATE INDEX tallies_last ON tallies (last);`,
		Apply: func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
			var batch pgx.Batch
			for _, e := range events {
				reason := ""
				if s, ok := e.Fact.(provider.Suspended); ok {
					reason = s.Reason
				}
				switch {
				case reason == "panic" && poisoned.Load():
					panic("cannot apply this")
				case reason == "poison" && poisoned.Load():
					batch.Queue(`INSERT INTO tallies VALUES ($1, -1, 0)`, "poison")
				}
				batch.Queue(`INSERT INTO tallies AS t VALUES ($1, 1, $2)
					ON CONFLICT (stream) DO UPDATE SET events = t.events + 1, last = CASE WHEN t.last + 1 = $2 THEN $2 ELSE -1000000 END`,
					string(e.Stream), e.Revision)
			}
			return tx.SendBatch(ctx, &batch).Close()
		},
	}
}

type tallied struct{ Events, Last int64 }

// fold is what the read model must be: the same counts, from the log.
func (w *world) fold() map[domain.StreamName]tallied {
	w.t.Helper()
	all := map[domain.StreamName]tallied{}
	for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if c := e.Stream.Category(); c == "product" || c == "provider" {
			all[e.Stream] = tallied{all[e.Stream].Events + 1, int64(e.Revision)}
		}
	}
	return all
}

func (w *world) tallies() map[domain.StreamName]tallied {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT stream, events, last FROM tally_v1.tallies`)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[domain.StreamName]tallied{}
	var (
		stream string
		n      tallied
	)
	if _, err := pgx.ForEachRow(rows, []any{&stream, &n.Events, &n.Last}, func() error {
		all[domain.StreamName(stream)] = n
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// equalsFold checks the read model once it has reached the log's end.
func (w *world) equalsFold(r *Runtime) {
	w.t.Helper()
	w.caughtUp(r)
	want, got := w.fold(), w.tallies()
	if !maps.Equal(want, got) {
		w.t.Fatalf("the read model is not the fold of the log: %v, want %v", got, want)
	}
}

func (w *world) caughtUp(r *Runtime) {
	w.t.Helper()
	head := w.head()
	w.eventually(fmt.Sprintf("the read model at %d", head), func() bool { return r.Positions().At("tally") >= head })
}

func (w *world) head() domain.Position {
	w.t.Helper()
	return runtimetest.Head(w.t, w.store)
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	runtimetest.Eventually(w.t, what, ok)
}

func (w *world) start(change func(*Config)) *Runtime {
	w.t.Helper()
	c := Config{
		Pool: w.pool, Store: w.store, Models: []projections.ReadModel{w.model}, Owner: "test", MaxWait: patience, Logger: runtimetest.Log(w.t),
		LeaseTTL: runtimetest.Lease,
	}
	if change != nil {
		change(&c)
	}
	r, err := Start(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.close(r) })
	return r
}

func (w *world) close(r *Runtime) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

func (w *world) append(stream domain.StreamName, facts ...domain.Event) domain.AppendResult {
	w.t.Helper()
	return runtimetest.Append(w.t, w.store, stream, facts...)
}

func someProduct() domain.StreamName { return domain.Stream("product", uuid.New()) }

func TestProjectorFollowsTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	w.append(stream, product.Listed{}, product.Pinned{})
	r := w.start(nil)
	at := w.append(domain.Stream("account", uuid.New()), account.Opened{DisplayName: "三亚"}).Position
	if err := r.Positions().Wait(t.Context(), "tally", at); err != nil {
		t.Fatal("another category's event does not move the checkpoint:", err)
	}
	for range 20 {
		at := w.append(stream, product.Unpinned{}).Position
		if err := r.Positions().Wait(t.Context(), "tally", at); err != nil {
			t.Fatal(err)
		}
		w.equalsFold(r)
	}
	status, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Status{Name: "tally", Position: w.head(), Head: w.head(), Holder: status[0].Holder}
	if len(status) != 1 || status[0] != want || want.Holder == "" {
		t.Fatalf("status %+v, want %+v", status, want)
	}
}
