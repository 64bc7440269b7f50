package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// manyEntries are 150,000 entries in which common values never meet: actors, providers, roles and types go by the remainder of 5, so that
// those of one remainder never meet those of another; so do the reasons of every tenth entry and the words of every fifth.
const manyEntries = `
INSERT INTO history_v5.classes SELECT t, CASE t % 2 WHEN 0 THEN 'product' ELSE 'provider' END,
	CASE t WHEN 0 THEN 'product-approved.v1' WHEN 1 THEN 'provider-rejected.v1' ELSE 'type' || t END, 'role' || t % 5 FROM generate_series(0, 39) t;
INSERT INTO history_v5.entries SELECT i, i % 40, CASE i % 2 WHEN 0 THEN 'product' ELSE 'provider' END, md5('s' || i / 20)::uuid, 0,
	'type', md5('e' || i)::uuid, md5('a' || i % 5)::uuid, 'role' || i % 5, '2026-01-01Z'::timestamptz + i * interval '10 seconds', md5('c' || i / 3)::uuid,
	'request-' || i / 3, md5('v' || i % 5)::uuid, 0, '[]', false, null FROM generate_series(1, 150000) i;
INSERT INTO history_v5.codes SELECT i, 'code' || i % 5, i % 40, md5('v' || i % 5)::uuid, md5('a' || i % 5)::uuid FROM generate_series(1, 150000, 3) i;
INSERT INTO history_v5.spans SELECT 86400, extract(epoch from d)::bigint - 28800, min(i), max(i) FROM
	(SELECT i, date_trunc('day', '2026-01-01'::timestamp + interval '8 hours' + i * interval '10 seconds') d FROM generate_series(1, 150000) i) x GROUP BY d;
INSERT INTO history_v5.spans SELECT s, (1767225600 + i * 10) / s * s, min(i), max(i) FROM generate_series(1, 150000) i, (VALUES (60), (3600)) v (s) GROUP BY 1, 2;`

// TestNoPairOfFiltersWalksTheLog: whatever two filters ask for, meeting or not, what is looked at for a page does not grow with the log.
func TestNoPairOfFiltersWalksTheLog(t *testing.T) {
	pool := modeltest.Tables(t)
	if _, err := pool.Exec(t.Context(), manyEntries); err != nil {
		t.Fatal(err)
	}
	history.FillTexts(t, pool, 150_000)
	if _, err := pool.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	var actor, other, provider, subject, event, correlation uuid.UUID
	for id, of := range map[*uuid.UUID]string{&actor: "a1", &other: "a2", &provider: "v3", &subject: "s3750", &event: "e75001", &correlation: "c25000"} {
		if err := pool.QueryRow(t.Context(), `SELECT md5($1)::uuid`, of).Scan(id); err != nil {
			t.Fatal(err)
		}
	}
	early, middle, late := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), time.Date(2026, 1, 9, 3, 4, 5, 6000, time.UTC), time.Date(2026, 1, 17, 3, 4, 5, 6000, time.UTC)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(1_499_950 * time.Second)
	filters := []struct {
		name string
		set  func(f *history.Filter)
	}{
		{"nothing", func(*history.Filter) {}},
		{"stream", func(f *history.Filter) { f.Stream = domain.Stream("product", subject) }},
		{"kind", func(f *history.Filter) { f.Kind = "product" }},
		{"type", func(f *history.Filter) { f.Type = "type7" }},
		{"role", func(f *history.Filter) { f.Role = "role4" }},
		{"approved", func(f *history.Filter) { f.Decision = history.Approved }},
		{"rejected", func(f *history.Filter) { f.Decision = history.Rejected }},
		{"reason", func(f *history.Filter) { f.Reason = "code4" }},
		{"no such reason", func(f *history.Filter) { f.Reason = "none" }},
		{"actor", func(f *history.Filter) { f.Actor = &actor }},
		{"another actor", func(f *history.Filter) { f.Actor = &other }},
		{"nobody", func(f *history.Filter) { f.Actor = new(domaintest.ID("nobody")) }},
		{"provider", func(f *history.Filter) { f.Provider = &provider }},
		{"event", func(f *history.Filter) { f.EventID = &event }},
		{"correlation", func(f *history.Filter) { f.CorrelationID = &correlation }},
		{"request", func(f *history.Filter) { f.RequestID = "request-99" }},
		{"from", func(f *history.Filter) { f.From = &late }},
		{"from almost now", func(f *history.Filter) { f.From = &now }},
		{"to", func(f *history.Filter) { f.To = &early }},
		{"a day", func(f *history.Filter) { f.From, f.To = &middle, new(middle.Add(24*time.Hour)) }},
		{"before all", func(f *history.Filter) { f.To = new(early.AddDate(-1, 0, 0)) }},
		{"after all", func(f *history.Filter) { f.From = new(early.AddDate(1, 0, 0)) }},
		{"common word", func(f *history.Filter) { f.Text = "海运" }},
		{"word of some", func(f *history.Filter) { f.Text = "空运3号" }},
		{"rare word", func(f *history.Filter) { f.Text = "第75000" }},
		{"no word", func(f *history.Filter) { f.Text = "没有" }},
		{"words that never meet", func(f *history.Filter) { f.Text = "空运3号 空运4号" }},
	}
	worst := 0.0
	for i, one := range filters {
		for _, two := range filters[i:] {
			for _, descending := range []bool{false, true} {
				f := history.Filter{Descending: descending}
				one.set(&f)
				two.set(&f)
				e := &modeltest.Explaining{Pool: pool, T: t}
				if _, err := (history.Queries{DB: e}).Query(t.Context(), f); err != nil {
					t.Fatal(err)
				}
				worst = max(worst, e.Rows)
				// The classes, the spans and the blocks, a page of each class, a stream, and of texts what a block has.
				if e.Rows > 4000 {
					t.Errorf("%s and %s, descending %t: looks at %.0f rows\n%s", one.name, two.name, descending, e.Rows, fmt.Sprintf("%.2000s", e.Plan))
				}
			}
		}
	}
	t.Logf("at most %.0f rows", worst)
}
