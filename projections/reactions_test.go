package projections

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"

	"github.com/jackc/pgx/v5/pgxpool"
)

// newRealWorld is a world with the bookings read model in place of the tally.
func newRealWorld(t *testing.T) *world {
	t.Helper()
	pool := pgtest.Database(t, "reactions", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return Prepare(ctx, pool, []ReadModel{Bookings})
	})
	store := newStore(t, pool)
	return &world{t: t, pool: pool, store: store, model: Bookings}
}

func TestBookingsAreClosedWhenTheirProductGoes(t *testing.T) {
	t.Parallel()
	w := newRealWorld(t)
	service := commands.New(w.store)
	owner, goneOwner := uuid.New(), uuid.New()
	gone, kept, orphan := uuid.New(), uuid.New(), uuid.New()
	request := func(of, from uuid.UUID) uuid.UUID {
		id := uuid.New()
		w.append(domain.Stream("booking", id), booking.Requested{ProductID: of, ProviderID: from, EnterpriseID: uuid.New()})
		return id
	}
	w.append(domain.Stream("product", gone), product.Submitted{ProviderID: owner, Revision: 1})
	w.append(domain.Stream("product", kept), product.Submitted{ProviderID: owner, Revision: 1})
	w.append(domain.Stream("product", orphan), product.Submitted{ProviderID: goneOwner, Revision: 1})
	before, answered, other, ofGoneOwner := request(gone, owner), request(gone, owner), request(kept, owner), request(orphan, goneOwner)
	w.append(domain.Stream("booking", answered), booking.Replied{Number: 1, Text: "ok"})
	w.append(domain.Stream("product", gone), product.Deleted{})
	w.append(domain.Stream("provider", goneOwner), provider.Closed{Reason: "fraud"})
	after, afterOwner := request(gone, owner), request(orphan, goneOwner) // decided before, recorded after
	last := request(kept, owner)

	r := w.start(func(c *Config) { c.Reactions = Reactions(service, w.pool) })
	want := map[uuid.UUID]booking.CloseReason{
		before: booking.ProductDeleted, after: booking.ProductDeleted, answered: "",
		other: "", last: "", ofGoneOwner: booking.ProviderClosed, afterOwner: booking.ProviderClosed,
	}
	w.eventually("the reaction at the end of the log", func() bool { return w.at(r, "close_bookings") >= w.head() })
	check := func() {
		t.Helper()
		for id, reason := range want {
			replayed, err := service.Replay(t.Context(), domain.Stream("booking", id), commands.Until{})
			if err != nil {
				t.Fatal(err)
			}
			if s := replayed.State.(booking.State); s.CloseReason != reason {
				t.Errorf("booking of product closed for %q, want %q", s.CloseReason, reason)
			}
		}
	}
	check()

	// The same events once more, as after a crash: nothing is closed twice.
	head := w.head()
	w.close(r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0 WHERE projection = 'reaction_close_bookings'`); err != nil {
		t.Fatal(err)
	}
	r = w.start(func(c *Config) { c.Reactions = Reactions(service, w.pool) })
	w.eventually("the reaction at the end of the log again", func() bool { return w.at(r, "close_bookings") >= head })
	if w.head() != head {
		t.Errorf("the repeated reaction appended %d events", w.head()-head)
	}
	check()
}

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
		Name: "notify", Types: []string{product.Listed{}.EventType(), product.Pinned{}.EventType()},
		Handle: func(_ context.Context, e Event) error {
			switch e.Fact.(type) {
			case product.Pinned:
				attempts.Add(1)
				if broken.Load() > 0 {
					panic("no such address")
				}
			case product.Listed:
				if handled.Load() == 0 && attempts.Add(1) < 6 {
					return domain.ErrUnavailable // passes by itself, however long it takes
				}
			}
			handled.Add(1)
			return nil
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
	list, err := letters.List(t.Context(), "")
	if err != nil || len(list) != 1 || list[0].Stream != stream || list[0].Revision != 2 || list[0].Name != "notify" {
		t.Fatalf("dead letters %+v, %v", list, err)
	}
	broken.Store(0)
	if done, left, err := letters.Retry(t.Context(), "notify", stream); done != 1 || left != 0 || err != nil {
		t.Fatalf("retry: %d done, %d left, %v", done, left, err)
	}
	if _, _, err := letters.Retry(t.Context(), "notify", stream); !errors.Is(err, ErrNoDeadLetter) {
		t.Fatalf("retry of nothing: %v", err)
	}
	if handled.Load() != 3 {
		t.Errorf("%d handled, want 3", handled.Load())
	}
}
