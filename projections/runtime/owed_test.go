package runtime

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"waybill/domain"
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
			if all, err := letters.List(t.Context(), "", 1000); err != nil || len(all) != 1 || all[0].Stream != stream {
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

// A Handle that does not end with its run adds nothing to the next, which has handled less.
func TestHandleOutlivesItsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	begun, first, second := someProduct(), someProduct(), someProduct()
	hangs, goesOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var firsts, seconds atomic.Int32
	var again sync.Once
	reaction.Handle = func(_ context.Context, e projections.Event) ([]Item, error) {
		switch e.Stream {
		case first:
			if tries := firsts.Add(1); tries > 1 {
				again.Do(func() { close(goesOn) })
				if <-over; tries < 6 { // the next run has time to come past the second
					return nil, ErrBehind
				}
			}
		case second:
			if seconds.Add(1) == 1 {
				close(hangs)
				<-goesOn
				defer close(over)
			}
		}
		return []Item{{Recipient: "a"}, {Recipient: "b"}}, nil
	}
	w.append(begun, product.Listed{})
	w.startWith(reaction)
	w.eventually("at work", func() bool { return len(o.delivered()) == 2 })
	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }() // of one that is committed it is nothing
	if _, err := tx.Exec(t.Context(), `UPDATE projections.checkpoints SET epoch = epoch + 1 WHERE projection = 'reaction_tell'`); err != nil {
		t.Fatal(err)
	}
	w.append(first, product.Listed{})
	w.append(second, product.Listed{})
	select {
	case <-hangs:
	case <-time.After(patience):
		t.Fatal("the second is not handled")
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually("all delivered", func() bool { return len(o.delivered()) == 6 })
	for _, stream := range []domain.StreamName{first, second} {
		got := of(stream, o.delivered())
		if slices.Sort(got); !slices.Equal(got, told(stream, 0)) {
			t.Errorf("%s: got %v", stream, got)
		}
	}
}
