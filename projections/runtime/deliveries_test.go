package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// outside is what a reaction reaches: it notes what it is given, and refuses for as long as it is told to.
type outside struct {
	mu      sync.Mutex
	got     []string
	tried   map[string]int
	refuses map[string]bool // by object
}

func newOutside() *outside { return &outside{tried: map[string]int{}, refuses: map[string]bool{}} }

func (o *outside) refuse(object string, yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuses[object] = yes
}

func (o *outside) delivered() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got)
}

func (o *outside) attempts(object string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tried[object]
}

// tell is a reaction that tells "a" and "b" of every product that was listed or deleted.
func (o *outside) tell(begins Beginning) Reaction {
	return Reaction{
		Name: "tell", StoredName: "reaction_tell", Begins: begins, Applies: projections.TypesOf(product.Listed{}, product.Deleted{}),
		Tries: 3, Pause: time.Millisecond,
		Handle: func(context.Context, projections.Event) ([]Item, error) {
			return []Item{{Recipient: "a"}, {Recipient: "b"}}, nil
		},
		Deliver: func(_ context.Context, d Delivery) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.tried[d.Object]++
			if o.refuses[d.Object] {
				return errors.New("nobody there")
			}
			o.got = append(o.got, fmt.Sprintf("%s %s@%d", d.Recipient, d.Event.Stream, d.Event.Revision))
			return nil
		},
	}
}

func told(stream domain.StreamName, revisions ...int) (all []string) {
	for _, r := range revisions {
		all = append(all, fmt.Sprintf("a %s@%d", stream, r), fmt.Sprintf("b %s@%d", stream, r))
	}
	return all
}

// of keeps what was delivered about a stream.
func of(stream domain.StreamName, all []string) (some []string) {
	for _, text := range all {
		if len(text) > 2 && len(text[2:]) > len(stream) && text[2:2+len(stream)] == string(stream) {
			some = append(some, text)
		}
	}
	return some
}

func (w *world) startWith(reactions ...Reaction) *Runtime {
	w.t.Helper()
	return w.start(func(c *Config) { c.Reactions = reactions })
}

// begun waits until a reaction is set to work.
func (w *world) begun(storedName string) {
	w.t.Helper()
	w.eventually(storedName+" begun", func() (yes bool) {
		err := w.pool.QueryRow(w.t.Context(), `SELECT coalesce(bool_or(begun_at IS NOT NULL), false) FROM projections.checkpoints
			WHERE projection = $1`, storedName).Scan(&yes)
		if err != nil {
			w.t.Fatal(err)
		}
		return yes
	})
}

// One that cannot be reached holds up its own object until it is given up, and nothing else.
func TestDeliveriesWaitForTheirObjectOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad, good := someProduct(), someProduct()
	o := newOutside()
	o.refuse(string(bad), true)
	reaction := o.tell(FromStart)
	reaction.Tries = 1000 // not reached while we look
	w.append(bad, product.Listed{}, product.Pinned{}, product.Deleted{})
	w.append(good, product.Listed{}, product.Deleted{})
	r := w.startWith(reaction)
	w.eventually("the good one told of", func() bool { return len(o.delivered()) == 4 })
	if got, want := o.delivered(), told(good, 0, 1); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	w.eventually("the bad one tried again and again", func() bool { return o.attempts(string(bad)) > 3 })
	o.refuse(string(bad), false)
	w.eventually("the bad one told of", func() bool { return len(o.delivered()) == 8 })
	if got, want := of(bad, o.delivered()), told(bad, 0, 2); !slices.Equal(got, want) {
		t.Errorf("out of order: got %v, want %v", got, want)
	}
	w.close(r)
}

