package models_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"waybill/domain/domaintest"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

func TestBadCursor(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.ID("v"))
	for i := range 3 {
		h.Offer(domaintest.ID(fmt.Sprint(i)), domaintest.ID("v"), h.At, domaintest.Content("专线"))
	}
	modeltest.Project(t, pool, h.Log)
	ctx := context.Background()
	page, err := listing.Queries{DB: pool}.Page(ctx, listing.Filter{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	events, err := history.Queries{DB: pool}.Query(ctx, history.Filter{Limit: 1})
	if err != nil || events.Next == "" {
		t.Fatal(events, err)
	}
	tampered := []byte(page.Next)
	tampered[20] ^= 1
	for name, after := range map[string]string{
		"garbage":         "x",
		"not base64":      "!!!!",
		"too long":        page.Next + "AAAA",
		"cut":             page.Next[:len(page.Next)-1],
		"tampered":        string(tampered),
		"of another list": events.Next,
		"padded":          page.Next + "=",
		"nul":             "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := listing.Queries{DB: pool}.Page(ctx, listing.Filter{After: after})
			if !errors.Is(err, projections.ErrBadCursor) {
				t.Fatal(err)
			}
		})
	}
	for name, ask := range map[string]func() error{
		"own products": func() error {
			_, err := backoffice.Queries{DB: pool}.Products(ctx, domaintest.ID("v"), backoffice.ProductFilter{After: page.Next})
			return err
		},
		"queue": func() error {
			_, err := review.Queries{DB: pool}.Queue(ctx, review.Filter{After: page.Next})
			return err
		},
		"bookings": func() error {
			_, err := bookings.Queries{DB: pool}.ByProvider(ctx, domaintest.ID("v"), bookings.Filter{After: page.Next})
			return err
		},
		"history": func() error {
			_, err := history.Queries{DB: pool}.Query(ctx, history.Filter{After: page.Next})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := ask(); !errors.Is(err, projections.ErrBadCursor) {
				t.Fatal(err)
			}
		})
	}
}
