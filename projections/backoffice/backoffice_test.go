package backoffice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/decision"
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
	h.Activate(domaintest.ID("v"))
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

// TestRevokedApproval: who submitted reads the reasons and never the note, waits for a decision again from then on, and sees what is listed
// as withheld while the provider's own approval is revoked.
func TestRevokedApproval(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	v, p, other := domaintest.ID("v"), domaintest.ID("p"), domaintest.ID("other")
	reasons := []domain.Reason{{Code: "misleading", Field: "/brief", Note: "航线并不存在"}}
	record := decision.Record{Note: "投诉单号 2026-0311"}
	h.Activate(v)
	h.Offer(p, v, h.At, domaintest.Content("专线"), product.Pinned{})
	h.Offer(other, v, h.At, domaintest.Content("另一专线"))
	h.Add("product", p, product.ApprovalRevoked{Revision: 1, Reasons: reasons, Record: record})
	at := h.At.Truncate(time.Microsecond)
	h.Add("provider", v, provider.ApprovalRevoked{Revision: 1, Reasons: reasons, Record: record})
	for cut := range len(h.Log) {
		modeltest.Truncate(t, pool)
		modeltest.Project(t, pool, h.Log, cut+1)
		q, ctx := backoffice.Queries{DB: pool}, t.Context()
		got, err := q.Product(ctx, v, p)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Equal(t, "product", fmt.Sprint(got.Review, got.LiveRevision, got.LiveContent, got.Listed, got.Pinned, got.Revoked.Revision,
			got.Revoked.Reasons, got.Revoked.At, got.FirstSubmittedAt, got.DecidedAt),
			fmt.Sprint(domain.ReviewPending, 0, (*product.Content)(nil), false, false, 1, reasons, at, at, (*time.Time)(nil)))
		a, err := q.Application(ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Equal(t, "application", fmt.Sprint(a.Review, a.Standing, a.LiveRevision, a.LiveProfile, a.Revoked.Reasons),
			fmt.Sprint(domain.ReviewPending, provider.StandingApplicant, 0, (*provider.Profile)(nil), reasons))
		if still, err := q.Product(ctx, v, other); err != nil || !still.Withheld() {
			t.Errorf("the other product: %+v (%v)", still, err)
		}
	}
	for _, table := range []string{"applications", "products"} {
		rows, _ := pool.Query(t.Context(), `SELECT r::text FROM `+backoffice.Model.Schema+`.`+table+` r`)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || strings.Contains(fmt.Sprint(all), record.Note) {
			t.Errorf("%s holds a note (%v)", table, err)
		}
	}
	h.Add("product", p, product.Approved{Revision: 1}, product.Listed{})
	modeltest.Truncate(t, pool)
	modeltest.Project(t, pool, h.Log, 9)
	if again, err := (backoffice.Queries{DB: pool}).Product(t.Context(), v, p); err != nil || again.Revoked != nil || again.LiveRevision != 1 {
		t.Errorf("approved again: %+v (%v)", again, err)
	}
}
