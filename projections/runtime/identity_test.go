package runtime

import (
	"errors"
	"maps"
	"testing"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// Positions look alike in every log: a read model must not go on from one log's position in another.
func TestAnotherLogIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	kept := someProduct()
	w.append(kept, product.Listed{})
	lost := someProduct()
	w.append(lost, product.Listed{}, product.Pinned{})
	w.caughtUp(r)
	w.close(r)

	restart := func() error {
		r, err := Start(t.Context(), Config{Pool: w.pool, Store: w.store, Models: []projections.ReadModel{w.model}, Owner: "test"})
		if err == nil {
			w.close(r)
		}
		return err
	}
	if err := restart(); err != nil {
		t.Fatalf("the same log: %v", err)
	}
	for name, exchange := range map[string]string{
		"an older backup":                 `DELETE FROM eventstore.events WHERE stream = '` + string(lost) + `'`,
		"other events at the positions":   `UPDATE eventstore.events SET id = gen_random_uuid()`,
		"the same events at other places": `UPDATE eventstore.events SET position = position + 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := w.pool.Exec(t.Context(), exchange); err != nil {
				t.Fatal(err)
			}
			if err := restart(); !errors.Is(err, ErrAnotherLog) {
				t.Fatalf("got %v, want ErrAnotherLog", err)
			}
			p := &projector{target: newTarget(w.pool, w.model, w.model.Schema, KnownVocabulary()), store: w.store, lease: w.lease("x", DefaultLeaseTTL)}
			p.moved = func(string, domain.Position) {}
			if _, err := p.lease.take(t.Context(), new(rival)); err != nil {
				t.Fatal(err)
			}
			if err := p.project(t.Context()); !errors.Is(err, ErrAnotherLog) {
				t.Fatalf("the projector by itself: %v, want ErrAnotherLog", err)
			}
			if _, err := w.pool.Exec(t.Context(), `DELETE FROM projections.leases`); err != nil {
				t.Fatal(err)
			}
			if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
				t.Fatal(err)
			}
			if err := restart(); err != nil {
				t.Fatalf("after the rebuild: %v", err)
			}
			if want, got := w.fold(), w.tallies(); !maps.Equal(want, got) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
