package runtime

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/product"
)

// place is where a reaction's checkpoint is.
func (w *world) place(storedName string) (position domain.Position) {
	w.t.Helper()
	err := w.pool.QueryRow(w.t.Context(), `SELECT position FROM projections.checkpoints WHERE projection = $1`, storedName).Scan(&position)
	if err != nil {
		w.t.Fatal(err)
	}
	return position
}

func (w *world) moveReactions(reactions ...Reaction) {
	w.t.Helper()
	if err := MoveReactions(w.t.Context(), w.pool, w.store, reactions); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func TestReactionsForgetAnotherLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reaction := Reaction{Name: "quiet", StoredName: "reaction_quiet"}
	w.append(someProduct(), product.Listed{})
	r := w.startWith(reaction)
	w.eventually("the reaction at the head", func() bool { return w.at(r, "quiet") == w.head() })
	w.close(r)
	before := w.place("reaction_quiet")
	if w.moveReactions(reaction); w.place("reaction_quiet") != before {
		t.Error("it forgot its own log")
	}
	w.exec(`UPDATE eventstore.events SET id = gen_random_uuid()`)
	if w.moveReactions(reaction); w.place("reaction_quiet") != 0 {
		t.Error("it goes on in another log")
	}
}

// A log that moved to another store has the same events at other positions: a reaction goes on behind the one it had come
// to, and what it has not delivered yet goes out from there.
func TestReactionsKeepTheirPlaceWhenTheLogMoves(t *testing.T) {
	t.Parallel()
	for name, begins := range map[string]Beginning{"from the start": FromStart, "from now": FromNow} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := newOutside()
			reaction := o.tell(begins)
			r := w.startWith(reaction)
			w.begun("reaction_tell")
			stream, lost := someProduct(), someProduct()
			o.refuse(string(lost), true)
			w.append(stream, product.Listed{})
			w.append(lost, product.Listed{})
			w.eventually("told", func() bool { return len(o.delivered()) == 2 && o.attempts(string(lost)) == 2*reaction.Tries })
			w.eventually("the reaction at the head", func() bool { return w.at(r, "tell") == w.head() })
			w.close(r)
			before := w.place("reaction_tell")
			w.exec(`UPDATE eventstore.events SET position = position + 1000`)
			w.store = reopened(t, w)
			w.moveReactions(reaction)
			if at := w.place("reaction_tell"); at != before+1000 {
				t.Errorf("the place is %d, want %d", at, before+1000)
			}
			letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
			all, err := letters.List(t.Context(), "tell", 1000)
			if err != nil || len(all) != 2 || all[0].Position != before+1000 {
				t.Errorf("dead letters %+v, %v", all, err)
			}
			if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
				t.Fatal(err)
			}
			w.startWith(reaction)
			w.append(stream, product.Deleted{})
			w.eventually("told again", func() bool { return len(o.delivered()) >= 4 })
			if got, want := o.delivered(), told(stream, 0, 1); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// In a log of which it has handled nothing, a reaction that begins at the start begins there; and whoever still works on its
