package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// queue walks every page, and names what it finds.
func queue(t fataler, pool *pgxpool.Pool, names map[uuid.UUID]string, f projections.QueueFilter) []string {
	t.Helper()
	var list []string
	for {
		page, err := projections.ReviewQueries{DB: pool}.Queue(context.Background(), f)
		if err != nil {
			t.Fatalf("queue of %+v: %v", f, err)
		}
		for _, s := range page.Rows {
			list = append(list, fmt.Sprintf("%s@%d", names[s.SubjectID], s.ContentRevision))
		}
		if page.Next == "" {
			return list
		}
		f.After = page.Next
	}
}

func TestReviewQueue(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	note := []domain.Reason{{Code: "other", Note: "请补充"}}
	names := map[uuid.UUID]string{}
	for _, name := range []string{"v", "w", "a", "b", "c", "d"} {
		names[id(name)] = name
	}
	h.add("provider", id("v"), provider.Applied{Revision: 1, Profile: profile("一"), Mismatches: []string{"/name"}})
	h.add("provider", id("w"), provider.Applied{Revision: 1, Profile: profile("二")})
	h.add("provider", id("v"), provider.Approved{Revision: 1})
	first := h.at.Add(time.Second)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.add("product", id(name), product.Submitted{ProviderID: id("v"), Revision: 1, Content: content(name)})
	}
	// a: superseded, then rejected, then waiting again; b: decided; c: deleted while waiting; d: waiting.
	h.add("product", id("a"), product.Revised{Revision: 2, Content: content("a2")})
	reviewer := id("reviewer")
	h.actor.ID = reviewer
	h.add("product", id("a"), product.Rejected{Revision: 2, Reasons: note})
	rejected := h.at
	h.add("product", id("b"), product.Approved{Revision: 1}, product.Listed{})
	h.add("product", id("a"), product.Revised{Revision: 3, Content: content("a3")})
	h.add("product", id("c"), product.Deleted{})
	project(t, pool, h.log, 2, 8, 9)

	for name, c := range map[string]struct {
		filter projections.QueueFilter
		want   []string
	}{
		"oldest first":    {projections.QueueFilter{Limit: 2}, []string{"w@1", "d@1", "a@3"}},
		"products":        {projections.QueueFilter{Kind: "product"}, []string{"d@1", "a@3"}},
		"providers":       {projections.QueueFilter{Kind: "provider", State: "pending"}, []string{"w@1"}},
		"older":           {projections.QueueFilter{OlderThan: first}, []string{"w@1"}},
		"decided, newest": {projections.QueueFilter{State: "decided", Limit: 1}, []string{"b@1", "a@2", "v@1"}},
		"approved":        {projections.QueueFilter{State: "approved"}, []string{"b@1", "v@1"}},
		"rejected":        {projections.QueueFilter{State: "rejected", Kind: "product"}, []string{"a@2"}},
		"superseded":      {projections.QueueFilter{State: "superseded"}, []string{"a@1"}},
		"no such state":   {projections.QueueFilter{State: "lost"}, nil},
	} {
		t.Run(name, func(t *testing.T) { equal(t, "queue", queue(t, pool, names, c.filter), c.want) })
	}

	ctx := context.Background()
	q := projections.ReviewQueries{DB: pool}
	second, err := q.ItemAt(ctx, "product", id("a"), 2)
	if err != nil {
		t.Fatal(err)
	}
	// The wait that the rejection ended began with revision 1; the next began with revision 3.
	equal(t, "first submitted", second.FirstSubmittedAt, first.Truncate(time.Microsecond))
	equal(t, "decided", fmt.Sprint(*second.DecidedAt, *second.DecidedBy, second.Reasons), fmt.Sprint(rejected.Truncate(time.Microsecond), reviewer, note))
	latest, err := q.Item(ctx, "product", id("a"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "latest", fmt.Sprint(latest.ContentRevision, latest.Name, latest.ProviderID, latest.ProviderName, latest.FirstSubmittedAt.Equal(latest.SubmittedAt), latest.Revision),
		fmt.Sprint(3, "a3", id("v"), enterprise.Name, true, 3))
	application, err := q.Item(ctx, "provider", id("v"))
	if err != nil || !slices.Equal(application.Mismatches, []string{"/name"}) {
		t.Fatal(application, err)
	}
	all, err := q.Submissions(ctx, "product", id("a"))
	if err != nil || len(all) != 3 || all[0].ContentRevision != 3 || all[2].State != "superseded" {
		t.Fatal(all, err)
	}
	for _, missing := range []error{
		errorOf(q.Item(ctx, "product", id("c"))), errorOf(q.Item(ctx, "provider", id("a"))), errorOf(q.ItemAt(ctx, "product", id("a"), 4)),
	} {
		if !errors.Is(missing, domain.ErrNotFound) {
			t.Error(missing)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestQueueTies: submissions of the same moment come once each, forward and backward.
func TestQueueTies(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	names := map[uuid.UUID]string{}
	var want []string
	for i := range 60 {
		p := id(fmt.Sprint(i))
		names[p] = fmt.Sprint(i)
		h.addAt(domain.Stream("product", p), h.at, product.Submitted{ProviderID: id("v"), Revision: 1, Content: content("专线")})
		want = append(want, fmt.Sprintf("%d@1", i))
	}
	project(t, pool, h.log)
	slices.Sort(want)
	got := queue(t, pool, names, projections.QueueFilter{Limit: 7})
	slices.Sort(got)
	equal(t, "pending", got, want)
	for i := range 60 {
		// Two decisions of one moment on each.
		stream := domain.Stream("product", id(fmt.Sprint(i)))
		h.addAt(stream, h.at, product.Rejected{Revision: 1})
		h.addAt(stream, h.at, product.Revised{Revision: 2, Content: content("专线")})
		h.addAt(stream, h.at, product.Approved{Revision: 2})
		want = append(want, fmt.Sprintf("%d@2", i))
	}
	project(t, pool, h.log[60:])
	slices.Sort(want)
	got = queue(t, pool, names, projections.QueueFilter{State: "decided", Limit: 7})
	slices.Sort(got)
	equal(t, "decided", got, want)
}
