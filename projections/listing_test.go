package projections_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// offer makes a public product.
func (h *history) offer(p, v uuid.UUID, at time.Time, c product.Content, more ...domain.Event) {
	stream := domain.Stream("product", p)
	facts := []domain.Event{product.Submitted{ProviderID: v, Revision: 1, Content: c}, product.Approved{Revision: 1}, product.Listed{}}
	for _, fact := range append(facts, more...) {
		h.addAt(stream, at, fact)
	}
}

func (h *history) activate(v uuid.UUID) {
	h.add("provider", v, provider.Applied{Revision: 1, Profile: profile("立足三亚")}, provider.Approved{Revision: 1})
}

func TestListingText(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	h.activate(id("v"))
	sea := content("三亚—新加坡海运专线")
	air := product.Content{
		Name: "ＦＢＡ Express 空派", Brief: "欧洲双清包税，１５日达；100%赔付", Tags: []string{"亚马逊", "Door-to-Door"}, Mode: product.Air,
		Destination: product.Destination{Country: "德国", City: "München"}, Cover: image("a"),
	}
	rail := product.Content{
		Name: "中欧班列", Brief: "每周_三班\\四班", Tags: []string{"ﾊﾝﾌﾞﾙｸ", "整柜"}, Mode: product.Rail,
		Destination: product.Destination{Country: "波兰", City: "罗兹 𠮷"}, Cover: image("a"),
	}
	h.offer(id("sea"), id("v"), h.at, sea)
	h.offer(id("air"), id("v"), h.at.Add(time.Second), air)
	h.offer(id("rail"), id("v"), h.at.Add(2*time.Second), rail)
	project(t, pool, h.log)
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
			equal(t, "found", ids(t, pool, projections.ListingFilter{Text: text}), named(want))
		})
	}
	for name, c := range map[string]struct {
		filter projections.ListingFilter
		want   string
	}{
		"mode":                     {projections.ListingFilter{Mode: product.Air}, "air"},
		"no such mode":             {projections.ListingFilter{Mode: "pipe"}, ""},
		"country":                  {projections.ListingFilter{Country: "德国"}, "air"},
		"a part of a country":      {projections.ListingFilter{Country: "德"}, ""},
		"city, other case":         {projections.ListingFilter{City: "MÜNCHEN"}, "air"},
		"tag":                      {projections.ListingFilter{Tag: "清关"}, "sea"},
		"tag, other case":          {projections.ListingFilter{Tag: "door-TO-door"}, "air"},
		"a part of a tag":          {projections.ListingFilter{Tag: "清"}, ""},
		"all":                      {projections.ListingFilter{Mode: product.Sea, Country: "新加坡", City: "新加坡", Tag: "海运", Text: "班"}, "sea"},
		"all but the mode":         {projections.ListingFilter{Mode: product.Rail, Country: "新加坡", City: "新加坡", Tag: "海运", Text: "班"}, ""},
		"all but the tag":          {projections.ListingFilter{Mode: product.Sea, Country: "新加坡", City: "新加坡", Tag: "整柜", Text: "班"}, ""},
		"tag and mode":             {projections.ListingFilter{Mode: product.Rail, Tag: "整柜"}, "rail"},
		"country and another city": {projections.ListingFilter{Country: "德国", City: "新加坡"}, ""},
		"nul":                      {projections.ListingFilter{Mode: "\x00", Country: "\x00", City: "\xff", Tag: "\x00"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			equal(t, "found", ids(t, pool, c.filter), named(c.want))
		})
	}
}

func named(names string) []uuid.UUID {
	var list []uuid.UUID
	for _, name := range strings.Fields(names) {
		list = append(list, id(name))
	}
	return list
}

// ids walks every page of the list.
func ids(t fataler, pool *pgxpool.Pool, f projections.ListingFilter) []uuid.UUID {
	t.Helper()
	var list []uuid.UUID
	for {
		page, err := projections.ListingQueries{DB: pool}.Page(context.Background(), f)
		if err != nil {
			t.Fatalf("page of %+v: %v", f, err)
		}
		for _, card := range page.Rows {
			list = append(list, card.ID)
		}
		if page.Next == "" {
			return list
		}
		if len(page.Rows) == 0 {
			t.Fatalf("an empty page with a next one")
		}
		f.After = page.Next
	}
}

