// Package modeltest applies logs that tests write by hand to the read models.
package modeltest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/events"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/listing"
	"waybill/projections/models"
)

// Beside is what the names of a second set of schemas end with, as one that a rebuild fills.
const Beside = "_next"

// Tables makes every read model's tables, twice (Beside), in a database of the test's own.
func Tables(t testing.TB) *pgxpool.Pool {
	return pgtest.Database(t, "models", func(ctx context.Context, pool *pgxpool.Pool) error {
		for _, m := range append(slices.Clone(models.All), beside()...) {
			create := "CREATE SCHEMA " + m.Schema + "; SET search_path = " + m.Schema + ";" + m.DDL + m.Indexes + "; RESET search_path"
			if _, err := pool.Exec(ctx, create); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		return nil
	})
}

// beside are the read models in the second set of schemas.
func beside() []projections.ReadModel {
	all := slices.Clone(models.All)
	for i := range all {
		all[i].Schema += Beside
	}
	return all
}

// ProjectBeside is Project into the second set of schemas.
func ProjectBeside(t Fataler, pool *pgxpool.Pool, log []projections.Event, cuts ...int) {
	t.Helper()
	project(t, pool, beside(), log, cuts...)
}

// Project applies events to every read model, in batches that end where cuts say.
func Project(t Fataler, pool *pgxpool.Pool, log []projections.Event, cuts ...int) {
	t.Helper()
	project(t, pool, models.All, log, cuts...)
}

func project(t Fataler, pool *pgxpool.Pool, into []projections.ReadModel, log []projections.Event, cuts ...int) {
	t.Helper()
	start := 0
	for _, end := range append(slices.Clone(cuts), len(log)) {
		for _, m := range into {
			if err := Apply(context.Background(), pool, m, log[start:end]); err != nil {
				t.Fatalf("%s, events %d to %d: %v", m.Name, start, end, err)
			}
		}
		start = end
	}
}

// Apply applies events to one read model, as one batch.
func Apply(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, log []projections.Event) error {
	batch := make([]projections.Event, 0, len(log))
	for _, e := range log {
		if slices.Contains(m.Applies, e.Type) {
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

// Fataler is what a test and a property test have in common.
type Fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Contents is every row of every table of the read models, as text.
func Contents(t Fataler, pool *pgxpool.Pool) string {
	t.Helper()
	return contents(t, pool, models.All)
}

// ContentsBeside is Contents of the second set of schemas, under the names of the first.
func ContentsBeside(t Fataler, pool *pgxpool.Pool) string {
	t.Helper()
	return strings.ReplaceAll(contents(t, pool, beside()), Beside+".", ".")
}

func contents(t Fataler, pool *pgxpool.Pool, of []projections.ReadModel) string {
	t.Helper()
	var b strings.Builder
	for _, name := range tableNames(t, pool, of) {
		rows, _ := pool.Query(context.Background(), `SELECT t::text FROM `+name+` t ORDER BY 1`)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fmt.Fprintf(&b, "%s\n\t%s\n", name, strings.Join(lines, "\n\t"))
	}
	return b.String()
}

func tableNames(t Fataler, pool *pgxpool.Pool, of []projections.ReadModel) []string {
	t.Helper()
	var schemas []string
	for _, m := range of {
		schemas = append(schemas, m.Schema)
	}
	rows, _ := pool.Query(context.Background(), `SELECT schemaname || '.' || tablename FROM pg_tables
		WHERE schemaname = ANY ($1) ORDER BY 1`, schemas)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("tables: %v", err)
	}
	return names
}

// Truncate empties every table of the read models, in both sets of schemas.
func Truncate(t Fataler, pool *pgxpool.Pool) {
	t.Helper()
	all := append(tableNames(t, pool, models.All), tableNames(t, pool, beside())...)
	// Rows are few, and TRUNCATE makes new files for every table and index.
	if _, err := pool.Exec(context.Background(), "DELETE FROM "+strings.Join(all, "; DELETE FROM ")); err != nil {
		t.Fatalf("truncate: %v", err)
	}
}

// Empty empties the tables of one read model, in whatever database.
func Empty(t Fataler, pool *pgxpool.Pool, m projections.ReadModel) {
	t.Helper()
	all := tableNames(t, pool, []projections.ReadModel{m})
	if _, err := pool.Exec(context.Background(), "DELETE FROM "+strings.Join(all, "; DELETE FROM ")); err != nil {
		t.Fatalf("empty %s: %v", m.Name, err)
	}
}

// History writes a log by hand: revisions and positions count by themselves, and the clock moves a second each event.
type History struct {
	Log []projections.Event
	// Next are the revisions of the streams' next events.
	Next map[domain.StreamName]domain.Revision
	// At is when the last event happened, Actor who did all that is added from now on.
	At    time.Time
	Actor domain.Actor
}

// NewHistory is an empty log whose clock stands on a working day.
func NewHistory() *History {
	return &History{
		Next:  map[domain.StreamName]domain.Revision{},
		At:    time.Date(2026, 11, 23, 1, 0, 0, 123_456_789, time.UTC),
		Actor: domain.Actor{ID: domaintest.ID("actor"), Role: domain.RoleOperator},
	}
}

// Add appends facts to a stream, each a second after the one before.
func (h *History) Add(category string, subject uuid.UUID, facts ...domain.Event) {
	stream := domain.Stream(category, subject)
	for _, fact := range facts {
		h.At = h.At.Add(time.Second)
		h.AddAt(stream, h.At, fact)
	}
}

// AddAt appends a fact that happened at a time. It goes by way of the stored bytes, so that what is projected is what a store would give.
func (h *History) AddAt(stream domain.StreamName, at time.Time, fact domain.Event) {
	data, err := json.Marshal(fact)
	if err != nil {
		panic(err)
	}
	position := len(h.Log) + 1
	metadata, err := json.Marshal(domain.Metadata{
		Actor: h.Actor, At: at, CausationID: domaintest.ID(fmt.Sprint("cause", position)),
		CorrelationID: domaintest.ID(fmt.Sprint("correlation", position)),
		RequestID:     fmt.Sprint("request-", position), Schema: domain.MetadataSchema,
	})
	if err != nil {
		panic(err)
	}
	e, err := projections.Decode(events.Types, domain.RecordedEvent{
		ID: domaintest.ID(fmt.Sprint("event", position)), Stream: stream, Revision: h.Next[stream], Position: domain.Position(position),
		Type: fact.EventType(), Data: data, Metadata: metadata, RecordedAt: at,
	})
	if err != nil {
		panic(err)
	}
	h.Next[stream]++
	h.Log = append(h.Log, e)
}

// Activate has a provider apply and be approved.
func (h *History) Activate(v uuid.UUID) {
	h.Add(provider.Category, v, provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}, provider.Approved{Revision: 1})
}

// Offer makes a public product.
func (h *History) Offer(p, v uuid.UUID, at time.Time, c product.Content, more ...domain.Event) {
	facts := []domain.Event{product.Submitted{ProviderID: v, Revision: 1, Content: c}, product.Approved{Revision: 1}, product.Listed{}}
	for _, fact := range append(facts, more...) {
		h.AddAt(domain.Stream(product.Category, p), at, fact)
	}
}

// Listed walks every page of the list.
func Listed(t Fataler, pool *pgxpool.Pool, f listing.Filter) []uuid.UUID {
	t.Helper()
	var list []uuid.UUID
	for {
		page, err := listing.Queries{DB: pool}.Page(context.Background(), f)
		if err != nil {
			t.Fatalf("page of %+v: %v", f, err)
		}
		for _, card := range page.Rows {
			list = append(list, card.ID)
		}
		if page.Next == "" {
			return list
		}
		if len(page.Rows) == 0 {
			t.Fatalf("an empty page with a next one")
		}
		f.After = page.Next
	}
}

// Shown are the products of a filter as the map of the world shows them, in the list's order; at most 100. Facets count the same.
func Shown(t Fataler, pool *pgxpool.Pool, f listing.Filter) []uuid.UUID {
	t.Helper()
	q := listing.Queries{DB: pool}
	m, err := q.Map(context.Background(), f, listing.World, 2)
	if err != nil || len(m.Clusters) > 0 || m.Estimate {
		t.Fatalf("map of %+v: %+v, %v", f, m, err)
	}
	facets, err := q.Facets(context.Background(), f)
	if err != nil {
		t.Fatalf("facets of %+v: %v", f, err)
	}
	var list []uuid.UUID
	var want listing.Facets
	for _, pin := range m.Pins {
		list = append(list, pin.ID)
		want.Total++
		count(&want.Modes, string(pin.Mode))
		count(&want.Countries, pin.Destination.Country)
		count(&want.Cities, pin.Destination.City)
		seen := map[string]bool{}
		for _, tag := range pin.Tags {
			if key := projections.FoldText(tag); !seen[key] {
				seen[key] = true
				count(&want.Tags, key)
			}
		}
	}
	for i, tag := range facets.Tags {
		facets.Tags[i].Value = projections.FoldText(tag.Value)
	}
	for _, list := range []*[]listing.Facet{&want.Modes, &want.Countries, &want.Cities, &want.Tags} {
		slices.SortFunc(*list, func(a, b listing.Facet) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(projections.FoldText(a.Value), projections.FoldText(b.Value)))
		})
	}
	Equal(t, fmt.Sprintf("facets of %+v", f), facets, want)
	return list
}

func count(facets *[]listing.Facet, value string) {
	at := slices.IndexFunc(*facets, func(f listing.Facet) bool { return f.Value == value })
	if at < 0 {
		at = len(*facets)
		*facets = append(*facets, listing.Facet{Value: value})
	}
	(*facets)[at].Count++
}

// Error is the error of a call that also gives something else.
func Error[T any](_ T, err error) error { return err }

// Equal fails the test unless got is want, deeply.
func Equal[T any](t Fataler, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}
