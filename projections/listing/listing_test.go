package listing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

func TestListingText(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.ID("v"))
	sea := domaintest.Content("三亚—新加坡海运专线")
	air := product.Content{
		Name: "ＦＢＡ Express 空派", Brief: "欧洲双清包税，１５日达；100%赔付", Tags: []string{"亚马逊", "Door-to-Door"}, Mode: product.Air,
		Destination: product.Destination{Country: "德国", City: "München"}, Cover: domaintest.Image("a"),
	}
	rail := product.Content{
		Name: "中欧班列", Brief: "每周_三班\\四班", Tags: []string{"ﾊﾝﾌﾞﾙｸ", "整柜"}, Mode: product.Rail,
		Destination: product.Destination{Country: "波兰", City: "罗兹 𠮷"}, Cover: domaintest.Image("a"),
	}
	h.Offer(domaintest.ID("sea"), domaintest.ID("v"), h.At, sea)
	h.Offer(domaintest.ID("air"), domaintest.ID("v"), h.At.Add(time.Second), air)
	h.Offer(domaintest.ID("rail"), domaintest.ID("v"), h.At.Add(2*time.Second), rail)
	modeltest.Project(t, pool, h.Log)
	for text, want := range map[string]string{
		"":                    "rail air sea",
		" \t":                 "rail air sea",
		"海":                   "sea",
		"海运":                  "sea",
		"运海":                  "", // both characters, not neighbours in this order
		"班":                   "rail sea",
		"清":                   "air sea",
		"新加坡":                 "sea",      // country and city
		"德":                   "air",      // country
		"亚马":                  "air",      // tag
		"fba":                 "air",      // full-width in the name
		"ｆｂａ":                 "air",      // full-width in the query
		"eXPRESS":             "air",      // mixed case
		"express 空派":          "air",      // both words
		"空派 express":          "air",      // in any order
		"express 海运":          "",         // not in the same product
		"münchen":             "air",      // NFC
		"mu\u0308nch":         "air",      // decomposed
		"15日":                 "air",      // full-width digits
		"0%":                  "air",      // no wildcard
		"%":                   "air",      // no wildcard
		"_":                   "rail",     // no wildcard
		`\`:                   "rail",     // no escape
		"door-to":             "air",      // in a tag
		"ハンブルク":               "rail",     // half-width in the tag
		"𠮷":                   "rail",     // outside the basic plane
		"e":                   "air",      // one Latin letter
		"列每":                  "",         // does not span fields
		"x\x00y":              "",         // what PostgreSQL refuses
		"\xff":                "",         // not UTF-8
		"三亚—新加坡海运专线":          "sea",      // the whole name
		"每周":                  "rail sea", // two products
		"a b c d e f g h i j": "",
	} {
		t.Run(text, func(t *testing.T) {
			modeltest.Equal(t, "found", modeltest.Listed(t, pool, listing.Filter{Text: text}), named(want))
			modeltest.Equal(t, "shown", modeltest.Shown(t, pool, listing.Filter{Text: text}), named(want))
		})
	}
	for name, c := range map[string]struct {
		filter listing.Filter
		want   string
	}{
		"mode":                     {listing.Filter{Modes: []product.Mode{product.Air}}, "air"},
		"no such mode":             {listing.Filter{Modes: []product.Mode{"pipe"}}, ""},
		"country":                  {listing.Filter{Country: "德国"}, "air"},
		"a part of a country":      {listing.Filter{Country: "德"}, ""},
		"city, other case":         {listing.Filter{City: "MÜNCHEN"}, "air"},
		"tag":                      {listing.Filter{Tags: []string{"清关"}}, "sea"},
		"tag, other case":          {listing.Filter{Tags: []string{"door-TO-door"}}, "air"},
		"a part of a tag":          {listing.Filter{Tags: []string{"清"}}, ""},
		"all":                      {listing.Filter{Modes: []product.Mode{product.Sea}, Country: "新加坡", City: "新加坡", Tags: []string{"海运"}, Text: "班"}, "sea"},
		"all but the mode":         {listing.Filter{Modes: []product.Mode{product.Rail}, Country: "新加坡", City: "新加坡", Tags: []string{"海运"}, Text: "班"}, ""},
		"all but the tag":          {listing.Filter{Modes: []product.Mode{product.Sea}, Country: "新加坡", City: "新加坡", Tags: []string{"整柜"}, Text: "班"}, ""},
		"modes":                    {listing.Filter{Modes: []product.Mode{product.Air, product.Rail, product.Land}}, "rail air"},
		"tags":                     {listing.Filter{Tags: []string{"整柜", "ハンブルク"}}, "rail"},
		"tags of two products":     {listing.Filter{Tags: []string{"整柜", "亚马逊"}}, ""},
		"provider":                 {listing.Filter{Provider: new(domaintest.ID("v"))}, "rail air sea"},
		"another provider":         {listing.Filter{Provider: new(domaintest.ID("w"))}, ""},
		"the nil provider":         {listing.Filter{Provider: new(uuid.UUID)}, ""},
		"provider and the others":  {listing.Filter{Provider: new(domaintest.ID("v")), Modes: []product.Mode{product.Air}, Country: "德国", Tags: []string{"亚马逊"}, Text: "fba"}, "air"},
		"tag and mode":             {listing.Filter{Modes: []product.Mode{product.Rail}, Tags: []string{"整柜"}}, "rail"},
		"country and another city": {listing.Filter{Country: "德国", City: "新加坡"}, ""},
		"nul":                      {listing.Filter{Modes: []product.Mode{"\x00"}, Country: "\x00", City: "\xff", Tags: []string{"\x00"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Equal(t, "found", modeltest.Listed(t, pool, c.filter), named(c.want))
			modeltest.Equal(t, "shown", modeltest.Shown(t, pool, c.filter), named(c.want))
		})
	}
}

func named(names string) []uuid.UUID {
	var list []uuid.UUID
	for _, name := range strings.Fields(names) {
		list = append(list, domaintest.ID(name))
	}
	return list
}

// TestManyProducts looks at one long list in each of the ways there are.
func TestManyProducts(t *testing.T) {
	pool, rows := manyProducts(t)
	t.Run("pages", func(t *testing.T) { testPages(t, pool, rows) })
	t.Run("facets", func(t *testing.T) { testFacets(t, pool, rows) })
	t.Run("map", func(t *testing.T) { testMap(t, pool, rows) })
}

// testPages: whatever the filter and the size of the page, every row comes once, in order, also where times tie.
func testPages(t *testing.T, pool *pgxpool.Pool, rows []offered) {
	for _, f := range filters {
		for _, limit := range []int{0, 7, 33, 100} {
			f.Limit = limit
			t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
				var want []uuid.UUID
				for _, r := range rows {
					if r.matches(f) {
						want = append(want, r.id)
					}
				}
				if limit == 7 && len(want) > 2000 {
					f.Limit = 61 // a thousand pages of one list show no more than a hundred
				}
				got := modeltest.Listed(t, pool, f)
				if !slices.Equal(got, want) {
					t.Fatalf("%d rows, want %d, or in another order", len(got), len(want))
				}
			})
		}
	}
}

// TestSuspension: a suspended provider's products leave every way to find them, and come back as they were.
func TestSuspension(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.ID("v"))
	h.Offer(domaintest.ID("shown"), domaintest.ID("v"), h.At, domaintest.Content("海运专线"))
	h.Offer(domaintest.ID("hidden"), domaintest.ID("v"), h.At, domaintest.Content("海运专线"), product.Unlisted{})
	h.Add("provider", domaintest.ID("v"), provider.Suspended{Reason: "复核"}, provider.Reinstated{Reason: "复核通过"})
	for i, want := range []string{"shown", "", "shown"} {
		start, end := len(h.Log)-3+i, len(h.Log)-2+i
		if i == 0 {
			start = 0
		}
		modeltest.Project(t, pool, h.Log[start:end])
		for _, f := range []listing.Filter{{}, {Modes: []product.Mode{product.Sea}}, {Tags: []string{"清关"}}, {Text: "专线"}, {Text: "专线", City: "新加坡"}} {
			modeltest.Equal(t, fmt.Sprintf("%d %+v", i, f), modeltest.Listed(t, pool, f), named(want))
			modeltest.Equal(t, fmt.Sprintf("%d %+v on the map", i, f), modeltest.Shown(t, pool, f), named(want))
		}
	}
}
