package bookings_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/bookings"
	"waybill/projections/modeltest"
)

func TestBookings(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	inquiry := domaintest.Inquiry("每月约两柜")
	inquiry.ExpectedDate = "2026-12-01"
	ask := func(b, p, v, e string) {
		h.Add("booking", domaintest.ID(b), booking.Requested{
			ProductID: domaintest.ID(p), ProductRevision: 1, ProductName: "海运专线", ProviderID: domaintest.ID(v),
			EnterpriseID: domaintest.ID(e), EnterpriseName: "椰风", Inquiry: inquiry,
		})
	}
	h.Add("product", domaintest.ID("p"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("海运专线")})
	h.Add("product", domaintest.ID("q"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("海运专线")})
	ask("answered", "p", "v", "e")
	h.Add("booking", domaintest.ID("answered"), booking.Replied{Number: 1, Text: "请联系陈琳"})
	replied := h.At
	h.Add("booking", domaintest.ID("answered"), booking.Read{Number: 1})
	read := h.At
	ask("withdrawn", "p", "v", "e")
	h.Add("booking", domaintest.ID("withdrawn"), booking.Closed{Reason: booking.Withdrawn})
	closed := h.At
	ask("open", "p", "v", "f")
	ask("elsewhere", "q", "v", "e")
	ask("another's", "r", "w", "e")
	h.Add("product", domaintest.ID("p"), product.Deleted{})
	ask("too late", "p", "v", "e")
	modeltest.Project(t, pool, h.Log, 4, 9, len(h.Log)-1)

	ctx := context.Background()
	q := bookings.Queries{DB: pool}
	b, err := q.OfProvider(ctx, domaintest.ID("v"), domaintest.ID("answered"))
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Equal(t, "answered", fmt.Sprint(b.State, b.ProductName, b.ProductDeleted, b.EnterpriseName, b.Inquiry, b.Replies,
		b.ReadNumber, *b.ReadAt, *b.RepliedAt, b.ClosedAt, b.Revision),
		fmt.Sprint("replied", "", true, "椰风", inquiry, []bookings.Reply{{Number: 1, Text: "请联系陈琳", At: replied.Truncate(time.Microsecond)}}, 1,
			read.Truncate(time.Microsecond), replied.Truncate(time.Microsecond), (*time.Time)(nil), 2))
	if b, err = q.OfEnterprise(ctx, domaintest.ID("e"), domaintest.ID("withdrawn")); err != nil {
		t.Fatal(err)
	}
	modeltest.Equal(t, "withdrawn", fmt.Sprint(b.State, b.CloseReason, *b.ClosedAt),
		fmt.Sprint("closed", booking.Withdrawn, closed.Truncate(time.Microsecond)))
	if b, err = q.Get(ctx, domaintest.ID("e"), domaintest.ID("elsewhere")); err != nil || b.ProductDeleted || b.ProductName == "" {
		t.Fatal(b, err)
	}
	if b, err = q.Get(ctx, domaintest.ID("e"), domaintest.ID("too late")); err != nil || !b.ProductDeleted || b.ProductName != "" {
		t.Fatal("a booking that came after its product's deletion", b, err)
	}
	for name, err := range map[string]error{
		"another provider":              modeltest.Error(q.OfProvider(ctx, domaintest.ID("w"), domaintest.ID("answered"))),
		"another enterprise":            modeltest.Error(q.OfEnterprise(ctx, domaintest.ID("f"), domaintest.ID("answered"))),
		"the enterprise as a provider":  modeltest.Error(q.OfProvider(ctx, domaintest.ID("e"), domaintest.ID("answered"))),
		"the provider as an enterprise": modeltest.Error(q.OfEnterprise(ctx, domaintest.ID("v"), domaintest.ID("answered"))),
		"neither":                       modeltest.Error(q.Get(ctx, domaintest.ID("w"), domaintest.ID("answered"))),
		"none":                          modeltest.Error(q.Get(ctx, domaintest.ID("v"), domaintest.ID("nothing"))),
	} {
		if !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}

	list := func(list func(context.Context, uuid.UUID, bookings.Filter) (projections.Page[bookings.Booking], error), of string,
		state booking.Status,
	) []uuid.UUID {
		var found []uuid.UUID
		f := bookings.Filter{State: state, Limit: 2}
		for {
			page, err := list(ctx, domaintest.ID(of), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Rows {
				found = append(found, b.ID)
			}
			if f.After = page.Next; f.After == "" {
				return found
			}
		}
	}
	modeltest.Equal(t, "of the provider", list(q.ByProvider, "v", ""), ids("too late", "elsewhere", "open", "withdrawn", "answered"))
	modeltest.Equal(t, "of the enterprise", list(q.ByEnterprise, "e", ""), ids("too late", "another's", "elsewhere", "withdrawn", "answered"))
	modeltest.Equal(t, "awaiting", list(q.ByProvider, "v", "awaiting_reply"), ids("too late", "elsewhere", "open"))
	modeltest.Equal(t, "of nobody", list(q.ByProvider, "e", ""), nil)

	open, err := q.OpenBookingsOfProduct(ctx, domaintest.ID("p"))
	if err != nil || !slices.Equal(open, ids("open", "too late")) {
		t.Fatal(open, err)
	}
	if open, err = q.OpenBookingsOfProvider(ctx, domaintest.ID("v")); err != nil || !slices.Equal(open, ids("open", "elsewhere", "too late")) {
		t.Fatal(open, err)
	}
}

func ids(names ...string) []uuid.UUID {
	list := make([]uuid.UUID, len(names))
	for i, name := range names {
		list[i] = domaintest.ID(name)
	}
	return list
}
