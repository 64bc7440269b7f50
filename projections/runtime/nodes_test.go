package runtime

import (
	"slices"
	"testing"

	"waybill/domain/product"
	"waybill/projections"
)

// The tables of an earlier version go by a command once no node serves them, and those of the others stay.
func TestPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := w.model
	next.Schema = "tally_v2"
	other := noop("tally_vintage")
	reaction := Reaction{Name: "quiet", StoredName: "reaction_quiet"}
	now := []projections.ReadModel{next, other}
	if err := Prepare(t.Context(), w.pool, now); err != nil {
		t.Fatal(err)
	}
	w.append(someProduct(), product.Listed{})
	old := w.startWith(reaction) // serves tally_v1
	w.caughtUp(old)
	w.begun("reaction_quiet")
	schemas := func() (there []string) {
		t.Helper()
		for _, schema := range []string{"tally_v1", "tally_v2", "tally_vintage_v1"} {
			var yes bool
			err := w.pool.QueryRow(t.Context(), `SELECT to_regnamespace($1) IS NOT NULL
				AND EXISTS (SELECT FROM projections.checkpoints WHERE projection = $1)`, schema).Scan(&yes)
			if err != nil {
				t.Fatal(err)
			}
			if yes {
				there = append(there, schema)
			}
		}
		return there
	}
	prune := func() []Pruned {
		t.Helper()
		got, err := Prune(t.Context(), w.pool, now)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	w.eventually("the node known", func() bool {
		got := prune()
		return len(got) == 1 && got[0].Schema == "tally_v1" && got[0].Node != ""
	})
	if got, want := schemas(), []string{"tally_v1", "tally_v2", "tally_vintage_v1"}; !slices.Equal(got, want) {
		t.Fatalf("there are %v, want %v", got, want)
	}
	// A binary of the old version takes nothing of the new one away.
	if got, err := Prune(t.Context(), w.pool, []projections.ReadModel{w.model}); len(got) != 0 || err != nil {
		t.Fatalf("the old version prunes %v, %v", got, err)
	}
	w.close(old)
	if got, want := prune(), []Pruned{{Schema: "tally_v1"}}; !slices.Equal(got, want) {
		t.Fatalf("pruned %v, want %v", got, want)
	}
	if got, want := schemas(), []string{"tally_v2", "tally_vintage_v1"}; !slices.Equal(got, want) {
		t.Fatalf("there are %v, want %v", got, want)
	}
	if got := prune(); len(got) != 0 {
		t.Errorf("pruned again: %v", got)
	}
	w.place("reaction_quiet") // is there
}

// A node that was killed is one that is there until it has been silent for long enough.
func TestSilentNodeCountsAsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := w.model
	next.Schema = "tally_v2"
	now := []projections.ReadModel{next}
	if err := Prepare(t.Context(), w.pool, now); err != nil {
		t.Fatal(err)
	}
	w.exec(`INSERT INTO projections.nodes (holder, projections) VALUES ('killed', '{tally_v1}')`)
	if got, err := Prune(t.Context(), w.pool, now); err != nil || len(got) != 1 || got[0].Node != "killed" {
		t.Fatalf("got %v, %v; want it kept for the node", got, err)
	}
	w.exec(`UPDATE projections.nodes SET seen_at = clock_timestamp() - $1::interval`, nodeGone)
	if got, err := Prune(t.Context(), w.pool, now); err != nil || len(got) != 1 || got[0].Node != "" {
		t.Fatalf("got %v, %v; want it dropped", got, err)
	}
}
