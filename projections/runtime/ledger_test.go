package runtime

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
)

// item is what the ledger says of what "a" is to get of the only event.
func (w *world) item() (state string, tries int) {
	w.t.Helper()
	err := w.pool.QueryRow(w.t.Context(), `SELECT state, tries FROM projections.ledger WHERE recipient = 'a'`).Scan(&state, &tries)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		w.t.Fatal(err)
	}
	return state, tries
}

// A node that lost its lease in the middle of an attempt does not take back what another has written down since.
func TestLedgerKeepsTheFirstWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &reactor{pool: w.pool, reaction: newOutside().tell(FromStart)}
	e := domain.RecordedEvent{ID: uuid.New(), Stream: someProduct(), Position: 1, Type: product.Listed{}.EventType()}
	var batch pgx.Batch
	queueOwed(&batch, r.reaction.StoredName, e, []Item{{Recipient: "a"}})
	if err := w.pool.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{itemDone, itemDue, itemGivenUp} {
		d := dueItem{Item: Item{Recipient: "a"}, eventID: e.ID, stream: e.Stream, tries: 1}
		if err := r.settle(t.Context(), d, state, "", 0); err != nil {
			t.Fatal(err)
		}
	}
	if state, _ := w.item(); state != itemDone {
		t.Errorf("the item is %s, want %s", state, itemDone)
	}
}

// What ends with the node is not the item's fault, and what was delivered while it ended is written down.
func TestDeliveriesWhileTheNodeStops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		deliver func(context.Context) error
		state   string
	}{
		"breaks off": {func(ctx context.Context) error { return ctx.Err() }, itemDue},
		"delivers":   {func(context.Context) error { return nil }, itemDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			reaction := newOutside().tell(FromStart)
			begun := make(chan struct{}, 1)
			reaction.Deliver = func(ctx context.Context, d Delivery) error {
				if d.Recipient != "a" {
					return nil
				}
				begun <- struct{}{}
				<-ctx.Done()
				return c.deliver(ctx)
			}
			w.append(someProduct(), product.Listed{})
			r := w.startWith(reaction)
			<-begun
			w.close(r)
			if state, tries := w.item(); state != c.state || (state == itemDue) != (tries == 0) {
				t.Errorf("the item is %s after %d attempts, want %s", state, tries, c.state)
			}
		})
	}
}

// awayForReads is a store that cannot be read stream by stream while it is away.
type awayForReads struct {
	domain.EventStore
	away  *atomic.Bool
	tried *atomic.Int64
}

func (s awayForReads) ReadStream(ctx context.Context, stream domain.StreamName, from domain.Revision, dir domain.Direction,
	limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	if !s.away.Load() {
		return s.EventStore.ReadStream(ctx, stream, from, dir, limit)
	}
	return func(yield func(domain.RecordedEvent, error) bool) {
		s.tried.Add(1)
		yield(domain.RecordedEvent{}, domain.ErrUnavailable)
	}
}

// An outage of the store uses up none of an item's attempts.
func TestDeliveriesOutliveTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var away atomic.Bool
	var tried atomic.Int64
	o := newOutside()
	reaction := o.tell(FromStart)
	stream := someProduct()
	w.append(stream, product.Listed{})
	away.Store(true)
	w.store = awayForReads{w.store, &away, &tried}
	w.startWith(reaction)
	w.eventually("more attempts than an item has", func() bool { return tried.Load() > int64(reaction.Tries)+1 })
	if state, tries := w.item(); state != itemDue || tries != 0 {
		t.Errorf("the item is %s after %d attempts", state, tries)
	}
	away.Store(false)
	w.eventually("told", func() bool { return len(o.delivered()) == 2 })
}

// While something is on its way to an object, nothing else goes there, however often the ledger is looked at.
func TestOneDeliveryOfAnObjectAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	deliver := reaction.Deliver
	slow := someProduct()
	var under, most atomic.Int64
	release := make(chan struct{})
	reaction.Deliver = func(ctx context.Context, d Delivery) error {
		if d.Object == string(slow) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			<-release
		}
		return deliver(ctx, d)
	}
	w.append(slow, product.Listed{})
	w.startWith(reaction)
	w.eventually("the slow one under way", func() bool { return under.Load() > 0 })
	for i := range 5 { // each has the ledger looked at again
		w.append(someProduct(), product.Listed{})
		w.eventually("the others told of", func() bool { return len(o.delivered()) == 2*(i+1) })
	}
	close(release)
	w.eventually("the slow one told of", func() bool { return len(o.delivered()) == 12 })
	if most.Load() != 1 {
		t.Errorf("%d deliveries at a time", most.Load())
	}
}

// An item that an operator has tried again has all its attempts again.
func TestRetriedItemsBeginAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	o := newOutside()
	o.refuse(string(stream), true)
	reaction := o.tell(FromStart)
	w.append(stream, product.Listed{})
	w.startWith(reaction)
	letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
	givenUp := func() bool {
		all, err := letters.List(t.Context(), "tell", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(all) == 2
	}
	w.eventually("both items given up", givenUp)
	if _, err := letters.Retry(t.Context(), "tell", stream); err != nil {
		t.Fatal(err)
	}
	w.eventually("both items given up again", givenUp)
	if n := o.attempts(string(stream)); n != 4*reaction.Tries {
		t.Errorf("%d attempts, want %d", n, 4*reaction.Tries)
	}
}

func TestPausesDouble(t *testing.T) {
	t.Parallel()
	r := &reactor{}
	for try, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 11: longestPause, 5000: longestPause} {
		if got := r.pause(try); got != want {
			t.Errorf("after attempt %d: %v, want %v", try, got, want)
		}
	}
}

// A recipient that asks to be left alone is, for as long as it asks; its attempts are counted.
func TestARecipientIsLeftAloneForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reaction := newOutside().tell(FromStart)
	reaction.Deliver = func(context.Context, Delivery) error {
		return &Undelivered{Err: errors.New("too many"), After: time.Hour}
	}
	w.append(someProduct(), product.Listed{})
	w.startWith(reaction)
	w.eventually("one attempt", func() bool { _, tries := w.item(); return tries == 1 })
	var left bool
	err := w.pool.QueryRow(t.Context(), `SELECT state = 'due' AND due_at > now() + interval '59 minutes' FROM projections.ledger WHERE recipient = 'a'`).
		Scan(&left)
	if err != nil || !left {
		t.Errorf("it is tried again within the hour (%v)", err)
	}
	r := &reactor{pool: w.pool, reaction: reaction}
	if due, err := r.dueItems(t.Context(), "", []string{}, []string{}, 10); err != nil || len(due) != 0 {
		t.Errorf("%d are due (%v)", len(due), err)
	}
}
