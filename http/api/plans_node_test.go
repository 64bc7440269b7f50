package api_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/adapters/postgres"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

// nodesAsk: what a node asks for each event, each second and each hour has a bound, also by plans for whatever arguments.
func (c *crowded) nodesAsk(t *testing.T) {
	c.node.Take()
	product, _ := c.listed(c.owner, c.reviewer)
	booking := c.do(c.enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")
	c.do(c.owner, "POST", "/api/v1/provider/bookings/"+booking+"/reply", m{"text": "好"}).is(200)
	c.settled()
	if _, err := c.deps.Status.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	desk, uploads := review.Queries{DB: c.nodePool}, postgres.NewUploads(c.nodePool)
	nobody := func(context.Context, []string) (map[string]bool, error) { return nil, nil }
	for name, err := range map[string]error{
		"claims": second(desk.ExpiredClaims(t.Context(), c.now(), 200)), "desk": second(desk.Open(t.Context(), c.now())),
		"tokens":  second(postgres.NewTokens(c.nodePool).Forget(t.Context(), c.now().AddDate(-1, 0, 0))),
		"uploads": second(uploads.Unused(t.Context(), 24*time.Hour, "", 500)), "requests": uploads.RemoveRequests(t.Context(), 24*time.Hour),
		"images": third(uploads.RemoveBlobs(t.Context(), 24*time.Hour, "", 500, nobody, nil)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := map[string]modeltest.Statement{}
	for _, s := range c.node.Take() {
		// What only inserts looks nothing up, and cannot be done again.
		if s.Planned() && !strings.HasPrefix(strings.TrimSpace(s.SQL), "INSERT") {
			asked[s.Path+s.SQL] = s
		}
	}
	if len(asked) < 50 {
		t.Errorf("only %d statements of a node were seen", len(asked))
	}
	for _, generic := range []bool{false, true} {
		plans := modeltest.NewPlans(t, c.pool, generic)
		worst := 0.0
		for _, key := range slices.Sorted(maps.Keys(asked)) {
			w := plans.Work(asked[key])
			worst = max(worst, w.Rows)
			if w.Rows > 2500 || w.Blocks > 6000 {
				t.Errorf("generic %t: %.0f rows, %.0f blocks\n%s\n%s\n%s", generic, w.Rows, w.Blocks, asked[key].Path, asked[key].SQL, w.Plan)
			}
		}
		t.Logf("generic %t: at most %.0f rows of %d statements", generic, worst, len(asked))
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }
