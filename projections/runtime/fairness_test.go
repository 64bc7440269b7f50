package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"waybill/domain/product"
	"waybill/projections"
)

// recipients is a reaction that owes an item to each of some recipients, each of an object of its own.
func recipients(deliver func(context.Context, Delivery) error, names ...string) Reaction {
	return Reaction{
		Name: "tell", StoredName: "reaction_tell", Applies: projections.TypesOf(product.Listed{}), Deliver: deliver,
		Handle: func(_ context.Context, e projections.Event) (items []Item, err error) {
			for _, name := range names {
				items = append(items, Item{Recipient: name, Object: name + "/" + string(e.Stream)})
			}
			return items, nil
		},
	}
}

// Recipients who do not answer, however much is owed to them, leave room for the others.
func TestNoRecipientStarvesTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const products = 40
	for range products {
		w.append(someProduct(), product.Listed{})
	}
	var (
		mu      sync.Mutex
		told    int
		waiting = map[string]int{}
		most    = map[string]int{}
	)
	release := make(chan struct{})
	reaction := recipients(func(ctx context.Context, d Delivery) error {
		mu.Lock()
		waiting[d.Recipient]++
		most[d.Recipient] = max(most[d.Recipient], waiting[d.Recipient])
		mu.Unlock()
		defer func() { mu.Lock(); waiting[d.Recipient]--; mu.Unlock() }()
		switch d.Recipient {
		case "dead":
			<-release
			return errors.New("nobody there")
		case "refusing":
			return errors.New("no")
		}
		mu.Lock()
		defer mu.Unlock()
		told++
		return nil
	}, "dead", "good", "refusing")
	reaction.Pauses = slices.Repeat([]time.Duration{time.Millisecond}, 1000)
	w.startWith(reaction)
	w.eventually("the good one told of all", func() bool { mu.Lock(); defer mu.Unlock(); return told == products })
	close(release)
	mu.Lock()
	defer mu.Unlock()
	if most["dead"] > DefaultDeliverers/2 || most["good"] > DefaultDeliverers/2 {
		t.Errorf("%v at a time", most)
	}
}

