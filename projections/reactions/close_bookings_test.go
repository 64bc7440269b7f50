package reactions_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/feed"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/reactions"
	"waybill/projections/review"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
	"waybill/projections/webhooks"
)

var models = []projections.ReadModel{bookings.Model, backoffice.Model, listing.Model, review.Model, history.Model, feed.Model, webhooks.Model}

// TestOnEventStoreDB runs the tests of the reactions again, on a faulty EventStoreDB.
func TestOnEventStoreDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Run("BookingsAreClosedWhenTheirProductGoes", TestBookingsAreClosedWhenTheirProductGoes)
	t.Run("PlacesAreMatchedOnce", TestPlacesAreMatchedOnce)
	t.Run("WebhooksGetWhatTheFeedHas", TestWebhooksGetWhatTheFeedHas)
}

// world is a database with a store, and the bookings read model.
type world struct {
	t       *testing.T
	pool    *pgxpool.Pool
	store   domain.EventStore
	service *commands.Service
	metrics *prometheus.Registry // of the last start
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool := pgtest.Database(t, "reactions", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models)
	})
	store := runtimetest.Store(t, pool)
	return &world{t: t, pool: pool, store: store, service: commands.New(store, domaintest.Sources())}
}

// start sets the read model and all reactions to work.
func (w *world) start() *runtime.Runtime {
	w.t.Helper()
	w.metrics = prometheus.NewRegistry()
	r, err := runtime.Start(w.t.Context(), runtime.Config{
		Pool: w.pool, Store: w.store, Models: models, Reactions: reactions.All(w.service, w.pool), Owner: "test", Logger: runtimetest.Log(w.t),
		Registerer: w.metrics,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { closeRuntime(w.t, r) })
	return r
}

// retried is how often a reaction had to try again.
func (w *world) retried(name string) (n float64) {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "waybill_projection_retries_total" && m.GetLabel()[0].GetValue() == name {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestBookingsAreClosedWhenTheirProductGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pool, store, service := w.pool, w.store, w.service
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

	r := w.start()
	want := map[uuid.UUID]booking.CloseReason{
		before: booking.ProductDeleted, after: booking.ProductDeleted, answered: "",
		other: "", last: "", ofGoneOwner: booking.ProviderClosed, afterOwner: booking.ProviderClosed,
	}
	// All of them, since others append too.
	runtimetest.Eventually(t, "the reactions at the end of the log", func() bool {
		head := runtimetest.Head(t, store)
		return !slices.ContainsFunc(reactions.All(service, pool), func(one runtime.Reaction) bool { return at(t, r, one.Name) < head })
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
	r = w.start()
	runtimetest.Eventually(t, "the reaction at the end of the log again", func() bool { return at(t, r, "close_bookings") >= head })
	if runtimetest.Head(t, store) != head {
		t.Errorf("the repeated reaction appended %d events", runtimetest.Head(t, store)-head)
	}
	check()
}

// The bookings that are open when a product goes are asked of a read model: that must have come so far first.
func TestClosingWaitsForTheBookings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	product1, booking1 := uuid.New(), uuid.New()
	of := domain.Stream(product.Category, product1)
	runtimetest.Append(t, w.store, of, product.Submitted{ProviderID: uuid.New(), Revision: 1})
	letGo := runtimetest.Hold(t, w.pool, bookings.Model.Schema)
	r := w.start()
	requested := runtimetest.Append(t, w.store, domain.Stream(booking.Category, booking1), booking.Requested{ProductID: product1, EnterpriseID: uuid.New()}).Position
	runtimetest.Eventually(t, "the reaction at the request", func() bool { return at(t, r, "close_bookings") >= requested })
	deleted := runtimetest.Append(t, w.store, of, product.Deleted{}).Position
	runtimetest.Append(t, w.store, domain.Stream(product.Category, uuid.New()), product.Submitted{ProviderID: uuid.New(), Revision: 1})
	runtimetest.Eventually(t, "the reaction trying in vain", func() bool {
		if at(t, r, "close_bookings") >= deleted {
			t.Fatal("the reaction went on before the bookings were there")
		}
		return w.retried("close_bookings") > 0
	})
	letGo()
	runtimetest.Eventually(t, "the reaction past the deletion", func() bool { return at(t, r, "close_bookings") >= deleted })
	replayed, err := w.service.Replay(t.Context(), domain.Stream(booking.Category, booking1), commands.Until{})
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := replayed.State.(booking.State); !ok || s.CloseReason != booking.ProductDeleted {
		t.Errorf("state %+v, want it closed because the product is deleted", replayed.State)
	}
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
