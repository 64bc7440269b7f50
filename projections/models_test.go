package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/projections"
)

var models = []projections.ReadModel{
	projections.Listing, projections.Backoffice, projections.Review, projections.Bookings, projections.History,
}

// tables makes every read model's tables in a database of the test's own.
func tables(t testing.TB) *pgxpool.Pool {
	return pgtest.Database(t, "models", func(ctx context.Context, pool *pgxpool.Pool) error {
		for _, m := range models {
			if _, err := pool.Exec(ctx, "CREATE SCHEMA "+m.Schema+"; SET search_path = "+m.Schema+";"+m.DDL+m.Indexes+"; RESET search_path"); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		return nil
	})
}

// project applies events to every read model, in batches that end where cuts say.
func project(t fataler, pool *pgxpool.Pool, log []projections.Event, cuts ...int) {
	t.Helper()
	start := 0
	for _, end := range append(slices.Clone(cuts), len(log)) {
		for _, m := range models {
			if err := applyBatch(context.Background(), pool, m, log[start:end]); err != nil {
				t.Fatalf("%s, events %d to %d: %v", m.Name, start, end, err)
			}
		}
		start = end
	}
}

func applyBatch(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, log []projections.Event) error {
	batch := make([]projections.Event, 0, len(log))
	for _, e := range log {
		if m.Categories == nil || slices.Contains(m.Categories, e.Stream.Category()) {
			batch = append(batch, e)
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL search_path = "+m.Schema); err != nil {
			return err
		}
		return m.Apply(ctx, tx, batch)
	})
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// contents is every row of every table of the read models, as text.
func contents(t fataler, pool *pgxpool.Pool) string {
	t.Helper()
	var b strings.Builder
	for _, name := range tableNames(t, pool) {
		rows, _ := pool.Query(context.Background(), `SELECT t::text FROM `+name+` t ORDER BY 1`)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fmt.Fprintf(&b, "%s\n\t%s\n", name, strings.Join(lines, "\n\t"))
	}
	return b.String()
}

func tableNames(t fataler, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, _ := pool.Query(context.Background(), `SELECT schemaname || '.' || tablename FROM pg_tables
		WHERE schemaname LIKE '%\_v1' ORDER BY 1`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("tables: %v", err)
	}
	return names
}

func truncate(t fataler, pool *pgxpool.Pool) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), "TRUNCATE "+strings.Join(tableNames(t, pool), ", ")); err != nil {
		t.Fatalf("truncate: %v", err)
	}
}

// history writes a log by hand: revisions and positions count by themselves, and the clock moves a second each event.
type history struct {
	log       []projections.Event
	revisions map[domain.StreamName]uint64
	at        time.Time
	actor     domain.Actor
}

func newHistory() *history {
	return &history{
		revisions: map[domain.StreamName]uint64{},
		at:        time.Date(2026, 11, 23, 1, 0, 0, 123_456_789, time.UTC),
		actor:     domain.Actor{ID: id("actor"), Role: domain.RoleOperator},
	}
}

// id is a UUID that stands for a name.
func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

func (h *history) add(category string, subject uuid.UUID, facts ...domain.Event) {
	stream := domain.Stream(category, subject)
	for _, fact := range facts {
		h.at = h.at.Add(time.Second)
		h.addAt(stream, h.at, fact)
	}
}

// addAt goes by way of the stored bytes, so that what is projected is what a store would give.
func (h *history) addAt(stream domain.StreamName, at time.Time, fact domain.Event) {
	data, err := json.Marshal(fact)
	if err != nil {
		panic(err)
	}
	position := len(h.log) + 1
	metadata, err := json.Marshal(domain.Metadata{
		Actor: h.actor, At: at, CausationID: id(fmt.Sprint("cause", position)), CorrelationID: id(fmt.Sprint("correlation", position)),
		RequestID: fmt.Sprint("request-", position), Schema: domain.MetadataSchema,
	})
	if err != nil {
		panic(err)
	}
	e, err := projections.Decode(domain.RecordedEvent{
		ID: id(fmt.Sprint("event", position)), Stream: stream, Revision: h.revisions[stream], Position: domain.Position(position),
		Type: fact.EventType(), Data: data, Metadata: metadata, RecordedAt: at,
	})
	if err != nil {
		panic(err)
	}
	h.revisions[stream]++
	h.log = append(h.log, e)
}
