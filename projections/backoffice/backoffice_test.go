package backoffice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/backoffice"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// TestBackofficeEdit: an edit of a live product shows as pending to its owner, beside what the public still sees.
func TestBackofficeEdit(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	note := []domain.Reason{{Code: "misleading", Field: "/name"}}
	h.Activate(domaintest.ID("v"))
	h.Add("product", domaintest.ID("p"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("一")})
	created := h.At.Truncate(time.Microsecond)
	h.Add("product", domaintest.ID("p"), product.Approved{Revision: 1}, product.Listed{},
		product.Revised{Revision: 2, Content: domaintest.Content("二")})
	waiting := h.At.Truncate(time.Microsecond)
	h.Add("product", domaintest.ID("p"), product.Revised{Revision: 3, Content: domaintest.Content("三")})
	submitted := h.At.Truncate(time.Microsecond)
	modeltest.Project(t, pool, h.Log, 3, 5)
	ctx := context.Background()
	q := backoffice.Queries{DB: pool}
	got := func() string {
		p, err := q.Product(ctx, domaintest.ID("v"), domaintest.ID("p"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.ContentRevision, p.Content.Name, p.Review, p.Reasons, p.LiveRevision, p.LiveContent.Name, p.Listed,
			p.CreatedAt, p.FirstSubmittedAt, p.SubmittedAt, p.DecidedAt != nil, p.Revision)
	}
	modeltest.Equal(t, "pending", got(),
		fmt.Sprint(3, "三", "pending", []domain.Reason(nil), 1, "一", true, created, waiting, submitted, false, 4))
	public, err := listing.Queries{DB: pool}.Product(ctx, domaintest.ID("p"))
	if err != nil || public.Name != "一" || public.ContentRevision != 1 {
		t.Fatal("the public sees what is not approved", public, err)
	}
	h.Add("product", domaintest.ID("p"), product.Rejected{Revision: 3, Reasons: note})
	modeltest.Project(t, pool, h.Log[7:])
	modeltest.Equal(t, "rejected", got(), fmt.Sprint(3, "三", "rejected", note, 1, "一", true, created, waiting, submitted, true, 5))
	if _, err := q.Product(ctx, domaintest.ID("w"), domaintest.ID("p")); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal("another's product", err)
	}
	if _, err := q.Application(ctx, domaintest.ID("w")); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal("no application", err)
	}
}

func TestOwnProducts(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	var all, rejected, listed []uuid.UUID
	for i := range 25 {
		p := domaintest.ID(fmt.Sprint(i))
		stream := domain.Stream("product", p)
		owner := domaintest.ID([]string{"v", "w"}[i%5/4])
		h.AddAt(stream, h.At, product.Submitted{ProviderID: owner, Revision: 1, Content: domaintest.Content("专线")})
		if i%5 == 4 {
			continue
		}
		all = append(all, p)
		switch i % 3 {
		case 0:
			h.AddAt(stream, h.At, product.Rejected{Revision: 1})
			rejected = append(rejected, p)
		case 1:
			h.AddAt(stream, h.At, product.Approved{Revision: 1})
			h.AddAt(stream, h.At, product.Listed{})
			listed = append(listed, p)
		}
	}
	h.Add("provider", domaintest.ID("v"), provider.Applied{Revision: 1, Profile: domaintest.Profile("一")})
	modeltest.Project(t, pool, h.Log, 10, 20)
	yes := true
	for name, c := range map[string]struct {
		filter backoffice.ProductFilter
		want   []uuid.UUID
	}{
		"all":             {backoffice.ProductFilter{}, all},
		"rejected":        {backoffice.ProductFilter{Review: "rejected"}, rejected},
		"listed":          {backoffice.ProductFilter{Listed: &yes}, listed},
		"listed, pending": {backoffice.ProductFilter{Listed: &yes, Review: "pending"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.filter
			f.Limit = 3
			var got []uuid.UUID
			for {
				page, err := backoffice.Queries{DB: pool}.Products(context.Background(), domaintest.ID("v"), f)
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
			modeltest.Equal(t, "products", got, want)
		})
	}
}