// What cannot be delivered is given up after so many tries, and the object goes on; an operator can have it tried again, or
// skip it.
func TestDeliveriesAreGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	o := newOutside()
	o.refuse(string(stream), true)
	reaction := o.tell(FromStart)
	at := w.append(stream, product.Listed{}).Position
	r := w.startWith(reaction)
	letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
	list := func() []DeadLetter {
		t.Helper()
		all, err := letters.List(t.Context(), "tell", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	w.eventually("both items given up", func() bool { return len(list()) == 2 })
	if n := o.attempts(string(stream)); n != 2*reaction.Tries {
		t.Errorf("%d attempts, want %d", n, 2*reaction.Tries)
	}
	if l := list()[0]; l.Name != "tell" || l.Stream != stream || l.Position != at || l.Recipient != "a" || l.Error != "nobody there" || l.Type != "product-listed.v1" {
		t.Errorf("dead letter %+v", l)
	}
	status, err := r.Status(t.Context())
	if err != nil || status[1].Parked != 1 {
		t.Errorf("status %+v, %v; want one parked stream", status, err)
	}
	o.refuse(string(stream), false)
	w.append(stream, product.Deleted{})
	w.eventually("the object goes on", func() bool { return len(o.delivered()) == 2 })
	if got, want := o.delivered(), told(stream, 1); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r, err := letters.Retry(t.Context(), "tell", stream); r != (Retried{Due: 2}) || err != nil {
		t.Fatalf("retry: %+v, %v", r, err)
	}
	w.eventually("the items delivered after all", func() bool { return len(o.delivered()) == 4 })
	if got := list(); len(got) != 0 {
		t.Errorf("left: %+v", got)
	}

	o.refuse(string(stream), true)
	at = w.append(stream, product.Listed{}).Position
	w.eventually("two more items given up", func() bool { return len(list()) == 2 })
	if err := letters.Skip(t.Context(), "tell", stream, at, "the address is gone", domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}); err != nil {
		t.Fatal(err)
	}
	if got := list(); len(got) != 0 {
		t.Errorf("left after a skip: %+v", got)
	}
}

// One that begins from now says nothing of what is past, also when it is interrupted before its first event.
func TestReactionBeginsFromNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	past, later := someProduct(), someProduct()
	w.append(past, product.Listed{})
	o := newOutside()
	w.close(w.startWith(o.tell(FromNow)))
	r := w.startWith(o.tell(FromNow))
	w.begun("reaction_tell")
	w.append(later, product.Listed{})
	w.eventually("the later one told of", func() bool { return len(o.delivered()) >= 2 })
	w.close(r)
	w.append(later, product.Deleted{})
	w.startWith(o.tell(FromNow))
	w.eventually("what happened meanwhile told of", func() bool { return len(o.delivered()) >= 4 })
	if got, want := o.delivered(), told(later, 0, 1); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Whatever handles an event again, by a checkpoint put back or by a second node, nobody is told twice.
func TestNobodyIsToldTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	w.append(stream, product.Listed{}, product.Deleted{})
	o := newOutside()
	r := w.startWith(o.tell(FromStart))
	w.eventually("all told", func() bool { return len(o.delivered()) == 4 })
	w.close(r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0, event_id = NULL, stream = NULL, revision = NULL
		WHERE projection = 'reaction_tell'`); err != nil {
		t.Fatal(err)
	}
	last := w.append(someProduct(), product.Listed{}).Position
	r = w.startWith(o.tell(FromStart))
	w.eventually("the new one told of", func() bool { return len(o.delivered()) >= 6 && w.at(r, "tell") == last })
	if got := o.delivered(); len(got) != 6 {
		t.Errorf("told twice: %v", got)
	}
}

// A reaction that owes something to nobody in particular has a mistake in it: the event is a dead letter, and the next comes.
func TestItemsHaveARecipient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	inner := reaction.Handle
	reaction.Handle = func(ctx context.Context, e projections.Event) ([]Item, error) {
		if _, ok := e.Fact.(product.Deleted); ok {
			return []Item{{Object: "nobody"}}, nil
		}
		return inner(ctx, e)
	}
	stream, next := someProduct(), someProduct()
	w.append(stream, product.Deleted{})
	w.append(next, product.Listed{})
	w.append(domain.Stream(provider.Category, uuid.New()), provider.Closed{Reason: "x"})
	w.startWith(reaction)
	w.eventually("the next one told of", func() bool { return len(o.delivered()) == 2 })
	all, err := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction}).List(t.Context(), "", 1000)
	if err != nil || len(all) != 1 || all[0].Stream != stream {
		t.Errorf("dead letters %+v, %v", all, err)
	}
}