// TestListingPages: whatever the filter and the size of the page, every row comes once, in order, also where times tie.
// There are enough products for each of the ways a search can go.
func TestListingPages(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	h.activate(id("v"))
	rng := rand.New(rand.NewPCG(1, 2))
	type row struct {
		id     uuid.UUID
		pinned bool
		at     time.Time
		c      product.Content
	}
	var rows []row
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	words := []string{"冷链", "拼箱", "整柜", "清关", "直飞", "快船"}
	for i := range 9000 {
		c := content(fmt.Sprintf("专线%d", i%7))
		c.Brief = words[rng.IntN(6)] + words[rng.IntN(6)]
		if i < 4500 {
			c.Brief += "早" // common, but far down the list
		}
		if i%1000 == 0 {
			c.Brief += "龘"
		}
		c.Tags = []string{words[rng.IntN(6)], words[rng.IntN(3)]}
		c.Mode = []product.Mode{product.Sea, product.Air, product.Rail}[rng.IntN(3)]
		c.Destination.Country, c.Destination.City = fmt.Sprint("国", rng.IntN(5)), fmt.Sprint("城", rng.IntN(20))
		r := row{id: id(fmt.Sprint("p", i)), at: day.Add(time.Duration(i/10) * time.Minute), c: c, pinned: rng.IntN(50) == 0}
		var pin []domain.Event
		if r.pinned {
			pin = append(pin, product.Pinned{})
		}
		h.offer(r.id, id("v"), r.at, c, pin...)
		rows = append(rows, r)
	}
	for chunk := range slices.Chunk(h.log, 5000) {
		if err := applyBatch(context.Background(), pool, projections.Listing, chunk); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.pinned != b.pinned {
			return map[bool]int{true: -1, false: 1}[a.pinned]
		}
		return cmp.Or(b.at.Compare(a.at), slices.Compare(b.id[:], a.id[:]))
	})
	for _, f := range []projections.ListingFilter{
		{},
		{Mode: product.Sea},
		{Country: "国1"},
		{City: "城3"},
		{Tag: "冷链"},
		{Text: "冷"},
		{Text: "冷链 清关"},
		{Text: "早"},
		{Text: "龘"},
		{Text: "龘", Mode: product.Air},
		{Text: "早", Tag: "快船"},
		{Country: "国1", City: "城3"},
		{Country: "国1", Mode: product.Rail, Tag: "冷链"},
	} {
		for _, limit := range []int{0, 7, 33, 100} {
			f.Limit = limit
			t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
				var want []uuid.UUID
				for _, r := range rows {
					if f.Mode != "" && r.c.Mode != f.Mode || f.Country != "" && r.c.Destination.Country != f.Country ||
						f.City != "" && r.c.Destination.City != f.City || f.Tag != "" && !slices.Contains(r.c.Tags, f.Tag) {
						continue
					}
					all := true
					for _, word := range strings.Fields(f.Text) {
						all = all && strings.Contains(r.c.Name+"\n"+r.c.Brief+"\n"+strings.Join(r.c.Tags, "\n"), word)
					}
					if all {
						want = append(want, r.id)
					}
				}
				got := ids(t, pool, f)
				if !slices.Equal(got, want) {
					t.Fatalf("%d rows, want %d, or in another order", len(got), len(want))
				}
			})
		}
	}
}

func TestBadCursor(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	h.activate(id("v"))
	for i := range 3 {
		h.offer(id(fmt.Sprint(i)), id("v"), h.at, content("专线"))
	}
	project(t, pool, h.log)
	ctx := context.Background()
	page, err := projections.ListingQueries{DB: pool}.Page(ctx, projections.ListingFilter{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	history, err := projections.HistoryQueries{DB: pool}.Query(ctx, projections.HistoryFilter{Limit: 1})
	if err != nil || history.Next == "" {
		t.Fatal(history, err)
	}
	tampered := []byte(page.Next)
	tampered[20] ^= 1
	for name, after := range map[string]string{
		"garbage":         "x",
		"not base64":      "!!!!",
		"too long":        page.Next + "AAAA",
		"cut":             page.Next[:len(page.Next)-1],
		"tampered":        string(tampered),
		"of another list": history.Next,
		"padded":          page.Next + "=",
		"nul":             "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := projections.ListingQueries{DB: pool}.Page(ctx, projections.ListingFilter{After: after})
			if !errors.Is(err, projections.ErrBadCursor) {
				t.Fatal(err)
			}
		})
	}
	for name, ask := range map[string]func() error{
		"own products": func() error {
			_, err := projections.BackofficeQueries{DB: pool}.Products(ctx, id("v"), projections.OwnProductFilter{After: page.Next})
			return err
		},
		"queue": func() error {
			_, err := projections.ReviewQueries{DB: pool}.Queue(ctx, projections.QueueFilter{After: page.Next})
			return err
		},
		"bookings": func() error {
			_, err := projections.BookingQueries{DB: pool}.ByProvider(ctx, id("v"), projections.BookingFilter{After: page.Next})
			return err
		},
		"history": func() error {
			_, err := projections.HistoryQueries{DB: pool}.Query(ctx, projections.HistoryFilter{After: page.Next})
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

// TestSuspension: a suspended provider's products leave every way to find them, and come back as they were.
func TestSuspension(t *testing.T) {
	pool := tables(t)
	h := newHistory()
	h.activate(id("v"))
	h.offer(id("shown"), id("v"), h.at, content("海运专线"))
	h.offer(id("hidden"), id("v"), h.at, content("海运专线"), product.Unlisted{})
	h.add("provider", id("v"), provider.Suspended{Reason: "复核"}, provider.Reinstated{Reason: "复核通过"})
	for i, want := range []string{"shown", "", "shown"} {
		start, end := len(h.log)-3+i, len(h.log)-2+i
		if i == 0 {
			start = 0
		}
		project(t, pool, h.log[start:end])
		for _, f := range []projections.ListingFilter{{}, {Mode: product.Sea}, {Tag: "清关"}, {Text: "专线"}, {Text: "专线", City: "新加坡"}} {
			equal(t, fmt.Sprintf("%d %+v", i, f), ids(t, pool, f), named(want))
		}
	}
}
