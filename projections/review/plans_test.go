package review_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/projections/modeltest"
	"waybill/projections/review"
)

// manyCases are open cases and as many decisions; one in a hundred, of each sort in turn, has a flag.
const manyCases = `
INSERT INTO review_v6.subjects SELECT md5('s' || i)::uuid, 'x', 'logistics', 0, 1, 0, false, 0, null FROM generate_series(1, 20000) i;
INSERT INTO review_v6.submissions SELECT 'product', md5('s' || i)::uuid, r, CASE r WHEN 1 THEN 'approved' ELSE 'pending' END,
	'2026-01-01'::timestamptz + i * interval '5 minutes', 'x', md5('v' || i % 300)::uuid, md5('v' || i % 300)::uuid,
	CASE WHEN i % 100 = 1 THEN '{/name}'::text[] ELSE '{}' END, i % 100 = 2, CASE WHEN i % 100 = 3 THEN 2 ELSE 1 END, now(), now(), now(), null, null, '', CASE WHEN i <= 10 THEN 'customs' ELSE 'logistics' END,
	CASE WHEN i % 100 = 4 THEN '{}'::json END, CASE WHEN i % 100 = 5 THEN '{}'::json END,
	now(), CASE WHEN i % 100 = 6 THEN '2026-01-01'::timestamptz ELSE '2036-01-01' END, false, '2026.0', '{}', null, '{}', 0, null
	FROM generate_series(1, 20000) i, generate_series(1, 2) r;
INSERT INTO review_v6.cases SELECT md5('s' || i)::uuid, CASE i % 2 WHEN 0 THEN 'product' ELSE 'provider' END, 2, md5('v' || i % 300)::uuid, 'logistics',
	md5('v' || i % 300)::uuid, false, i % 100 = 1, i % 100 = 2, i % 100 = 3, i % 100 = 4, i % 100 = 5, i % 100 = 6,
	'2026-01-01'::timestamptz + i * interval '5 minutes', date_trunc('day', '2026-01-01'::timestamptz + i * interval '5 minutes') + (1 + i % 2) * interval '1 day',
	false, '2026.0' FROM generate_series(1, 20000) i;
INSERT INTO review_v6.claims SELECT md5('s' || i)::uuid, 'product', md5('c' || i)::uuid, md5('r' || i % 5)::uuid, now(), '2036-01-01'
	FROM generate_series(1, 100) i;
ANALYZE`

// TestNoFilterWalksTheQueue: whatever one filter asks for, what is looked at for a page does not grow with the queue or with the log.
func TestNoFilterWalksTheQueue(t *testing.T) {
	pool := modeltest.Tables(t)
	if _, err := pool.Exec(t.Context(), manyCases); err != nil {
		t.Fatal(err)
	}
	middle, early := time.Date(2026, 2, 5, 3, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	yes, no := true, false
	var someone uuid.UUID
	if err := pool.QueryRow(t.Context(), `SELECT provider_id FROM review_v6.cases LIMIT 1`).Scan(&someone); err != nil {
		t.Fatal(err)
	}
	filters := map[string]review.Filter{
		"all": {}, "kind": {Kind: "provider"}, "older": {OlderThan: &middle}, "hardly older": {OlderThan: &early}, "younger": {YoungerThan: &middle},
		"younger of a kind": {YoungerThan: &middle, Kind: "product"}, "due before": {DueBefore: &middle}, "due after": {DueAfter: &middle},
		"overdue": {Overdue: &yes}, "not overdue": {Overdue: &no}, "submitter": {Submitter: &someone}, "provider": {Provider: &someone},
		"subject": {Subject: &someone}, "type": {ProviderType: "logistics"}, "no such type": {ProviderType: "none"},
		"decided": {State: review.Decided}, "decided before": {State: review.Decided, OlderThan: &middle},
		"decided late": {State: review.Decided, Overdue: &yes}, "decided of a provider": {State: review.Decided, Provider: &someone},
		"superseded": {State: "superseded"},
	}
	for _, f := range []review.Flag{
		review.Mismatch, review.Finding, review.Resubmitted, review.FirstApproved, review.Revoked, review.TakenDown, review.Claimed, review.Unclaimed,
		review.Mine,
	} {
		filters["flag "+string(f)] = review.Filter{Flags: []review.Flag{f}}
		if !f.Pending() {
			filters["decided, flag "+string(f)] = review.Filter{Flags: []review.Flag{f}, State: review.Decided}
		}
	}
	for name, f := range filters {
		t.Run(name, func(t *testing.T) {
			f.Now, f.Reviewer = middle, someone
			e := &modeltest.Explaining{Pool: pool, T: t}
			if _, err := (review.Queries{DB: e}).Queue(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			// A page, what belongs to its rows, the claims, and the cases that are due on the day of the bound.
			if e.Rows > 1000 {
				t.Errorf("%s looks at %.0f rows\n%s", fmt.Sprintf("%+v", f), e.Rows, e.Plan)
			}
		})
	}
}
