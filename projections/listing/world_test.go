package listing_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// offered is a public product.
type offered struct {
	id, provider uuid.UUID
	pinned       bool
	at           time.Time
	c            product.Content
}

// matches says what a filter means, in as many words.
func (o offered) matches(f listing.Filter) bool {
	if f.Modes != nil && !slices.Contains(f.Modes, o.c.Mode) || f.Country != "" && o.c.Destination.Country != f.Country ||
		f.City != "" && o.c.Destination.City != f.City || f.Provider != nil && o.provider != *f.Provider {
		return false
	}
	for _, tag := range f.Tags {
		if !slices.Contains(o.c.Tags, tag) {
			return false
		}
	}
	for _, word := range strings.Fields(f.Text) {
		if !strings.Contains(o.c.Name+"\n"+o.c.Brief+"\n"+strings.Join(o.c.Tags, "\n"), word) {
			return false
		}
	}
	return true
}

// filters are of every kind, and what they find is rare, common, near the top of the list or far down.
var filters = []listing.Filter{
	{},
	{Modes: []product.Mode{product.Sea}},
	{Country: "国1"},
	{City: "城3"},
	{Tags: []string{"冷链"}},
	{Text: "冷"},
	{Text: "冷链 清关"},
	{Text: "早"},
	{Text: "龘"},
	{Text: "龘", Modes: []product.Mode{product.Air}},
	{Text: "早", Tags: []string{"快船"}},
	{Country: "国1", City: "城3"},
	{Country: "国1", Modes: []product.Mode{product.Rail}, Tags: []string{"冷链"}},
	{Modes: []product.Mode{product.Rail, product.Sea}},
	{Modes: []product.Mode{product.Sea, product.Sea}},
	{Modes: []product.Mode{product.Land, product.Air}, Text: "冷"},
	{Modes: []product.Mode{product.Rail, product.Air}, City: "城3"},
	{Modes: []product.Mode{product.Rail, product.Air}, Tags: []string{"冷链", "整柜"}},
	{Tags: []string{"整柜", "快船"}},
	{Provider: new(domaintest.ID("few"))},
	{Provider: new(domaintest.ID("nobody"))},
	{Provider: new(domaintest.ID("few")), Text: "早", Modes: []product.Mode{product.Rail, product.Sea}, Tags: []string{"整柜"}},
	{Provider: new(domaintest.ID("few")), Country: "国1"},
}

// cities are where manyProducts go: latitude and longitude. Some are at the ends of the map.
var cities = [20][2]float64{
	{1.35, 103.8},
	{48.1, 11.6},
	{40.7, -74},
	{-33.9, 151.2},
	{-18.1, 178.4},
	{-13.8, -171.8},
	{52.5, 179.9},
	{52.5, -179.9},
	{89.6, 10},
	{-89.6, 170},
	{85.05, -0.4},
	{-85.05, -179.8},
	{0.2, 0.2},
	{-0.2, -0.2},
	{35.7, 139.7},
	{51.5, -0.1},
	{-34.6, -58.4},
	{30, 31.2},
	{64.1, -21.9},
	{19, 72.8},
}

// manyProducts is a list in its order, long enough for each of the ways a search can go.
func manyProducts(t *testing.T) (*pgxpool.Pool, []offered) {
	t.Helper()
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.ID("v"))
	h.Activate(domaintest.ID("few"))
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []offered
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	words := []string{"冷链", "拼箱", "整柜", "清关", "直飞", "快船"}
	for i := range 9000 {
		c := domaintest.Content(fmt.Sprintf("专线%d", i%7))
		c.Brief = words[rng.IntN(6)] + words[rng.IntN(6)]
		if i < 4500 {
			c.Brief += "早" // common, but far down the list
		}
		if i%1000 == 0 {
			c.Brief += "龘"
		}
		c.Tags = []string{words[rng.IntN(6)], words[rng.IntN(3)]}
		c.Mode = []product.Mode{product.Sea, product.Air, product.Rail}[rng.IntN(3)]
		city := rng.IntN(len(cities))
		c.Destination.Country, c.Destination.City = fmt.Sprint("国", rng.IntN(5)), fmt.Sprint("城", city)
		c.Destination.Latitude, c.Destination.Longitude = cities[city][0], cities[city][1]
		if city != 0 { // at one place there are too many to look at one by one
			c.Destination.Latitude = min(90, max(-90, c.Destination.Latitude+rng.NormFloat64()/4))
			c.Destination.Longitude = min(180, max(-180, c.Destination.Longitude+rng.NormFloat64()/4))
		} else {
			c.Destination.Country = "国4"
		}
		o := offered{
			id: domaintest.ID(fmt.Sprint("p", i)), at: day.Add(time.Duration(i/10) * time.Minute), c: c, pinned: rng.IntN(50) == 0,
			provider: domaintest.ID("v"),
		}
		if i%29 == 0 {
			o.provider = domaintest.ID("few")
		}
		if i%4 == 1 {
			o.c.Destination.City, o.c.Destination.Latitude, o.c.Destination.Longitude = "城0", cities[0][0], cities[0][1]
		}
		var pin []domain.Event
		if o.pinned {
			pin = append(pin, product.Pinned{})
		}
		h.Offer(o.id, o.provider, o.at, o.c, pin...)
		rows = append(rows, o)
		if i%40 == 0 { // one that nobody may find
			h.Offer(domaintest.ID(fmt.Sprint("hidden", i)), o.provider, o.at, o.c, product.Unlisted{})
		}
	}
	for chunk := range slices.Chunk(h.Log, 5000) {
		if err := modeltest.Apply(context.Background(), pool, listing.Model, chunk); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(rows, func(a, b offered) int {
		if a.pinned != b.pinned {
			return map[bool]int{true: -1, false: 1}[a.pinned]
		}
		return cmp.Or(b.at.Compare(a.at), slices.Compare(b.id[:], a.id[:]))
	})
	return pool, rows
}
