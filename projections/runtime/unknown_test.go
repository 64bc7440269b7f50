package runtime

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// A reaction that looks up a stream with an event that only newer binaries know leaves its own event to them: it is no dead
// letter.
func TestReactionMeetsAnUnknownEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var old atomic.Bool
	old.Store(true)
	var handled atomic.Int64
	reaction := Reaction{
		Name: "look", StoredName: "reaction_look", Applies: projections.TypesOf(product.Listed{}),
		Handle: func(context.Context, projections.Event) ([]Item, error) {
			if old.Load() {
				return nil, fmt.Errorf("product-x@7: %w", domain.ErrUnknownType)
			}
			handled.Add(1)
			return nil, nil
		},
	}
	before := w.append(someProduct(), product.Pinned{}).Position
	at := w.append(someProduct(), product.Listed{}).Position
	w.append(someProduct(), product.Listed{})
	n := w.node(KnownVocabulary(), newOutside(), reaction)
	w.eventually("the old node staying out", func() bool { return n.outdated("look") })
	if got := w.place("reaction_look"); got >= at || got > before {
		t.Errorf("the checkpoint is at %d, past the event at %d", got, at)
	}
	old.Store(false)
	n2 := w.startWith(reaction)
	w.eventually("a newer node has handled both", func() bool { return handled.Load() == 2 && w.place("reaction_look") == w.head() })
	w.eventually("the old node queueing again", func() bool { return !n.outdated("look") })
	all, err := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction}).List(t.Context(), "", 1000)
	if err != nil || len(all) != 0 {
		t.Errorf("dead letters %+v, %v", all, err)
	}
	w.close(n2)
}

// An item about an event that this binary does not know, of a newer one that was here for a while, is not given up.
func TestItemsOfUnknownEventsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	stream, other := someProduct(), someProduct()
	o.refuse(string(stream), true)
	reaction.Tries = 1000
	w.append(stream, product.Listed{})
	r := w.startWith(reaction)
	w.eventually("the item due", func() bool { return o.attempts(string(stream)) > 0 })
	w.close(r)
	v := older()
	delete(v.Types, product.Listed{}.EventType())
	reaction.Tries = 1
	n := w.node(v, o, reaction)
	w.append(other, product.Deleted{})
	w.eventually("others delivered", func() bool { return len(o.delivered()) == 2 })
	w.eventually("the item looked at", func() (looked bool) {
		err := w.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(error LIKE '%unknown event type%' OR state = 'given_up'), false)
			FROM projections.ledger WHERE stream = $1 AND recipient = 'a'`, string(stream)).Scan(&looked)
		if err != nil {
			t.Fatal(err)
		}
		return looked
	})
	all, err := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction}).List(t.Context(), "", 1000)
	if err != nil || len(all) != 0 {
		t.Errorf("given up: %+v, %v", all, err)
	}
	w.close(n.Runtime)
	o.refuse(string(stream), false)
	w.startWith(reaction)
	w.eventually("all delivered", func() bool { return len(o.delivered()) == 4 })
}
