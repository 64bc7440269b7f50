package runtime

import (
	"errors"
	"testing"

	"waybill/domain"
	"waybill/domain/product"
)

// A transaction that takes no more holds the checkpoint at the last event it has, though others are known to be past: what waits
// behind it is not written down yet. Whoever lost the reaction moves nothing.
func TestTheCheckpointPassesNothingUnwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range maxTogether/100 + 1 {
		facts := make([]domain.Event, 100)
		for i := range facts {
			facts[i] = product.Listed{}
		}
		w.append(someProduct(), facts...)
	}
	var events []domain.RecordedEvent
	for e, err := range w.store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	r := &reactor{pool: w.pool, reaction: newOutside().tell(FromStart), seen: newSeen()}
	w.exec(`INSERT INTO projections.checkpoints (projection) VALUES ($1)`, r.reaction.StoredName)
	var err error
	if r.log, err = ownLogOf(t.Context(), w.pool, w.store); err != nil {
		t.Fatal(err)
	}
	for _, e := range events[:maxTogether] {
		r.seen.handled <- handled{event: e}
	}
	last := events[len(events)-1]
	r.seen.pass(last)
	if err := r.move(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := w.place(r.reaction.StoredName), events[maxTogether-1].Position; got != want || r.at.position != want {
		t.Fatalf("the checkpoint is at %d, and held to be at %d, want %d", got, r.at.position, want)
	}
	w.exec(`UPDATE projections.checkpoints SET epoch = epoch + 1 WHERE projection = $1`, r.reaction.StoredName)
	if err := r.move(t.Context(), nil); !errors.Is(err, errFenced) {
		t.Errorf("moved by who was fenced out: %v", err)
	}
	r.at.epoch++
	if err := r.move(t.Context(), nil); err != nil || w.place(r.reaction.StoredName) != last.Position {
		t.Errorf("the checkpoint is at %d, %v; want %d", w.place(r.reaction.StoredName), err, last.Position)
	}
}
