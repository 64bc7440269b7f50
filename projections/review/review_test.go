package review_test

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
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

// queue walks every page, and names what it finds.
func queue(t modeltest.Fataler, pool *pgxpool.Pool, names map[uuid.UUID]string, f review.Filter) []string {
	t.Helper()
	var list []string
	for {
		page, err := review.Queries{DB: pool}.Queue(context.Background(), f)
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
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	note := []domain.Reason{{Code: "other", Note: "请补充"}}
	names := map[uuid.UUID]string{}
	for _, name := range []string{"v", "w", "a", "b", "c", "d"} {
		names[domaintest.ID(name)] = name
	}
	h.Add("provider", domaintest.ID("v"), provider.Applied{Revision: 1, Profile: domaintest.Profile("一"), Mismatches: []string{"/name"}})
	h.Add("provider", domaintest.ID("w"), provider.Applied{Revision: 1, Profile: domaintest.Profile("二")})
	h.Add("provider", domaintest.ID("v"), provider.Approved{Revision: 1})
	first := h.At.Add(time.Second)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.Add("product", domaintest.ID(name), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content(name)})
	}
	// a: superseded, then rejected, then waiting again; b: decided; c: deleted while waiting; d: waiting.
	h.Add("product", domaintest.ID("a"), product.Revised{Revision: 2, Content: domaintest.Content("a2")})
	reviewer := domaintest.ID("reviewer")
	h.Actor.ID = reviewer
	h.Add("product", domaintest.ID("a"), product.Rejected{Revision: 2, Reasons: note})
	rejected := h.At
	h.Add("product", domaintest.ID("b"), product.Approved{Revision: 1}, product.Listed{})
	h.Add("product", domaintest.ID("a"), product.Revised{Revision: 3, Content: domaintest.Content("a3")})
	h.Add("product", domaintest.ID("c"), product.Deleted{})
	modeltest.Project(t, pool, h.Log, 2, 8, 9)

	for name, c := range map[string]struct {
		filter review.Filter
		want   []string
	}{
		"what is due first": {review.Filter{Limit: 2}, []string{"d@1", "a@3", "w@1"}},
		"products":          {review.Filter{Kind: "product"}, []string{"d@1", "a@3"}},
		"providers":         {review.Filter{Kind: "provider", State: "pending"}, []string{"w@1"}},
		"older":             {review.Filter{OlderThan: &first}, []string{"w@1"}},
		"older than d":      {review.Filter{OlderThan: new(first.Add(3 * time.Second))}, []string{"w@1"}},
		"decided, newest":   {review.Filter{State: "decided", Limit: 1}, []string{"b@1", "a@2", "v@1"}},
		"approved":          {review.Filter{State: "approved"}, []string{"b@1", "v@1"}},
		"rejected":          {review.Filter{State: "rejected", Kind: "product"}, []string{"a@2"}},
		"superseded":        {review.Filter{State: "superseded"}, []string{"a@1"}},
		"no such state":     {review.Filter{State: "lost"}, nil},
	} {
		t.Run(name, func(t *testing.T) { modeltest.Equal(t, "queue", queue(t, pool, names, c.filter), c.want) })
	}

	ctx := context.Background()
	q := review.Queries{DB: pool}
	second, err := q.ItemAt(ctx, "product", domaintest.ID("a"), 2)
	if err != nil {
		t.Fatal(err)
	}
	// The wait that the rejection ended began with revision 1; the next began with revision 3.
	modeltest.Equal(t, "first submitted", second.FirstSubmittedAt, first.Truncate(time.Microsecond))
	modeltest.Equal(t, "decided", fmt.Sprint(*second.DecidedAt, *second.DecidedBy, second.Reasons),
		fmt.Sprint(rejected.Truncate(time.Microsecond), reviewer, note))
	latest, err := q.Item(ctx, "product", domaintest.ID("a"))
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Equal(t, "latest", fmt.Sprint(latest.ContentRevision, latest.Name, latest.ProviderID, latest.ProviderName,
		latest.FirstSubmittedAt.Equal(latest.SubmittedAt), latest.Revision),
		fmt.Sprint(3, "a3", domaintest.ID("v"), domaintest.Enterprise.Name, true, 3))
	application, err := q.Item(ctx, "provider", domaintest.ID("v"))
	if err != nil || !slices.Equal(application.Mismatches, []string{"/name"}) {
		t.Fatal(application, err)
	}
	all, err := q.Submissions(ctx, "product", domaintest.ID("a"))
	if err != nil || len(all) != 3 || all[0].ContentRevision != 3 || all[2].State != "superseded" {
		t.Fatal(all, err)
	}
	for _, missing := range []error{
		modeltest.Error(q.Item(ctx, "product", domaintest.ID("c"))), modeltest.Error(q.Item(ctx, "provider", domaintest.ID("a"))),
		modeltest.Error(q.ItemAt(ctx, "product", domaintest.ID("a"), 4)),
	} {
		if !errors.Is(missing, domain.ErrNotFound) {
			t.Error(missing)
		}
	}
}

