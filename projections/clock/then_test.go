package clock_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/projections/review"
)

// What is counted of a moment afterwards is what was counted at it, whatever was submitted and decided since.
func TestWhatWasOpenCanBeToldAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0))
	r := w.start("a")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	revisions := map[uuid.UUID]domain.ContentRevision{}
	var products []uuid.UUID
	desk := review.Queries{DB: w.pool}
	type counted struct {
		at   time.Time
		open []review.KindCount
	}
	var seen []counted
	now := beijing(11, 25, 9, 0)
	for range 120 {
		now = now.Add(time.Duration(1+random.IntN(5)) * time.Hour)
		w.at(now)
		some := func() uuid.UUID { return products[random.IntN(len(products))] }
		var err error
		switch n := random.IntN(10); {
		case n < 3 || len(products) == 0:
			id := w.submits()
			products, revisions[id] = append(products, id), 1
		case n == 3:
			w.applies()
		case n < 6:
			id := some()
			if _, err = w.service.ReviseProduct(t.Context(), w.by(w.provider), id, domaintest.Content("改 "+uuid.NewString()[:8])); err == nil {
				revisions[id]++
			}
		case n < 8:
			id := some()
			_, err = w.service.ApproveProduct(t.Context(), w.by(domaintest.Reviewer), id, commands.Decision{Revision: revisions[id]})
		default:
			id := some()
			unfit := commands.Decision{Revision: revisions[id], Reasons: domaintest.Unfit}
			_, err = w.service.RejectProduct(t.Context(), w.by(domaintest.Reviewer), id, unfit)
		}
		if err != nil && !errors.Is(err, domain.ErrAlreadyDecided) {
			t.Fatal(err)
		}
		if random.IntN(3) > 0 {
			continue
		}
		w.shown(r)
		at := now.Add(time.Millisecond).Add(time.Duration(random.IntN(2)) * time.Minute) // in the very moment, or later
		c := counted{at: at}
		if c.open, err = desk.Open(t.Context(), c.at); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c)
	}
	w.shown(r)
	decided := 0
	for _, c := range seen {
		then, err := desk.OpenThen(t.Context(), c.at)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(then, c.open) {
			t.Errorf("at %s there were %+v, and afterwards %+v", c.at, c.open, then)
		}
		for _, k := range c.open {
			decided += k.Overdue + k.DueToday
		}
	}
	if len(seen) < 10 || decided == 0 {
		t.Errorf("%d moments, with %d cases due by then or that day", len(seen), decided)
	}
}
