package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/demo"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/listing"
)

// listingWorld is a public list of some size, with a server and the bare handler on it.
type listingWorld struct {
	*database
	products int
	server   *child
	floor    *child
	cursors  []string
	// providers are those whose products the first pages show.
	providers []uuid.UUID
}

// listingWorlds makes the lists on first use. Only the listing is built: the other read models would take longer than all
// else together and the public list never reads them, so their checkpoints are moved to the end of the log.
func (b *bench) listingWorlds(ctx context.Context) ([]*listingWorld, error) {
	for _, products := range b.size.listings[len(b.listings):] {
		d, err := b.database(ctx, fmt.Sprintf("bench_listing_%d", products))
		if err != nil {
			return nil, err
		}
		w := &listingWorld{database: d, products: products}
		if err := b.fill(ctx, w); err != nil {
			return nil, err
		}
		b.listings = append(b.listings, w)
	}
	return b.listings, nil
}

func (b *bench) fill(ctx context.Context, w *listingWorld) error {
	seed, err := b.once(ctx, w.url, "seed", fmt.Sprintf("--products=%d", w.products))
	if err != nil {
		return err
	}
	b.progress("listing: seeded %s", seed.said)
	rebuild, err := b.once(ctx, w.url, "rebuild", "listing")
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, `UPDATE projections.checkpoints SET position = (SELECT max(position) FROM eventstore.events)`)
	if err != nil {
		return err
	}
	// As it would be some time later: statistics and visibility known, the disk at rest.
	if _, err := w.pool.Exec(ctx, `VACUUM (ANALYZE)`); err != nil {
		return err
	}
	if err := b.asAdmin(ctx, `CHECKPOINT`); err != nil {
		return err
	}
	head, err := w.head(ctx)
	if err != nil {
		return err
	}
	b.report.line("Public list of %s products: %s events appended in bulk in %.1f s, listing rebuilt in %.1f s.",
		grouped(float64(w.products)), grouped(float64(head)), seed.took.Seconds(), rebuild.took.Seconds())
	return nil
}

// serve starts the server and the bare handler and collects cursors from the whole list.
func (b *bench) serve(ctx context.Context, w *listingWorld) (err error) {
	if w.server, err = b.spawn(ctx, w.url, waybillProgram, "serve"); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if w.floor, err = b.spawn(ctx, w.url, self, "--floor"); err != nil {
		return err
	}
	if err := w.caughtUp(ctx, 3*time.Minute); err != nil {
		return err
	}
	b.progress("listing: walking the list of %s products for its cursors", grouped(float64(w.products)))
	queries := listing.Queries{DB: w.pool}
	for after := ""; ; {
		page, err := queries.Page(ctx, listing.Filter{Limit: projections.MaxPage, After: after})
		if err != nil {
			return err
		}
		for _, card := range page.Rows {
			if len(w.providers) < b.size.pages && !slices.Contains(w.providers, card.ProviderID) {
				w.providers = append(w.providers, card.ProviderID)
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
		w.cursors = append(w.cursors, after)
	}
}

// kind is a kind of page: each of its addresses is one page of that kind.
type kind struct {
	name    string
	address func(rng *rand.Rand, w *listingWorld) url.Values
}

// kinds of pages; all but the first are at random places of the list.
var kinds = []kind{
	{"first page", func(*rand.Rand, *listingWorld) url.Values { return url.Values{} }},
	{"deep page", func(rng *rand.Rand, w *listingWorld) url.Values { return w.anywhere(rng) }},
	{"transport mode", filtered(func(p product.Content) url.Values { return url.Values{"mode": {string(p.Mode)}} })},
	{"country", filtered(func(p product.Content) url.Values { return url.Values{"country": {p.Destination.Country}} })},
	{"city", filtered(func(p product.Content) url.Values { return url.Values{"city": {p.Destination.City}} })},
	{"tag", filtered(func(p product.Content) url.Values { return url.Values{"tag": {p.Tags[0]}} })},
	{"text, common word", filtered(func(p product.Content) url.Values { return url.Values{"q": {runes(p.Name, 0, 5)}} })},
	{"text, two characters", filtered(func(p product.Content) url.Values { return url.Values{"q": {runes(p.Destination.City, 0, 2)}} })},
	{"text, one character", filtered(func(p product.Content) url.Values { return url.Values{"q": {runes(p.Brief, 1, 2)}} })},
	{"text, one match", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"q": {fmt.Sprintf("%d号", w.products/2+rng.IntN(w.products/2))}}
	}},
	{"text, no match", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"q": {[]string{"北极", "南极圈", "鲸", "月球"}[rng.IntN(4)]}}
	}},
	{"mode, country and text", filtered(func(p product.Content) url.Values {
		return url.Values{"mode": {string(p.Mode)}, "country": {p.Destination.Country}, "q": {runes(p.Name, 0, 2)}}
	})},
	{"two modes", func(rng *rand.Rand, w *listingWorld) url.Values {
		values := w.anywhere(rng)
		values["mode"] = []string{"sea", "rail"}
		return values
	}},
	{"two tags", filtered(func(p product.Content) url.Values { return url.Values{"tag": {p.Tags[0], p.Tags[len(p.Tags)-1]}} })},
	{"provider", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"provider": {w.providers[rng.IntN(len(w.providers))].String()}}
	}},
	{"mode and city, no match", func(*rand.Rand, *listingWorld) url.Values {
		return url.Values{"mode": {"rail"}, "city": {"曼谷"}}
	}},
}

