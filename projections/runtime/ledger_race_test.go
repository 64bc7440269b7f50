package runtime

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
)

// meanwhile does something before each append.
type meanwhile struct {
	domain.EventStore
	do func()
}

func (m meanwhile) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision,
	events []domain.NewEvent,
) (domain.AppendResult, error) {
	m.do()
	return m.EventStore.Append(ctx, stream, expected, events)
}

// waits waits until somebody waits for a lock.
func (w *world) waits() {
	w.t.Helper()
	w.eventually("somebody waits", func() (yes bool) {
		err := w.pool.QueryRow(w.t.Context(), `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE NOT granted AND datname = current_database())`).Scan(&yes)
		if err != nil {
			w.t.Fatal(err)
		}
		return yes
	})
}

// holding runs do while a transaction of which it has the first statement is open, and commits it once do waits for it.
func (w *world) holding(do func() error, sql string, args ...any) {
	w.t.Helper()
	tx, err := w.pool.Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }() // of one that is committed it is nothing
	if _, err := tx.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	w.waits()
	if err := tx.Commit(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := <-done; err != nil {
		w.t.Error(err)
	}
}

// What is due again is not skipped as the dead letter that it was: as the head of its object it would be delivered for ever.
func TestASkipIsNotOfWhatIsDueAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	o := newOutside()
	o.refuse(string(stream), true)
	reaction := o.tell(FromStart)
	at := w.append(stream, product.Listed{}).Position
	r := w.startWith(reaction)
	w.eventually("both items given up", func() (yes bool) {
		if err := w.pool.QueryRow(t.Context(), `SELECT count(*) = 2 FROM projections.ledger WHERE state = 'given_up'`).Scan(&yes); err != nil {
			t.Fatal(err)
		}
		return yes
	})
	w.close(r)
	var event uuid.UUID
	if err := w.pool.QueryRow(t.Context(), `SELECT event_id FROM projections.ledger LIMIT 1`).Scan(&event); err != nil {
		t.Fatal(err)
	}
	operator := domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}
	store := meanwhile{w.store, func() {
		if _, err := NewDeliveries(w.pool, w.store, "tell", "reaction_tell").Resend(t.Context(), uuid.New(), "a", event, operator); err != nil {
			t.Error(err)
		}
	}}
	err := NewDeadLetters(w.pool, store, nil, []Reaction{reaction}).Skip(t.Context(), "tell", stream, at, "the address is gone", operator)
	if !errors.Is(err, ErrNoDeadLetter) {
		t.Errorf("skipped: %v", err)
	}
	var state string
	var head bool
	if err := w.pool.QueryRow(t.Context(), `SELECT state, head FROM projections.ledger WHERE recipient = 'a'`).Scan(&state, &head); err != nil {
		t.Fatal(err)
	}
	if state != itemDue || !head {
		t.Errorf("%s, head %t; want it due, the head of its object", state, head)
	}
}

// What becomes due again while the ledger is cleared is not forgotten.
func TestWhatIsDueAgainIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, settled_at)
		VALUES ('reaction_tell', gen_random_uuid(), 'a', 'o', 'product-x', 1, 1, 'x', 'done', now() - interval '2 days')`)
	r := &reactor{pool: w.pool, reaction: Reaction{StoredName: "reaction_tell", Keeps: 24 * time.Hour}}
	w.holding(func() error { return r.forget(t.Context()) }, `UPDATE projections.ledger SET state = 'due', head = true, settled_at = NULL`)
	var left int
	if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM projections.ledger`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d left, %v", left, err)
	}
}

// A reaction is moved to another log when nobody is about to say which item of an object is next: else none would be.
func TestAMoveWaitsForWhoHoldsAnObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream := someProduct()
	o := newOutside()
	o.refuse(string(stream), true)
	reaction := o.tell(FromStart)
	reaction.Tries, reaction.Pause = 1000, time.Hour
	w.append(stream, product.Listed{})
	r := w.startWith(reaction)
	w.eventually("tried", func() bool { return o.attempts(string(stream)) > 0 })
	w.close(r)
	w.exec(`UPDATE eventstore.events SET id = gen_random_uuid()`)
	w.holding(func() error { return MoveReactions(t.Context(), w.pool, w.store, []Reaction{reaction}) },
		lockObject, "reaction_tell", string(stream))
	var heads, due int
	err := w.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE head), count(*) FILTER (WHERE state = 'due') FROM projections.ledger`).Scan(&heads, &due)
	if err != nil || heads != 0 || due != 0 {
		t.Errorf("%d heads, %d due, %v; the log has none of the events", heads, due, err)
	}
}
