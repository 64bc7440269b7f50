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
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/projections"
)

func TestBookings(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	inquiry := booking.Inquiry{ContactName: "王敏", Phone: "13800138000", Message: "每月约两柜", ExpectedDate: "2026-12-01"}
	ask := func(b, p, v, e string) {
		h.add("booking", id(b), booking.Requested{
			ProductID: id(p), ProductRevision: 1, ProductName: "海运专线", ProviderID: id(v), EnterpriseID: id(e), EnterpriseName: "椰风", Inquiry: inquiry,
		})
	}
	h.add("product", id("p"), product.Submitted{ProviderID: id("v"), Revision: 1, Content: content("海运专线")})
	h.add("product", id("q"), product.Submitted{ProviderID: id("v"), Revision: 1, Content: content("海运专线")})
	ask("answered", "p", "v", "e")
	h.add("booking", id("answered"), booking.Replied{Number: 1, Text: "请联系陈琳"})
	replied := h.at
	h.add("booking", id("answered"), booking.Read{Number: 1})
	read := h.at
	ask("withdrawn", "p", "v", "e")
	h.add("booking", id("withdrawn"), booking.Closed{Reason: booking.Withdrawn})
	closed := h.at
	ask("open", "p", "v", "f")
	ask("elsewhere", "q", "v", "e")
	ask("another's", "r", "w", "e")
	h.add("product", id("p"), product.Deleted{})
	ask("too late", "p", "v", "e")
	project(t, pool, h.log, 4, 9, len(h.log)-1)

	ctx := context.Background()
	q := projections.BookingQueries{DB: pool}
	b, err := q.OfProvider(ctx, id("v"), id("answered"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "answered", fmt.Sprint(b.State, b.ProductName, b.ProductDeleted, b.EnterpriseName, b.Inquiry, b.Replies, b.ReadNumber, *b.ReadAt, *b.RepliedAt, b.ClosedAt, b.Revision),
		fmt.Sprint("replied", "", true, "椰风", inquiry, []projections.Reply{{Number: 1, Text: "请联系陈琳", At: replied.Truncate(time.Microsecond)}}, 1,
			read.Truncate(time.Microsecond), replied.Truncate(time.Microsecond), (*time.Time)(nil), 2))
	if b, err = q.OfEnterprise(ctx, id("e"), id("withdrawn")); err != nil {
		t.Fatal(err)
	}
	equal(t, "withdrawn", fmt.Sprint(b.State, b.CloseReason, *b.ClosedAt), fmt.Sprint("closed", booking.Withdrawn, closed.Truncate(time.Microsecond)))
	if b, err = q.Get(ctx, id("e"), id("elsewhere")); err != nil || b.ProductDeleted || b.ProductName == "" {
		t.Fatal(b, err)
	}
	if b, err = q.Get(ctx, id("e"), id("too late")); err != nil || !b.ProductDeleted || b.ProductName != "" {
		t.Fatal("a booking that came after its product's deletion", b, err)
	}
	for name, err := range map[string]error{
		"another provider":              errorOf(q.OfProvider(ctx, id("w"), id("answered"))),
		"another enterprise":            errorOf(q.OfEnterprise(ctx, id("f"), id("answered"))),
		"the enterprise as a provider":  errorOf(q.OfProvider(ctx, id("e"), id("answered"))),
		"the provider as an enterprise": errorOf(q.OfEnterprise(ctx, id("v"), id("answered"))),
		"neither":                       errorOf(q.Get(ctx, id("w"), id("answered"))),
		"none":                          errorOf(q.Get(ctx, id("v"), id("nothing"))),
	} {
		if !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}

	list := func(list func(context.Context, uuid.UUID, projections.BookingFilter) (projections.Page[projections.Booking], error), of, state string) []uuid.UUID {
		var found []uuid.UUID
		f := projections.BookingFilter{State: state, Limit: 2}
		for {
			page, err := list(ctx, id(of), f)
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
	equal(t, "of the provider", list(q.ByProvider, "v", ""), []uuid.UUID{id("too late"), id("elsewhere"), id("open"), id("withdrawn"), id("answered")})
	equal(t, "of the enterprise", list(q.ByEnterprise, "e", ""), []uuid.UUID{id("too late"), id("another's"), id("elsewhere"), id("withdrawn"), id("answered")})
	equal(t, "awaiting", list(q.ByProvider, "v", "awaiting_reply"), []uuid.UUID{id("too late"), id("elsewhere"), id("open")})
	equal(t, "of nobody", list(q.ByProvider, "e", ""), nil)

	open, err := q.OpenBookingsOfProduct(ctx, id("p"))
	if err != nil || !slices.Equal(open, []uuid.UUID{id("open"), id("too late")}) {
		t.Fatal(open, err)
	}
	if open, err = q.OpenBookingsOfProvider(ctx, id("v")); err != nil || !slices.Equal(open, []uuid.UUID{id("open"), id("elsewhere"), id("too late")}) {
		t.Fatal(open, err)
	}
}
