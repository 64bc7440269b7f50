package runtime

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain/product"
	"waybill/domain/storetest"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

// shown is the tally with a view over it.
func shown() projections.ReadModel {
	m := tally(nil)
	m.Views = &projections.Views{Schema: "counts", Reader: "waybill_test_no_such_role", DDL: `
		CREATE VIEW total AS SELECT count(*) AS streams, coalesce(sum(events), 0)::bigint AS events, max(c.position) AS position,
			'` + m.Schema + `' AS version
		FROM projections.checkpoints c LEFT JOIN tallies ON true WHERE c.projection = '` + m.Schema + `'`}
	return m
}

// later is shown in its next version.
func later() projections.ReadModel {
	m := shown()
	m.Schema = "tally_v2"
	m.Views.DDL = strings.ReplaceAll(m.Views.DDL, "tally_v1", "tally_v2")
	return m
}

// viewedWorld is a world whose read model has views. Its database is not that of other tests' template.
func viewedWorld(t *testing.T) *world {
	t.Helper()
	pool := pgtest.Database(t, "views", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return Prepare(ctx, pool, []projections.ReadModel{shown()})
	})
	return &world{t: t, pool: pool, store: runtimetest.Store(t, pool), model: shown(), poisoned: new(atomic.Bool)}
}

type total struct {
	streams, events, position int64
	version                   string
}

