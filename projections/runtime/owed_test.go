package runtime

import (
	"context"
	"strings"
	"testing"
	"time"

	"waybill/domain/product"
	"waybill/projections"
)

// While an outcome cannot be written down, the item is not delivered again and again.
func TestUnwrittenOutcomeHoldsTheItem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`CREATE FUNCTION projections.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER refuse BEFORE UPDATE ON projections.ledger FOR EACH ROW EXECUTE FUNCTION projections.refuse()`)
	o := newOutside()
	first, second := someProduct(), someProduct()
	w.append(first, product.Listed{})
	r := w.startWith(o.tell(FromStart))
	w.eventually("the first delivered", func() bool { return len(o.delivered()) > 0 })
	w.append(second, product.Listed{})
	w.eventually("the second delivered", func() bool { return len(of(second, o.delivered())) > 0 })
	w.eventually("the reaction at the head", func() bool { return w.at(r, "tell") == w.head() })
	if got := o.delivered(); len(got) != 2 {
		t.Errorf("delivered %d times, want 2: %v", len(got), got)
	}
	w.exec(`DROP TRIGGER refuse ON projections.ledger`)
	w.eventually("all delivered", func() bool { return len(o.delivered()) == 4 })
}

// What the ledger cannot hold is a mistake of the reaction: its event is a dead letter, and the next one comes.
func TestItemsThatTheLedgerCannotHold(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]Item{
		"a zero byte": {Recipient: "a\x00b"}, "no text": {Recipient: "a\xff"}, "too long": {Recipient: "a", Object: strings.Repeat("o", 9000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := newOutside()
			reaction := o.tell(FromStart)
			inner := reaction.Handle
			reaction.Handle = func(ctx context.Context, e projections.Event) ([]Item, error) {
				if _, ok := e.Fact.(product.Deleted); ok {
					return []Item{bad}, nil
				}
				return inner(ctx, e)
			}
			stream := someProduct()
			w.append(stream, product.Deleted{})
			w.append(someProduct(), product.Listed{})
			w.startWith(reaction)
			w.eventually("the next one told of", func() bool { return len(o.delivered()) == 2 })
			letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
			if all, err := letters.List(t.Context(), ""); err != nil || len(all) != 1 || all[0].Stream != stream {
				t.Errorf("dead letters %+v, %v", all, err)
			}
			if got, err := letters.Retry(t.Context(), "tell", stream); err != nil || got != (Retried{Left: 1}) {
				t.Errorf("retry: %+v, %v", got, err)
			}
		})
	}
}

// An operator's retry survives what the node survives.
func TestRetryOfAReactionThatPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reaction := Reaction{
		Name: "notify", StoredName: "reaction_notify", Applies: projections.TypesOf(product.Listed{}),
		Handle: func(context.Context, projections.Event) ([]Item, error) { panic("no such address") },
	}
	stream := someProduct()
	at := w.append(stream, product.Listed{}).Position
	r := w.startWith(reaction)
	w.eventually("the event a dead letter", func() bool { return w.at(r, "notify") == at })
	got, err := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction}).Retry(t.Context(), "notify", stream)
	if err != nil || got != (Retried{Left: 1}) {
		t.Errorf("retry: %+v, %v", got, err)
	}
}

// The checkpoint follows events that are not wanted while a wanted one is being handled; the race detector looks on.
func TestCheckpointFollowsWhileAnEventIsHandled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	inner := reaction.Handle
	var passed func() bool
	reaction.Handle = func(ctx context.Context, e projections.Event) ([]Item, error) {
		for !passed() && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return inner(ctx, e)
	}
	at := w.append(someProduct(), product.Pinned{}).Position
	passed = func() bool { return w.place("reaction_tell") == at }
	w.append(someProduct(), product.Listed{})
	w.startWith(reaction)
	w.eventually("delivered", func() bool { return len(o.delivered()) == 2 })
}