// catalogue is what the products of the lists are made from.
var catalogue = demo.Catalogue()

// filtered is a page from anywhere in the list, narrowed to what suits one of the demo products.
func filtered(narrow func(product.Content) url.Values) func(*rand.Rand, *listingWorld) url.Values {
	return func(rng *rand.Rand, w *listingWorld) url.Values {
		offered := catalogue[rng.IntN(len(catalogue))]
		values := narrow(offered[rng.IntN(len(offered))])
		for name, value := range w.anywhere(rng) {
			values[name] = value
		}
		return values
	}
}

// anywhere is a cursor from the first nine tenths of the list, so that even a filtered page is a full one.
func (w *listingWorld) anywhere(rng *rand.Rand) url.Values {
	if len(w.cursors) == 0 {
		return url.Values{}
	}
	return url.Values{"cursor": {w.cursors[rng.IntN(max(1, len(w.cursors)*9/10))]}}
}

func runes(s string, from, to int) string {
	r := []rune(s)
	return string(r[min(from, len(r)):min(to, len(r))])
}

// pages measures every kind of page at every size, server and bare handler by turns.
func (b *bench) pages(ctx context.Context) error {
	worlds, err := b.listingWorlds(ctx)
	if err != nil {
		return err
	}
	for _, w := range worlds {
		if err := b.serve(ctx, w); err != nil {
			return err
		}
	}
	small, large := worlds[0], worlds[len(worlds)-1]
	rows := [][]string{{
		"page", "bytes", fmt.Sprintf("%s products", grouped(float64(large.products))), "p50", "p99", "bare handler",
		"÷ bare handler", "÷ first page", fmt.Sprintf("%s products", grouped(float64(small.products))),
		"÷ " + grouped(float64(large.products)),
	}}
	first := 0.0
	for _, k := range kinds {
		b.progress("listing: %s", k.name)
		m, err := b.kind(ctx, k, small, large)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		rate := m.large.perSecond()
		if first == 0 {
			first = rate
		}
		all, name := m.large.together(), "listing, "+k.name
		rows = append(rows, []string{
			k.name, grouped(m.bytes), grouped(rate) + "/s", millis(all.percentile(50)), millis(all.percentile(99)),
			grouped(m.floor.perSecond()) + "/s",
			b.report.least(name+", ÷ bare handler", rate/m.floor.perSecond(), 0.7, "%.2f"),
			b.report.least(name+", ÷ first page", rate/first, 0.5, "%.2f"),
			grouped(m.small.perSecond()) + "/s",
			b.report.most(name+", small ÷ large", m.small.perSecond()/rate, 1.3, "%.2f"),
		})
	}
	b.report.table(fmt.Sprintf("Public listing: 20 to a page, %d connections, %d different pages of a kind at random; "+
		"the bare handler runs the same queries and writes the same bytes", connections, b.size.pages), rows)
	if err := b.maps(ctx, large); err != nil {
		return err
	}
	if err := b.facets(ctx, large); err != nil {
		return err
	}
	for _, w := range worlds {
		b.resident(fmt.Sprintf("the listing of %s products", grouped(float64(w.products))), w.server)
		if err := w.stop(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (w *listingWorld) stop() error {
	if err := w.floor.stop(); err != nil {
		return err
	}
	return w.server.stop()
}

// measured is one kind of page: the large list through server and bare handler, and the small one through the server.
type measured struct {
	large, floor, small runs
	bytes               float64
}

func (b *bench) kind(ctx context.Context, k kind, small, large *listingWorld) (measured, error) {
	var m measured
	client := newClient(connections)
	defer client.CloseIdleConnections()
	smallPages, _, err := b.addresses(ctx, client, k, small)
	if err != nil {
		return m, err
	}
	largePages, size, err := b.addresses(ctx, client, k, large)
	if err != nil {
		return m, err
	}
	m.bytes = size
	// Connections and caches are warm before anything counts.
	for _, w := range []struct {
		from  *child
		pages []string
	}{{large.floor, largePages}, {large.server, largePages}, {small.server, smallPages}} {
		drive(ctx, connections, b.size.pageRun/6, browsing(client, w.from, w.pages))
	}
	for range b.size.pageRounds {
		m.floor = append(m.floor, b.browse(ctx, client, large.floor, largePages))
		m.large = append(m.large, b.browse(ctx, client, large.server, largePages))
		m.small = append(m.small, b.browse(ctx, client, small.server, smallPages))
	}
	b.report.works(k.name+", bare handler", m.floor.together())
	b.report.works(k.name, merge(b.size.pageRun, append(m.large, m.small...)))
	return m, nil
}

// addresses makes a kind's pages of the list and asks both server and bare handler for each once: they must answer with the same
// bytes. It also returns their mean size.
func (b *bench) addresses(ctx context.Context, client *nethttp.Client, k kind, w *listingWorld) ([]string, float64, error) {
	return b.answers(ctx, client, "/api/v1/products", k, w, w.floor)
}

// answers makes a kind's addresses below a path and asks the server, and others, for each once: all must answer with the same bytes. It
// also returns their mean size.
func (b *bench) answers(
	ctx context.Context, client *nethttp.Client, path string, k kind, w *listingWorld, others ...*child,
) ([]string, float64, error) {
	rng := rand.New(rand.NewPCG(2, uint64(w.products))) //nolint:gosec // the same pages every time
	seen := map[string]bool{}
	var pages []string
	total := 0
	for range b.size.pages {
		page := path
		if values := k.address(rng, w); len(values) > 0 {
			page += "?" + values.Encode()
		}
		if seen[page] {
			continue
		}
		seen[page] = true
		var first []byte
		for i, c := range append([]*child{w.server}, others...) {
			request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, c.base+page, nil)
			if err != nil {
				return nil, 0, err
			}
			var body bytes.Buffer
			if _, err := fetch(client, request, nethttp.StatusOK, &body); err != nil {
				return nil, 0, err
			}
			if i == 0 {
				first = body.Bytes()
			} else if !bytes.Equal(first, body.Bytes()) {
				return nil, 0, fmt.Errorf("%s: server and bare handler answer differently:\n%.600s\n%.600s", page, first, body.Bytes())
			}
		}
		total += len(first)
		pages = append(pages, page)
	}
	return pages, float64(total) / float64(len(pages)), nil
}

// browse asks for random pages.
func (b *bench) browse(ctx context.Context, client *nethttp.Client, from *child, pages []string) sample {
	return drive(ctx, connections, b.size.pageRun, browsing(client, from, pages))
}

func browsing(client *nethttp.Client, from *child, pages []string) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		return get(ctx, client, from.base+pages[rand.IntN(len(pages))]) //nolint:gosec // a load, no secret
	}
}