func (w *world) total() (n total) {
	w.t.Helper()
	err := w.pool.QueryRow(w.t.Context(), `SELECT streams, events, position, version FROM counts.total`).
		Scan(&n.streams, &n.events, &n.position, &n.version)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// schemas are those of the views and their tables.
func (w *world) schemas() string {
	w.t.Helper()
	rows, _ := w.pool.Query(w.t.Context(), `SELECT nspname FROM pg_namespace WHERE nspname ~ '^(counts|tally)' ORDER BY 1`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestViewsOutliveRebuilds: readers of the views never meet an error, nor a position before one they saw, and nothing is left over.
func TestViewsOutliveRebuilds(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	r := w.start(nil)
	stream := someProduct()
	w.append(stream, product.Listed{}, product.Pinned{})
	w.caughtUp(r)
	ctx, cancel := context.WithCancel(t.Context())
	var (
		others sync.WaitGroup
		reads  atomic.Int64
	)
	for range 3 {
		others.Go(func() {
			var last total
			for ctx.Err() == nil {
				var n total
				err := w.pool.QueryRow(ctx, `SELECT events, position FROM counts.total WHERE streams > $1`, 0).Scan(&n.events, &n.position)
				if ctx.Err() != nil {
					return
				}
				if err != nil || n.events < last.events || n.position < last.position {
					t.Errorf("read %+v after %+v: %v", n, last, err)
					return
				}
				last = n
				reads.Add(1)
			}
		})
	}
	others.Go(func() {
		for ctx.Err() == nil { // none is left under way
			if _, err := storetest.AppendToEnd(t.Context(), w.store, stream, runtimetest.Events(product.Unpinned{})); err != nil {
				t.Error(err)
			}
		}
	})
	for range 5 {
		before := reads.Load()
		if _, err := Rebuild(ctx, w.pool, w.store, w.model, nil); err != nil {
			t.Fatal(err)
		}
		w.eventually("reads after the switch", func() bool { return reads.Load() > before+10 || t.Failed() })
	}
	cancel()
	others.Wait()
	w.equalsFold(r)
	if got := w.schemas(); got != "counts tally_v1" {
		t.Errorf("schemas %s", got)
	}
	if n := w.total(); n.position < int64(w.head()) || n.events != w.fold()[stream].Events {
		t.Errorf("the view shows %+v at the head %d", n, w.head())
	}
}

// TestAReaderOfViewsDoesNotHoldARebuild: a query that began before the switch ends with what it began with, a rebuild does not wait for
// it longer than to drop what it reads, and what is left then goes later. A crash after the switch leaves the same.
func TestAReaderOfViewsDoesNotHoldARebuild(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	r := w.start(nil)
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	reader, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rollback(t.Context(), reader)
	const slow = `DECLARE slow CURSOR FOR SELECT streams, events, position, version FROM counts.total, generate_series(1, 10000)`
	if _, err := reader.Exec(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rebuilt := rebuild{
		target: newTarget(w.pool, w.model, "tally_v1_next", KnownVocabulary()), store: w.store, live: "tally_v1", old: "tally_v1_old",
		progress: func(Progress) {},
	}
	for _, step := range []func(context.Context) error{rebuilt.create, rebuilt.index, rebuilt.swap} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	if n := w.total(); n.events != 2 {
		t.Errorf("after the switch the view shows %+v", n)
	}
	var n total
	err = reader.QueryRow(t.Context(), `FETCH 1 FROM slow`).Scan(&n.streams, &n.events, &n.position, &n.version)
	if err != nil || n.events != 1 {
		t.Errorf("the query that began before shows %+v: %v", n, err)
	}
	if _, err := dropRetired(t.Context(), w.pool, w.model.Views); err == nil || !transient(err) {
		t.Errorf("drop of what is read: %v", err)
	}
	rollback(t.Context(), reader)
	if _, err := Prune(t.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
		t.Fatal(err)
	}
	if got := w.schemas(); got != "counts tally_v1" {
		t.Errorf("schemas %s", got)
	}
	if n := w.total(); n.events != 2 {
		t.Errorf("the view shows %+v", n)
	}
}

// TestViewsMoveToTheNextVersion once its tables are as far, and no node of the version before moves them back or loses them.
func TestViewsMoveToTheNextVersion(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	before := w.start(nil)
	w.append(someProduct(), product.Listed{}, product.Pinned{})
	w.caughtUp(before)
	next := later()
	if err := Prepare(t.Context(), w.pool, []projections.ReadModel{next}); err != nil {
		t.Fatal(err)
	}
	if n := w.total(); n.version != "tally_v1" || n.events != 2 {
		t.Fatalf("over empty tables: %+v", n)
	}
	w.close(before)
	if got, err := Prune(t.Context(), w.pool, []projections.ReadModel{next}); err != nil || len(got) != 1 || got[0].Views != "counts" {
		t.Fatalf("pruned %+v, %v; want it kept for the views", got, err)
	}
	if _, err := Compare(t.Context(), w.pool, w.store, w.model); err != nil {
		t.Fatal(err)
	}
	if n := w.total(); n.version != "tally_v1" || n.events != 2 {
		t.Fatalf("after a comparison: %+v", n)
	}
	after := w.start(func(c *Config) { c.Models = []projections.ReadModel{next} })
	w.caughtUp(after)
	w.eventually("the views of the next version", func() bool { return w.total().version == "tally_v2" })
	if n := w.total(); n.events != 2 {
		t.Errorf("%+v", n)
	}
	if err := Prepare(t.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
		t.Fatal(err)
	}
	back := w.start(nil)
	w.append(someProduct(), product.Listed{})
	w.caughtUp(back)
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Fatal(err)
	}
	w.close(back)
	w.eventually("the next version's tables with the last event", func() bool { return w.total() == total{2, 3, int64(w.head()), "tally_v2"} })
	w.exec(`UPDATE projections.nodes SET seen_at = seen_at - $1::interval WHERE 'tally_v1' = ANY (projections)`, nodeGone)
	w.exec(`DELETE FROM projections.leases WHERE projection = 'tally_v1'`)
	got, err := Prune(t.Context(), w.pool, []projections.ReadModel{next})
	if err != nil || len(got) != 1 || got[0] != (Pruned{Schema: "tally_v1"}) {
		t.Fatalf("pruned %+v, %v", got, err)
	}
	if n := w.total(); n.version != "tally_v2" || w.schemas() != "counts tally_v2" {
		t.Errorf("%+v in %s", n, w.schemas())
	}
}

// TestARebuildOfTheNextVersionMovesTheViews, but only if it is as far as the version before.
func TestARebuildOfTheNextVersionMovesTheViews(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	before := w.start(nil)
	w.append(someProduct(), product.Listed{}, product.Pinned{})
	w.caughtUp(before)
	w.close(before)
	next := later()
	if err := Prepare(t.Context(), w.pool, []projections.ReadModel{next}); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE projections.checkpoints SET position = position + 1000 WHERE projection = 'tally_v1'`)
	if _, err := Rebuild(t.Context(), w.pool, w.store, next, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.total(); n.version != "tally_v1" || n.events != 2 {
		t.Errorf("behind the version before: %+v", n)
	}
	w.exec(`UPDATE projections.checkpoints SET position = position - 1000 WHERE projection = 'tally_v1'`)
	if _, err := Rebuild(t.Context(), w.pool, w.store, next, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.total(); n.version != "tally_v2" || n.events != 2 {
		t.Errorf("%+v", n)
	}
}

// TestNodesThatStartTogetherMakeTheViewsOnce, and another definition of the same version takes the place of the one before.
func TestNodesThatStartTogetherMakeTheViewsOnce(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	other := shown()
	other.Views.DDL += `; COMMENT ON VIEW total IS 'all'`
	var nodes sync.WaitGroup
	for range 4 {
		nodes.Go(func() {
			if err := Prepare(t.Context(), w.pool, []projections.ReadModel{other}); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	var said string
	if err := w.pool.QueryRow(t.Context(), `SELECT obj_description('counts.total'::regclass)`).Scan(&said); err != nil || said != "all" {
		t.Errorf("%q, %v", said, err)
	}
	if _, err := Prune(t.Context(), w.pool, []projections.ReadModel{other}); err != nil || w.schemas() != "counts tally_v1" {
		t.Errorf("%s: %v", w.schemas(), err)
	}
}

// TestViewsOfSomebodyElse are left alone.
func TestViewsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := viewedWorld(t)
	w.exec(`COMMENT ON SCHEMA counts IS 'of the accountants'`)
	for name, err := range map[string]error{
		"prepare": Prepare(t.Context(), w.pool, []projections.ReadModel{w.model}),
		"rebuild": modelError(Rebuild(t.Context(), w.pool, w.store, w.model, nil)),
	} {
		const said = `there is a schema counts that Waybill did not make: rename it (ALTER SCHEMA "counts" RENAME TO …)`
		if err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.exec(`ALTER SCHEMA counts RENAME TO accountants`)
	if err := Prepare(t.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
		t.Fatal(err)
	}
	if n := w.total(); n.version != "tally_v1" {
		t.Errorf("%+v", n)
	}
}

func modelError(_ int, err error) error { return err }
