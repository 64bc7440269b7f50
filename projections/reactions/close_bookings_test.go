package reactions_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/bookings"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

var models = []projections.ReadModel{bookings.Model}

// TestOnEventStoreDB runs the tests of the reactions again, on a faulty EventStoreDB.
func TestOnEventStoreDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Run("BookingsAreClosedWhenTheirProductGoes", TestBookingsAreClosedWhenTheirProductGoes)
}

func TestBookingsAreClosedWhenTheirProductGoes(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "reactions", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models)
	})
	store := runtimetest.Store(t, pool)
	service := commands.New(store)
	owner, goneOwner := uuid.New(), uuid.New()
	gone, kept, orphan := uuid.New(), uuid.New(), uuid.New()
	request := func(of, from uuid.UUID) uuid.UUID {
		id := uuid.New()
		runtimetest.Append(t, store, domain.Stream("booking", id), booking.Requested{ProductID: of, ProviderID: from, EnterpriseID: uuid.New()})
		return id
	}
	runtimetest.Append(t, store, domain.Stream("product", gone), product.Submitted{ProviderID: owner, Revision: 1})
	runtimetest.Append(t, store, domain.Stream("product", kept), product.Submitted{ProviderID: owner, Revision: 1})
	runtimetest.Append(t, store, domain.Stream("product", orphan), product.Submitted{ProviderID: goneOwner, Revision: 1})
	before, answered, other, ofGoneOwner := request(gone, owner), request(gone, owner), request(kept, owner), request(orphan, goneOwner)
	runtimetest.Append(t, store, domain.Stream("booking", answered), booking.Replied{Number: 1, Text: "ok"})
	runtimetest.Append(t, store, domain.Stream("product", gone), product.Deleted{})
	runtimetest.Append(t, store, domain.Stream("provider", goneOwner), provider.Closed{Reason: "fraud"})
	after, afterOwner := request(gone, owner), request(orphan, goneOwner) // decided before, recorded after
	last := request(kept, owner)

	start := func() *runtime.Runtime {
		r, err := runtime.Start(t.Context(), runtime.Config{
			Pool: pool, Store: store, Models: models, Reactions: reactions.All(service, pool), Owner: "test", Logger: runtimetest.Log(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeRuntime(t, r) })
		return r
	}
	r := start()
	want := map[uuid.UUID]booking.CloseReason{
		before: booking.ProductDeleted, after: booking.ProductDeleted, answered: "",
		other: "", last: "", ofGoneOwner: booking.ProviderClosed, afterOwner: booking.ProviderClosed,
	}
	runtimetest.Eventually(t, "the reaction at the end of the log", func() bool {
		return at(t, r, "close_bookings") >= runtimetest.Head(t, store)
	})
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
	head := runtimetest.Head(t, store)
	closeRuntime(t, r)
	if _, err := pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0 WHERE projection = 'reaction_close_bookings'`); err != nil {
		t.Fatal(err)
	}
	r = start()
	runtimetest.Eventually(t, "the reaction at the end of the log again", func() bool { return at(t, r, "close_bookings") >= head })
	if runtimetest.Head(t, store) != head {
		t.Errorf("the repeated reaction appended %d events", runtimetest.Head(t, store)-head)
	}
	check()
}

func closeRuntime(t *testing.T, r *runtime.Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runtimetest.Patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
}

// at is where a reaction is.
func at(t *testing.T, r *runtime.Runtime, name string) domain.Position {
	t.Helper()
	all, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s.Position
		}
	}
	return 0
}