// TestATakeDownIsAFlagOfThePendingCase, which was there before it and stays.
func TestATakeDownIsAFlagOfThePendingCase(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	p := domaintest.ID("p")
	h.Add("product", p, product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("p")},
		product.Approved{Revision: 1}, product.Listed{}, product.Revised{Revision: 2, Content: domaintest.Content("p")},
		product.TakenDown{Revision: 2, Reason: "投诉"})
	modeltest.Project(t, pool, h.Log, 4)
	down := review.Filter{Flags: []review.Flag{review.TakenDown}}
	modeltest.Equal(t, "taken down", queue(t, pool, map[uuid.UUID]string{p: "p"}, down), []string{"p@2"})
}

// TestAMatchIsShown: a reviewer sees where a submission goes that was matched later, and nothing that was found after the fact.
func TestAMatchIsShown(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	there := place.Point{Latitude: 1.3, Longitude: 103.8}
	h.Add("product", domaintest.ID("p"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("p")},
		product.PlaceMatched{Revision: 1, Place: 7, Point: there}, product.Revised{Revision: 2, Content: domaintest.Content("p")})
	modeltest.Project(t, pool, h.Log, 1, 2)
	of := func(revision domain.ContentRevision) review.SubmissionDetail {
		item, err := review.Queries{DB: pool}.ItemAt(t.Context(), product.Category, domaintest.ID("p"), revision)
		if err != nil {
			t.Fatal(err)
		}
		return item
	}
	if item := of(1); item.Place != 7 || item.Point == nil || *item.Point != there || len(item.Verdict.Findings) != 0 || item.State != domain.ReviewSuperseded {
		t.Errorf("got %+v", item)
	}
	if item := of(2); item.Place != 0 || item.Point != nil || item.Revision != 2 {
		t.Errorf("got %+v", item)
	}
}

// TestQueueTies: submissions of the same moment come once each, forward and backward.
func TestQueueTies(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	names := map[uuid.UUID]string{}
	var want []string
	for i := range 60 {
		p := domaintest.ID(fmt.Sprint(i))
		names[p] = fmt.Sprint(i)
		submitted := product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("专线")}
		h.AddAt(domain.Stream("product", p), h.At, submitted)
		want = append(want, fmt.Sprintf("%d@1", i))
	}
	modeltest.Project(t, pool, h.Log)
	slices.Sort(want)
	got := queue(t, pool, names, review.Filter{Limit: 7})
	slices.Sort(got)
	modeltest.Equal(t, "pending", got, want)
	for i := range 60 {
		// Two decisions of one moment on each.
		stream := domain.Stream("product", domaintest.ID(fmt.Sprint(i)))
		h.AddAt(stream, h.At, product.Rejected{Revision: 1})
		h.AddAt(stream, h.At, product.Revised{Revision: 2, Content: domaintest.Content("专线")})
		h.AddAt(stream, h.At, product.Approved{Revision: 2})
		want = append(want, fmt.Sprintf("%d@2", i))
	}
	modeltest.Project(t, pool, h.Log[60:])
	slices.Sort(want)
	got = queue(t, pool, names, review.Filter{State: "decided", Limit: 7})
	slices.Sort(got)
	modeltest.Equal(t, "decided", got, want)
}
