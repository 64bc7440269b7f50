package models_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// BenchmarkLive appends 1,000 events/s for 10 s beside all read models and the reactions, and reports how long after its
// acknowledgement an event is visible in the listing.
func BenchmarkLive(b *testing.B) {
	pool := pgtest.Database(b, "live", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models.All)
	})
	store := runtimetest.Store(b, pool)
	r, err := runtime.Start(b.Context(), runtime.Config{
		Pool: pool, Store: store, Models: models.All, Reactions: reactions.All(commands.New(store, domaintest.Sources()), pool), Owner: "bench",
		MaxWait: runtimetest.Patience,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	for b.Loop() {
		var (
			mu    sync.Mutex
			took  []time.Duration
			inAir sync.WaitGroup
		)
		content := product.Content{Name: "三亚至曼谷冷链海运专线", Mode: product.Sea}
		ticker := time.NewTicker(time.Millisecond)
		for range 10_000 {
			<-ticker.C
			inAir.Go(func() {
				result, err := store.Append(context.Background(), domain.Stream(product.Category, uuid.New()), domain.NoStream(),
					runtimetest.Events(product.Submitted{ProviderID: uuid.New(), Revision: 1, Content: content}))
				acked := time.Now()
				if err == nil {
					err = r.Positions().Wait(context.Background(), "listing", result.Position)
				}
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(acked))
			})
		}
		ticker.Stop()
		inAir.Wait()
		slices.Sort(took)
		for name, q := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "max-ms": 1} {
			b.ReportMetric(float64(took[int(q*float64(len(took)-1))].Microseconds())/1000, name)
		}
	}
}
