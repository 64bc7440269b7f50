package runtime

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

func (w *world) at(r *Runtime, name string) domain.Position {
	w.t.Helper()
	all, err := r.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s.Position
		}
	}
	return 0
}

func TestReactionRetriesAndGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var handled, attempts, broken atomic.Int64
	broken.Store(1)
	reaction := Reaction{
		Name: "notify", StoredName: "reaction_notify", Applies: projections.TypesOf(product.Listed{}, product.Pinned{}),
		Handle: func(_ context.Context, e projections.Event) ([]Item, error) {
			switch e.Fact.(type) {
			case product.Pinned:
				attempts.Add(1)
				if broken.Load() > 0 {
					panic("no such address")
				}
			case product.Listed:
				if handled.Load() == 0 && attempts.Add(1) < 6 {
					return nil, domain.ErrUnavailable // passes by itself, however long it takes
				}
			}
			handled.Add(1)
			return nil, nil
		},
	}
	stream := someProduct()
	last := w.append(stream, product.Listed{}, product.Unlisted{}).Position
	r := w.start(func(c *Config) { c.Reactions = []Reaction{reaction} })
	w.eventually("the first event handled", func() bool { return w.at(r, "notify") == last })
	if attempts.Load() != 6 || handled.Load() != 1 {
		t.Fatalf("%d attempts, %d handled; want 6 and 1", attempts.Load(), handled.Load())
	}
	attempts.Store(0)
	last = w.append(stream, product.Pinned{}, product.Listed{}).Position
	w.eventually("the event after the poison handled", func() bool { return w.at(r, "notify") == last })
	if attempts.Load() != reactionAttempts || handled.Load() != 2 {
		t.Fatalf("%d attempts at the poison, %d handled; want %d and 2", attempts.Load(), handled.Load(), reactionAttempts)
	}

	letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
	list, err := letters.List(t.Context(), "", 1000)
	if err != nil || len(list) != 1 || list[0].Stream != stream || list[0].Revision != 2 || list[0].Name != "notify" {
		t.Fatalf("dead letters %+v, %v", list, err)
	}
	broken.Store(0)
	if r, err := letters.Retry(t.Context(), "notify", stream); r != (Retried{Done: 1}) || err != nil {
		t.Fatalf("retry: %+v, %v", r, err)
	}
	if _, err := letters.Retry(t.Context(), "notify", stream); !errors.Is(err, ErrNoDeadLetter) {
		t.Fatalf("retry of nothing: %v", err)
	}
	if handled.Load() != 3 {
		t.Errorf("%d handled, want 3", handled.Load())
	}
}
