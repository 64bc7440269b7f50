package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// TestBackofficeEdit: an edit of a live product shows as pending to its owner, beside what the public still sees.
func TestBackofficeEdit(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	note := []domain.Reason{{Code: "misleading", Field: "/name"}}
	h.activate(id("v"))
	h.add("product", id("p"), product.Submitted{ProviderID: id("v"), Revision: 1, Content: content("一")})
	created := h.at.Truncate(time.Microsecond)
	h.add("product", id("p"), product.Approved{Revision: 1}, product.Listed{}, product.Revised{Revision: 2, Content: content("二")})
	waiting := h.at.Truncate(time.Microsecond)
	h.add("product", id("p"), product.Revised{Revision: 3, Content: content("三")})
	submitted := h.at.Truncate(time.Microsecond)
	project(t, pool, h.log, 3, 5)
	ctx := context.Background()
	q := projections.BackofficeQueries{DB: pool}
	got := func() string {
		p, err := q.Product(ctx, id("v"), id("p"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.ContentRevision, p.Content.Name, p.Review, p.Reasons, p.LiveRevision, p.LiveContent.Name, p.Listed, p.CreatedAt, p.FirstSubmittedAt, p.SubmittedAt, p.DecidedAt != nil, p.Revision)
	}
	equal(t, "pending", got(), fmt.Sprint(3, "三", "pending", []domain.Reason(nil), 1, "一", true, created, waiting, submitted, false, 4))
	public, err := projections.ListingQueries{DB: pool}.Product(ctx, id("p"))
	if err != nil || public.Name != "一" || public.ContentRevision != 1 {
		t.Fatal("the public sees what is not approved", public, err)
	}
	h.add("product", id("p"), product.Rejected{Revision: 3, Reasons: note})
	project(t, pool, h.log[7:])
	equal(t, "rejected", got(), fmt.Sprint(3, "三", "rejected", note, 1, "一", true, created, waiting, submitted, true, 5))
	if _, err := q.Product(ctx, id("w"), id("p")); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal("another's product", err)
	}
	if _, err := q.Application(ctx, id("w")); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal("no application", err)
	}
}

func TestOwnProducts(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	var all, rejected, listed []uuid.UUID
	for i := range 25 {
		p := id(fmt.Sprint(i))
		stream := domain.Stream("product", p)
		h.addAt(stream, h.at, product.Submitted{ProviderID: id([]string{"v", "w"}[i%5/4]), Revision: 1, Content: content("专线")})
		if i%5 == 4 {
			continue
		}
		all = append(all, p)
		switch i % 3 {
		case 0:
			h.addAt(stream, h.at, product.Rejected{Revision: 1})
			rejected = append(rejected, p)
		case 1:
			h.addAt(stream, h.at, product.Approved{Revision: 1})
			h.addAt(stream, h.at, product.Listed{})
			listed = append(listed, p)
		}
	}
	h.add("provider", id("v"), provider.Applied{Revision: 1, Profile: profile("一")})
	project(t, pool, h.log, 10, 20)
	yes := true
	for name, c := range map[string]struct {
		filter projections.OwnProductFilter
		want   []uuid.UUID
	}{
		"all":             {projections.OwnProductFilter{}, all},
		"rejected":        {projections.OwnProductFilter{Review: "rejected"}, rejected},
		"listed":          {projections.OwnProductFilter{Listed: &yes}, listed},
		"listed, pending": {projections.OwnProductFilter{Listed: &yes, Review: "pending"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.filter
			f.Limit = 3
			var got []uuid.UUID
			for {
				page, err := projections.BackofficeQueries{DB: pool}.Products(context.Background(), id("v"), f)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page.Rows {
					got = append(got, p.ID)
				}
				if f.After = page.Next; f.After == "" {
					break
				}
			}
			want := slices.Clone(c.want)
			slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(b[:], a[:]) }) // all of one moment
			equal(t, "products", got, want)
		})
	}
}