// What is held is delivered when it is held no longer, in order; what must not be delivered any more is skipped.
func TestHeldAndSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var (
		mu   sync.Mutex
		got  []string
		held = true
		asks int
	)
	stream := someProduct()
	reaction := recipients(func(_ context.Context, d Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s@%d", d.Recipient, d.Event.Revision))
		switch {
		case d.Recipient == "gone":
			return &Undelivered{Err: errors.New("removed"), Never: true}
		case d.Recipient == "later" && asks < 3:
			asks++
			return &Undelivered{Err: errors.New("not now"), Untried: true}
		}
		return nil
	}, "gone", "held", "later")
	reaction.Pauses = []time.Duration{time.Millisecond}
	reaction.Held = func(context.Context) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if held {
			return []string{"held"}, nil
		}
		return nil, nil
	}
	w.append(stream, product.Listed{}, product.Listed{})
	w.startWith(reaction)
	states := func() (s string) {
		t.Helper()
		err := w.pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(recipient || ' ' || revision || ' ' || state || ' ' || tries, ', '
			ORDER BY recipient, revision), '') FROM projections.ledger WHERE recipient <> ''`).Scan(&s)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := "gone 0 skipped 1, gone 1 skipped 1, held 0 due 0, held 1 due 0, later 0 done 1, later 1 done 1"
	w.eventually("all but what is held", func() bool { return states() == want })
	mu.Lock()
	if slices.Contains(got, "held@0") {
		t.Error("delivered while it was held")
	}
	held = false
	mu.Unlock()
	want = "gone 0 skipped 1, gone 1 skipped 1, held 0 done 1, held 1 done 1, later 0 done 1, later 1 done 1"
	w.eventually("the rest", func() bool { return states() == want })
	mu.Lock()
	defer mu.Unlock()
	if slices.Index(got, "held@0") > slices.Index(got, "held@1") {
		t.Error("out of order")
	}
}

// backlog owes a dead recipient n items, of n/10 objects, and one each to some others.
func (w *world) backlog(n int) {
	w.t.Helper()
	w.exec(`INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, due_at, head)
		SELECT 'reaction_tell', gen_random_uuid(), 'dead', 'dead/' || i % ($1 / 10), 'product-x', i, i, 'x', 'due',
			CASE WHEN i % 2 = 0 THEN now() ELSE now() + interval '1 hour' END, i < $1 / 10 FROM generate_series(0, $1 - 1) i`, n)
	w.exec(`INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, head)
		SELECT 'reaction_tell', gen_random_uuid(), 'good' || i, 'good/' || i, 'product-x', i, i, 'x', 'due', true FROM generate_series(1, 20) i`)
	w.exec(`ANALYZE projections.ledger`)
}

// However much is owed to one recipient, a look takes as long as before, and sees every recipient.
func TestALookIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.backlog(20_000)
	r := &reactor{pool: w.pool, reaction: Reaction{StoredName: "reaction_tell"}}
	items, err := r.dueItems(t.Context(), "", []string{}, []string{}, 100)
	if err != nil || len(items) != 21 {
		t.Fatalf("%d items (%v)", len(items), err)
	}
	items, err = r.dueItems(t.Context(), "good1", []string{"good/11"}, []string{"good12"}, 3)
	if err != nil || len(items) != 3 || items[0].Recipient != "good10" || items[1].Recipient != "good13" {
		t.Fatalf("%+v (%v)", items, err)
	}
	if rows := w.lookedAt(dueHeads, "reaction_tell", "", []string{}, []string{}, 8); rows > 100 {
		t.Errorf("a look takes %v rows of the ledger", rows)
	}
}

// lookedAt is how many rows a query reads of tables and indexes.
func (w *world) lookedAt(sql string, args ...any) float64 {
	w.t.Helper()
	var text string
	if err := w.pool.QueryRow(w.t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, args...).Scan(&text); err != nil {
		w.t.Fatal(err)
	}
	var plans []struct{ Plan map[string]any }
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		w.t.Fatal(err)
	}
	var count func(node map[string]any) float64
	count = func(node map[string]any) float64 {
		number := func(name string) float64 { n, _ := node[name].(float64); return n }
		rows := 0.0
		if node["Relation Name"] != nil {
			rows = (number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck")) * number("Actual Loops")
		}
		children, _ := node["Plans"].([]any)
		for _, child := range children {
			if node, ok := child.(map[string]any); ok {
				rows += count(node)
			}
		}
		return rows
	}
	return count(plans[0].Plan)
}

// What was settled longer ago than the reaction keeps it is forgotten; what is owed, or was given up, never is.
func TestTheLedgerForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, settled_at)
		SELECT 'reaction_tell', gen_random_uuid(), r, 'o' || i, 'product-x', i, i, 'x', s, now() - i * interval '1 day'
		FROM generate_series(1, 1500) i, (VALUES ('', 'done'), ('a', 'done'), ('b', 'skipped'), ('c', 'given_up'), ('d', 'due')) v (r, s)`)
	r := &reactor{pool: w.pool, reaction: Reaction{StoredName: "reaction_tell", Keeps: 100*24*time.Hour - time.Hour}}
	if err := r.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := w.pool.QueryRow(t.Context(), `SELECT string_agg(s || ' ' || n, ', ' ORDER BY s) FROM (
			SELECT state s, count(*) n FROM projections.ledger GROUP BY state) c`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if want := "done 198, due 1500, given_up 1500, skipped 99"; left != want {
		t.Errorf("left are %s, want %s", left, want)
	}
}

// Whoever failed is ailing until something is delivered to them, and no longer.
func TestWhoRecoversIsNotAiling(t *testing.T) {
	t.Parallel()
	now := underWay{recipients: map[string]int{}, ailing: map[string]bool{}}
	for _, failed := range []bool{true, false} {
		item, ailing := Item{Recipient: "a", Object: "o"}, now.ailing["a"]
		now.begun(item, ailing)
		now.ended(delivered{Item: item, ailing: ailing, failed: failed})
		if now.ailing["a"] != failed || now.busyAiling != 0 || len(now.objects) != 0 || len(now.recipients) != 0 {
			t.Errorf("failed %v: %+v", failed, now)
		}
	}
}
