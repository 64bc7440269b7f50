package runtime

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

// noop costs nothing, so that what is left is the runtime's own cost: read, message, decode, checkpoint.
func noop(name string) projections.ReadModel {
	return projections.ReadModel{
		Name: name, Schema: name + "_v1", DDL: `CREATE TABLE nothing ();`,
		Apply: func(context.Context, pgx.Tx, []projections.Event) error { return nil },
	}
}

// fill appends n events of the size of a real one, ten to a stream.
func (w *world) fill(n int) {
	w.t.Helper()
	content := product.Content{
		Name: "三亚至曼谷冷链海运专线", Brief: "每周两班，全程温控，代办两地通关", Tags: []string{"冷链", "东盟", "整柜"}, Mode: product.Sea,
		Destination: product.Destination{Country: "TH", City: "曼谷", Latitude: 13.75, Longitude: 100.5, CRS: "WGS-84"},
	}
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			for range n / 160 {
				facts := []domain.Event{product.Submitted{ProviderID: uuid.New(), Revision: 1, Content: content}}
				for range 9 {
					facts = append(facts, product.Revised{Revision: 2, Content: content})
				}
				if _, err := w.store.Append(context.Background(), someProduct(), domain.NoStream(), runtimetest.Events(facts...)); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

// BenchmarkCatchUp is a projector's own cost for each event of a log that it starts behind.
func BenchmarkCatchUp(b *testing.B) {
	w := newWorld(b)
	const events = 100_000
	w.fill(events)
	for b.Loop() {
		w.model = noop("noop" + uuid.NewString()[:8])
		if err := Prepare(b.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
			b.Fatal(err)
		}
		r := w.start(nil)
		if err := r.Positions().Wait(b.Context(), w.model.Name, w.head()); err != nil {
			b.Fatal(err)
		}
		w.close(r)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*events), "µs/event")
}

// BenchmarkReaction is a reaction's own cost for each event that it handles, with a ledger and without.
func BenchmarkReaction(b *testing.B) {
	for name, deliver := range map[string]func(context.Context, Delivery) error{
		"inside": nil, "ledger": func(context.Context, Delivery) error { return nil },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			const events = 5_000
			w.fill(events)
			for b.Loop() {
				stored := "reaction_" + uuid.NewString()[:8]
				r := w.startWith(Reaction{
					Name: stored, StoredName: stored, Applies: projections.TypesOf(product.Submitted{}, product.Revised{}), Deliver: deliver,
					Handle: func(context.Context, projections.Event) ([]Item, error) { return nil, nil },
				})
				w.begun(stored)
				w.eventually("all handled", func() bool { return w.place(stored) == w.head() })
				w.close(r)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*events), "µs/event")
		})
	}
}

// BenchmarkRebuild is the same for a rebuild.
func BenchmarkRebuild(b *testing.B) {
	w := newWorld(b)
	const events = 100_000
	w.fill(events)
	w.model = noop("noop")
	if err := Prepare(b.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Rebuild(b.Context(), w.pool, w.store, w.model, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*events), "µs/event")
}
