package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/demo"
	"waybill/domain"
	"waybill/domain/product"
)

// The floor is a table of the same columns and keys, filled as one would without an event store.
const (
	floorTable = `CREATE SCHEMA floor; CREATE TABLE floor.events (
		position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text COLLATE "C" NOT NULL, revision bigint NOT NULL,
		id uuid NOT NULL, type text COLLATE "C" NOT NULL, data bytea NOT NULL, metadata bytea NOT NULL,
		recorded_at timestamptz NOT NULL DEFAULT statement_timestamp(), UNIQUE (stream, revision))`
	floorInsert = `INSERT INTO floor.events (stream, revision, id, type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)`
)

// eventsPerStream is how long a stream gets before its writer begins a new one.
const eventsPerStream = 10

// writer appends one event after the other, as the next of its current stream.
type writer struct {
	stream   domain.StreamName
	revision domain.Revision
	event    domain.NewEvent
}

// next is what the writer appends now, and what it demands of the stream.
func (w *writer) next() (domain.StreamName, domain.ExpectedRevision, domain.Revision, domain.NewEvent) {
	w.event.ID = uuid.New()
	if w.stream == "" || w.revision == eventsPerStream-1 {
		w.stream, w.revision = domain.Stream("product", w.event.ID), 0
		return w.stream, domain.NoStream(), 0, w.event
	}
	w.revision++
	return w.stream, domain.Exactly(w.revision - 1), w.revision, w.event
}

func newWriters(n int, event domain.NewEvent) []*writer {
	writers := make([]*writer, n)
	for i := range writers {
		writers[i] = &writer{event: event}
	}
	return writers
}

// appends measures one event per call through the store beside one INSERT per transaction.
func (b *bench) appends(ctx context.Context) error {
	d, err := b.database(ctx, "bench_append")
	if err != nil {
		return err
	}
	if _, err := d.pool.Exec(ctx, floorTable); err != nil {
		return err
	}
	event, err := typicalEvent()
	if err != nil {
		return err
	}
	rows := [][]string{{"writers", "floor", "p50", "p99", "store", "p50", "p99", "store ÷ floor"}}
	for _, step := range []struct {
		writers int
		least   float64
	}{{1, 0.9}, {32, 2}, {128, 3}} {
		b.progress("append with %d writers", step.writers)
		var floor, store runs
		for range b.size.rounds {
			floor = append(floor, d.insertAlone(ctx, step.writers, b.size.run, event))
			store = append(store, appendAlone(ctx, d.store, step.writers, b.size.run, event))
		}
		b.report.works("INSERT", floor.together())
		b.report.works("append", store.together())
		f, s := floor.together(), store.together()
		rows = append(rows, []string{
			fmt.Sprint(step.writers), grouped(floor.perSecond()) + "/s", millis(f.percentile(50)), millis(f.percentile(99)),
			grouped(store.perSecond()) + "/s", millis(s.percentile(50)), millis(s.percentile(99)),
			b.report.least(fmt.Sprintf("append, %d writers", step.writers), store.perSecond()/floor.perSecond(), step.least, "%.2f"),
		})
	}
	b.report.table(fmt.Sprintf("Append: one event per call, %d bytes of data and %d of metadata, a new stream every %d; "+
		"the floor is one INSERT per transaction", len(event.Data), len(event.Metadata), eventsPerStream), rows)
	return ctx.Err()
}

// insertAlone drives the floor.
func (d *database) insertAlone(ctx context.Context, n int, length time.Duration, event domain.NewEvent) sample {
	writers := newWriters(n, event)
	return drive(ctx, n, length, func(ctx context.Context, w int) error {
		stream, _, revision, e := writers[w].next()
		at := int64(revision) //nolint:gosec // below ten
		_, err := d.pool.Exec(ctx, floorInsert, string(stream), at, e.ID, e.Type, e.Data, e.Metadata)
		return err
	})
}

// appendAlone drives a store.
func appendAlone(ctx context.Context, store domain.EventStore, n int, length time.Duration, event domain.NewEvent) sample {
	writers := newWriters(n, event)
	return drive(ctx, n, length, func(ctx context.Context, w int) error {
		stream, expected, _, e := writers[w].next()
		_, err := store.Append(ctx, stream, expected, []domain.NewEvent{e})
		return err
	})
}

// typicalEvent is a submitted product with the metadata a request over HTTP leaves: about 500 bytes of data. It says where it goes, as
// every submission does now, so that a server beside it has no reason to append to the same stream.
func typicalEvent() (domain.NewEvent, error) {
	content := typicalContent()
	fact := product.Submitted{ProviderID: uuid.New(), Revision: 1, Content: content, Point: content.Destination.Point()}
	data, err := json.Marshal(fact)
	if err != nil {
		return domain.NewEvent{}, err
	}
	metadata, err := json.Marshal(domain.Metadata{
		Actor: domain.Actor{ID: fact.ProviderID, Role: domain.RoleProvider}, At: time.Now().UTC(), CausationID: uuid.New(),
		CorrelationID: uuid.New(), RequestID: uuid.NewString(), Fingerprint: "fd1c9a2f1f5e1a3b", Schema: domain.MetadataSchema,
	})
	return domain.NewEvent{Type: fact.EventType(), Data: data, Metadata: metadata}, err
}

// typicalContent is one of the demo world's products, with one detail.
func typicalContent() product.Content {
	content := demo.Catalogue()[0][0]
	content.Details = content.Details[:1]
	return content
}
