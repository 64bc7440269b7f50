package listing_test

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// TestParkedIsWithheld: nothing of a product is public while its stream or its provider's stands still, whatever else
// happens meanwhile, and all that the tables say is public is when it goes on.
func TestParkedIsWithheld(t *testing.T) {
	id := domaintest.ID
	productA, providerV := domain.Stream(product.Category, id("a")), domain.Stream(provider.Category, id("v"))
	for name, test := range map[string]struct {
		parked []domain.StreamName
		// meanwhile happens to streams that go on.
		meanwhile func(*modeltest.History)
		// withheld and released are what is public then; a and b are v's, c is w's.
		withheld, released string
		// still is what is public after what happened meanwhile, where that is something else.
		still string
	}{
		"a product":         {parked: []domain.StreamName{productA}, withheld: "c b", released: "c b a"},
		"a provider":        {parked: []domain.StreamName{providerV}, withheld: "c", released: "c b a"},
		"both":              {parked: []domain.StreamName{providerV, productA}, withheld: "c", released: "c b a"},
		"another's account": {parked: []domain.StreamName{domain.Stream("account", id("v")), "product-x"}, withheld: "c b a", released: "c b a"},
		"one that is hidden": {
			parked:    []domain.StreamName{providerV},
			meanwhile: func(h *modeltest.History) { h.Add(product.Category, id("b"), product.Unlisted{}) },
			withheld:  "c", released: "c a",
		},
		"a product of a parked provider that is listed again": {
			parked: []domain.StreamName{providerV},
			meanwhile: func(h *modeltest.History) {
				h.Add(product.Category, id("b"), product.Unlisted{}, product.Listed{}, product.Pinned{})
			},
			withheld: "c", released: "b c a",
		},
		"a new product of a parked provider": {
			parked:    []domain.StreamName{providerV},
			meanwhile: func(h *modeltest.History) { h.Offer(id("d"), id("v"), h.At, domaintest.Content("专线")) },
			withheld:  "c", released: "d c b a",
		},
		"a parked product of a provider that is reinstated": {
			parked: []domain.StreamName{productA},
			meanwhile: func(h *modeltest.History) {
				h.Add(provider.Category, id("v"), provider.Suspended{Reason: "复核"}, provider.Reinstated{Reason: "复核通过"})
			},
			withheld: "c b", released: "c b a",
		},
		"a parked product of a provider that is suspended": {
			parked:    []domain.StreamName{productA},
			meanwhile: func(h *modeltest.History) { h.Add(provider.Category, id("v"), provider.Suspended{Reason: "复核"}) },
			withheld:  "c b", still: "c", released: "c",
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool := modeltest.Tables(t)
			h := modeltest.NewHistory()
			h.Activate(id("v"))
			h.Activate(id("w"))
			for _, p := range []struct{ product, provider string }{{"a", "v"}, {"b", "v"}, {"c", "w"}} {
				h.At = h.At.Add(1e9)
				h.Offer(id(p.product), id(p.provider), h.At, domaintest.Content("专线"))
			}
			modeltest.Project(t, pool, h.Log)
			setParked(t, pool, test.parked, true)
			setParked(t, pool, test.parked, true) // told twice
			public(t, pool, "withheld", test.withheld)
			if test.meanwhile != nil {
				h.At = h.At.Add(1e9)
				begun := len(h.Log)
				test.meanwhile(h)
				modeltest.Project(t, pool, h.Log[begun:])
				public(t, pool, "still withheld", cmp.Or(test.still, test.withheld))
			}
			setParked(t, pool, test.parked, false)
			setParked(t, pool, test.parked, false)
			public(t, pool, "released", test.released)
		})
	}
}

func setParked(t *testing.T, pool *pgxpool.Pool, streams []domain.StreamName, parked bool) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), "SET LOCAL search_path = "+listing.Model.Schema); err != nil {
			return err
		}
		return listing.Model.SetParked(context.Background(), tx, streams, parked)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// public checks every way to find a product: the list, an index, tags, text, and the detail.
func public(t *testing.T, pool *pgxpool.Pool, when, names string) {
	t.Helper()
	want := named(names)
	for way, filter := range map[string]listing.Filter{
		"list": {}, "mode": {Modes: []product.Mode{product.Sea}}, "tag": {Tags: []string{"清关"}}, "text": {Text: "专线"}, "mode and text": {Modes: []product.Mode{product.Sea}, Text: "清关"},
		"modes": {Modes: []product.Mode{product.Sea, product.Air}}, "tags": {Tags: []string{"清关", "海运"}},
	} {
		modeltest.Equal(t, when+", by "+way, modeltest.Listed(t, pool, filter), want)
		modeltest.Equal(t, when+", on the map, by "+way, modeltest.Shown(t, pool, filter), want)
	}
	var found []uuid.UUID
	for _, name := range []string{"d", "c", "b", "a"} {
		if _, err := (listing.Queries{DB: pool}).Product(context.Background(), domaintest.ID(name)); err == nil {
			found = append(found, domaintest.ID(name))
		}
	}
	if len(found) != len(want) || slices.ContainsFunc(want, func(p uuid.UUID) bool { return !slices.Contains(found, p) }) {
		t.Errorf("%s: details of %v, want %v", when, found, want)
	}
}
