package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// BenchmarkAppend measures one event per append beside its floor: one INSERT per transaction into a table with the same
// columns and the same unique (stream, revision). It means something on a server with fsync on: WAYBILL_TEST_DATABASE_URL.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("floor/writers=%d", writers), func(b *testing.B) {
			pool := benchPool(b, writers)
			if _, err := pool.Exec(b.Context(), `create table floor (like eventstore.events including all)`); err != nil {
				b.Fatal(err)
			}
			if _, err := pool.Exec(b.Context(), `alter table floor alter position add generated always as identity`); err != nil {
				b.Fatal(err)
			}
			hammer(b, writers, func(ctx context.Context, stream domain.StreamName, revision domain.Revision, e domain.NewEvent) error {
				_, err := pool.Exec(ctx, `
					insert into floor (stream, revision, id, type, data, metadata, recorded_at) values ($1, $2, $3, $4, $5, $6, now())`,
					string(stream), int64(revision), e.ID, e.Type, e.Data, e.Metadata)
				return err
			})
		})
		b.Run(fmt.Sprintf("store/writers=%d", writers), func(b *testing.B) {
			var batches, appends atomic.Int64
			store := postgres.NewEventStore(benchPool(b, writers), postgres.OnBatch(func(batch postgres.Batch) {
				batches.Add(1)
				appends.Add(int64(batch.Appends))
			}))
			defer store.Close()
			hammer(b, writers, func(ctx context.Context, stream domain.StreamName, revision domain.Revision, e domain.NewEvent) error {
				expected := domain.NoStream()
				if revision > 0 {
					expected = domain.Exactly(revision - 1)
				}
				_, err := store.Append(ctx, stream, expected, []domain.NewEvent{e})
				return err
			})
			b.ReportMetric(float64(appends.Load())/float64(max(1, batches.Load())), "appends/batch")
		})
	}
}

func benchPool(b *testing.B, connections int) *pgxpool.Pool {
	config := pgtest.Database(b, "eventstore", postgres.Migrate).Config()
	config.MaxConns = int32(connections)
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

// hammer has writers append b.N events of about 500 bytes, ten to a stream, and reports the rate and the latencies.
func hammer(b *testing.B, writers int, write func(context.Context, domain.StreamName, domain.Revision, domain.NewEvent) error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		took []time.Duration
		left atomic.Int64
	)
	left.Store(int64(b.N))
	data, metadata := append(append([]byte(`{"note":"`), bytes.Repeat([]byte("x"), 280)...), `"}`...), append(append([]byte(`{"note":"`), bytes.Repeat([]byte("y"), 190)...), `"}`...)
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			var stream domain.StreamName
			var own []time.Duration
			for i := domain.Revision(0); left.Add(-1) >= 0; i++ {
				if i%10 == 0 {
					stream = domain.Stream("bench", uuid.New())
				}
				start := time.Now()
				if err := write(b.Context(), stream, i%10, domain.NewEvent{ID: uuid.New(), Type: "benched.v1", Data: data, Metadata: metadata}); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(start))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.StopTimer()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}