// old place is fenced out.
func TestReactionsBeginAnewInAnotherLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	o := newOutside()
	reaction := o.tell(FromStart)
	r := w.startWith(reaction)
	w.eventually("told", func() bool { return len(o.delivered()) == 2 && w.at(r, "tell") == w.head() })
	w.close(r)
	w.exec(`UPDATE eventstore.events SET id = gen_random_uuid()`)
	w.store = reopened(t, w)
	epoch := func() (n int64) {
		if err := w.pool.QueryRow(t.Context(), `SELECT epoch FROM projections.checkpoints WHERE projection = 'reaction_tell'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := epoch()
	w.moveReactions(reaction)
	if at := w.place("reaction_tell"); at != 0 || epoch() <= before {
		t.Errorf("the place is %d in epoch %d, want 0 in a later one than %d", at, epoch(), before)
	}
}

// A log that was put back to an older backup lacks the event that a reaction had come to. What is there was handled, or is
// older than the reaction; what is added from then on is not.
func TestReactionsFindTheirPlaceInAnOlderBackup(t *testing.T) {
	t.Parallel()
	for name, handledBefore := range map[string]bool{"that has handled events": true, "from before its first event": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.append(someProduct(), product.Listed{})
			o := newOutside()
			reaction := o.tell(FromNow)
			r := w.startWith(reaction)
			w.begun("reaction_tell")
			kept, lost := someProduct(), someProduct()
			want := 2
			if handledBefore {
				w.append(kept, product.Listed{})
				want += 2
			}
			w.append(lost, product.Listed{})
			w.eventually("told", func() bool { return len(o.delivered()) == want && w.at(r, "tell") == w.head() })
			w.close(r)
			w.exec(`DELETE FROM eventstore.events WHERE stream = $1`, string(lost))
			w.store = reopened(t, w)
			again := someProduct()
			w.append(again, product.Listed{}) // by a node that was up before anybody moved the reaction
			w.moveReactions(reaction)
			if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
				t.Fatal(err)
			}
			w.startWith(reaction)
			w.eventually("the new one told of", func() bool { return len(of(again, o.delivered())) == 2 })
			if got := o.delivered(); len(got) != want+2 {
				t.Errorf("told twice: %v", got)
			}
		})
	}
}

// A reaction that was set to work before anything was in the log: when a log with a history is copied in, that is no news.
func TestReactionsBeganOnAnEmptyLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromNow)
	r := w.startWith(reaction)
	w.begun("reaction_tell")
	w.close(r)
	past := someProduct()
	w.append(past, product.Listed{})
	w.exec(`UPDATE projections.checkpoints SET begun_at = clock_timestamp() WHERE projection = 'reaction_tell'`) // the copy is of older events
	w.moveReactions(reaction)
	later := someProduct()
	w.append(later, product.Listed{})
	w.startWith(reaction)
	w.eventually("the later one told of", func() bool { return len(of(later, o.delivered())) == 2 })
	if got := of(past, o.delivered()); len(got) != 0 {
		t.Errorf("told of what is past: %v", got)
	}
}

// reopened is a store that knows nothing of the log's past.
func reopened(t *testing.T, w *world) domain.EventStore {
	t.Helper()
	store := postgres.NewEventStore(w.pool)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// A store that is away when a reaction is to be moved is an error, and not a reaction that need not move.
func TestReactionsAreNotMovedByHalf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reaction := Reaction{Name: "quiet", StoredName: "reaction_quiet"}
	w.append(someProduct(), product.Listed{})
	r := w.startWith(reaction)
	w.eventually("the reaction at the head", func() bool { return w.at(r, "quiet") == w.head() })
	w.close(r)
	w.exec(`UPDATE eventstore.events SET id = gen_random_uuid()`)
	if err := MoveReactions(t.Context(), w.pool, awayStore{w.store}, []Reaction{reaction}); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("moved with a store that is away: %v", err)
	}
	if err := MoveReactions(t.Context(), w.pool, w.store, []Reaction{reaction, {Name: "new", StoredName: "reaction_new"}}); err != nil {
		t.Error(err)
	}
}

// awayStore does not answer.
type awayStore struct{ domain.EventStore }

func (awayStore) ReadStream(context.Context, domain.StreamName, domain.Revision, domain.Direction, int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		yield(domain.RecordedEvent{}, domain.ErrUnavailable)
	}
}

// An event whose metadata nobody can read does not keep a reaction from being moved.
func TestReactionsAreMovedPastBrokenMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	kept, lost, broken := someProduct(), someProduct(), someProduct()
	w.append(kept, product.Listed{})
	w.append(lost, product.Listed{})
	r := w.startWith(reaction)
	w.eventually("told", func() bool { return len(o.delivered()) == 4 && w.at(r, "tell") == w.head() })
	w.close(r)
	w.exec(`DELETE FROM eventstore.events WHERE stream = $1`, string(lost))
	w.store = reopened(t, w)
	w.append(broken, product.Pinned{})
	w.exec(`UPDATE eventstore.events SET metadata = '[' WHERE stream = $1`, string(broken))
	w.moveReactions(reaction)
	if at := w.place("reaction_tell"); at != 1 {
		t.Errorf("the place is %d, want 1", at)
	}
}
