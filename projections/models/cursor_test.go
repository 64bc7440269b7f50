package models_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/uuid"

	"waybill/domain/domaintest"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
	"waybill/projections/review"
	"waybill/projections/webhooks"
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

// TestForgedCursors: a cursor with a right checksum that no page gave finds something, or nothing, or is refused; it is never an
// error of the database.
func TestForgedCursors(t *testing.T) {
	pool := modeltest.Tables(t)
	ctx := context.Background()
	lists := map[projections.List]map[string]func(after string) error{
		projections.ListPublic: {
			"all": func(after string) error {
				return modeltest.Error(listing.Queries{DB: pool}.Page(ctx, listing.Filter{After: after}))
			},
			"text": func(after string) error {
				return modeltest.Error(listing.Queries{DB: pool}.Page(ctx, listing.Filter{After: after, Text: "专线", Tags: []string{"清关"}}))
			},
		},
		projections.ListOwnProducts: {"all": func(after string) error {
			return modeltest.Error(backoffice.Queries{DB: pool}.Products(ctx, domaintest.ID("v"), backoffice.ProductFilter{After: after}))
		}},
		projections.ListReviewQueue: {"all": func(after string) error {
			return modeltest.Error(review.Queries{DB: pool}.Queue(ctx, review.Filter{After: after}))
		}},
		projections.ListReviewDecided: {"all": func(after string) error {
			return modeltest.Error(review.Queries{DB: pool}.Queue(ctx, review.Filter{After: after, State: review.Decided}))
		}},
		projections.ListBookings: {"all": func(after string) error {
			return modeltest.Error(bookings.Queries{DB: pool}.ByProvider(ctx, domaintest.ID("v"), bookings.Filter{After: after}))
		}},
		projections.ListApplications: {"all": func(after string) error {
			return modeltest.Error(backoffice.Queries{DB: pool}.Applications(ctx, backoffice.ApplicationFilter{After: after}))
		}},
		projections.ListAccounts: {"all": func(after string) error {
			return modeltest.Error(directory.Queries{DB: pool}.Accounts(ctx, directory.Filter{After: after}))
		}},
		projections.ListWebhooks: {"all": func(after string) error {
			return modeltest.Error(webhooks.Queries{DB: pool}.Hooks(ctx, webhooks.Filter{After: after, Standing: webhook.Active, Owner: new(uuid.UUID)}))
		}},
		projections.ListHistory: {
			"all": func(after string) error {
				return modeltest.Error(history.Queries{DB: pool}.Query(ctx, history.Filter{After: after}))
			},
			"newest first": func(after string) error {
				return modeltest.Error(history.Queries{DB: pool}.Query(ctx, history.Filter{After: after, Descending: true}))
			},
		},
	}
	for of, queries := range lists {
		for _, pinned := range []bool{false, true} {
			for _, at := range []int64{math.MinInt64, -62135596800000001, -62135596800000000, -1, 0, 1, 253402300799999999, 253402300800000000, math.MaxInt64} {
				for _, id := range []uuid.UUID{uuid.Nil, domaintest.ID("x"), uuid.Max} {
					for _, revision := range []uint32{0, 1, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32} {
						c := projections.Cursor{Pinned: pinned, At: at, ID: id, Revision: revision}
						for name, ask := range queries {
							if err := ask(c.Encode(of)); err != nil && !errors.Is(err, projections.ErrBadCursor) {
								t.Errorf("list %d, %s, after %+v: %v", of, name, c, err)
							}
						}
					}
				}
			}
		}
	}
	// What a list has no use for, and what its columns cannot hold.
	for name, c := range map[string]struct {
		of projections.List
		c  projections.Cursor
	}{
		"revision over":         {projections.ListReviewQueue, projections.Cursor{Revision: math.MaxInt32 + 1}},
		"revision of decided":   {projections.ListReviewDecided, projections.Cursor{Revision: math.MaxUint32}},
		"revision of a product": {projections.ListPublic, projections.Cursor{Revision: 1}},
		"pinned booking":        {projections.ListBookings, projections.Cursor{Pinned: true}},
		"negative position":     {projections.ListHistory, projections.Cursor{At: -1}},
		"position with an id":   {projections.ListHistory, projections.Cursor{ID: uuid.Max}},
		"before all times":      {projections.ListPublic, projections.Cursor{At: math.MinInt64}},
		"after all times":       {projections.ListPublic, projections.Cursor{At: math.MaxInt64}},
	} {
		for query, ask := range lists[c.of] {
			if err := ask(c.c.Encode(c.of)); !errors.Is(err, projections.ErrBadCursor) {
				t.Errorf("%s, %s: %v", name, query, err)
			}
		}
	}
}
