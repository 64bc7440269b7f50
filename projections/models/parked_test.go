package models_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// TestPublicFailsClosed: a provider's event that the listing cannot read, such as its suspension, leaves nothing of it
// public, also in a listing that is built anew; the others stay.
func TestPublicFailsClosed(t *testing.T) {
	t.Parallel()
	only := []projections.ReadModel{listing.Model}
	pool := pgtest.Database(t, "parked", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, only)
	})
	store := runtimetest.Store(t, pool)
	offer := func() (p, v uuid.UUID) {
		p, v = uuid.New(), uuid.New()
		runtimetest.Append(t, store, domain.Stream(provider.Category, v),
			provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}, provider.Approved{Revision: 1})
		runtimetest.Append(t, store, domain.Stream(product.Category, p),
			product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("专线")}, product.Approved{Revision: 1}, product.Listed{})
		return p, v
	}
	bad, v := offer()
	good, _ := offer()
	r, err := runtime.Start(t.Context(), runtime.Config{Pool: pool, Store: store, Models: only, Owner: "test", MaxWait: runtimetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	wait := func(at domain.Position) {
		t.Helper()
		if err := r.Positions().Wait(t.Context(), listing.Model.Name, at); err != nil {
			t.Fatal(err)
		}
	}
	versions := map[string]string{}
	public := func(when string, want []uuid.UUID) {
		t.Helper()
		version, err := runtime.Version(t.Context(), pool, listing.Model)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := versions[version]; ok && before != fmt.Sprint(want) {
			t.Fatalf("%s: version %s showed %v before, and %v now", when, version, before, want)
		}
		versions[version] = fmt.Sprint(want)
		modeltest.Equal(t, when, modeltest.Listed(t, pool, listing.Filter{}), want)
		modeltest.Equal(t, when+", on the map", modeltest.Shown(t, pool, listing.Filter{}), want)
	}
	wait(runtimetest.Head(t, store))
	public("before", []uuid.UUID{good, bad})

	suspended := runtimetest.Events(provider.Suspended{Reason: "复核"})
	suspended[0].Data = []byte(`{"grounds":"复核"}`)
	stream := domain.Stream(provider.Category, v)
	at, err := store.Append(t.Context(), stream, domain.Exactly(1), suspended)
	if err != nil {
		t.Fatal(err)
	}
	last := runtimetest.Append(t, store, stream, provider.Reinstated{Reason: "复核通过"}).Position
	wait(last)
	public("parked", []uuid.UUID{good})
	if _, err := runtime.Rebuild(t.Context(), pool, store, listing.Model, nil); err != nil {
		t.Fatal(err)
	}
	public("built anew", []uuid.UUID{good})
	found, err := runtime.Compare(t.Context(), pool, store, listing.Model)
	if err != nil || len(found.Differences) > 0 || found.Parked != 1 {
		t.Errorf("compare: %+v, %v", found, err)
	}

	letters := runtime.NewDeadLetters(pool, store, only, nil)
	if got, err := letters.Retry(t.Context(), listing.Model.Name, stream); err != nil || got != (runtime.Retried{Left: 2}) {
		t.Fatalf("retry: %+v, %v", got, err)
	}
	public("tried again in vain", []uuid.UUID{good})
	operator := domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}
	if err := letters.Skip(t.Context(), listing.Model.Name, stream, at.Position, "it was a test", operator); err != nil {
		t.Fatal(err)
	}
	public("one of two given up", []uuid.UUID{good})
	if err := letters.Skip(t.Context(), listing.Model.Name, stream, last, "it was a test", operator); err != nil {
		t.Fatal(err)
	}
	public("given up", []uuid.UUID{good, bad})
}
