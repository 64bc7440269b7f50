package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"waybill/domain/product"
)

const (
	// mapConnections is how many callers the map has at once.
	mapConnections = 8

	mapTarget    = 50.0  // ms, p99
	coldTarget   = 100.0 // ms
	warmTarget   = 1.0   // ms
	lastMapLevel = 18    // the demo world's cities are single points
)

// mapKinds are kinds of maps: each of their addresses is one map of that kind.
var mapKinds = []kind{
	{"no filter", anyMap(func(product.Content) url.Values { return url.Values{} })},
	{"mode", anyMap(func(p product.Content) url.Values { return url.Values{"mode": {string(p.Mode)}} })},
	{"modes and country", anyMap(func(p product.Content) url.Values {
		return url.Values{"mode": {"sea", string(p.Mode)}, "country": {p.Destination.Country}}
	})},
	{"city", anyMap(func(p product.Content) url.Values { return url.Values{"city": {p.Destination.City}} })},
	{"tag", anyMap(func(p product.Content) url.Values { return url.Values{"tag": {p.Tags[0]}} })},
	{"text", anyMap(func(p product.Content) url.Values { return url.Values{"q": {runes(p.Name, 0, 2)}} })},
	{"text, one match", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"zoom": {"3"}, "q": {fmt.Sprintf("%d号", w.products/2+rng.IntN(w.products/2))}}
	}},
	{"provider", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"zoom": {"3"}, "provider": {w.providers[rng.IntN(len(w.providers))].String()}}
	}},
}

// anyMap is a screen of 2,048 by 1,024 pixels around one of the demo products' cities, at any zoom level.
func anyMap(narrow func(product.Content) url.Values) func(*rand.Rand, *listingWorld) url.Values {
	return func(rng *rand.Rand, _ *listingWorld) url.Values {
		offered := catalogue[rng.IntN(len(catalogue))]
		p := offered[rng.IntN(len(offered))]
		values := narrow(p)
		zoom := rng.IntN(lastMapLevel + 1)
		values.Set("zoom", strconv.Itoa(zoom))
		width := min(360, 8*360/float64(int(1)<<zoom)) / 2
		d := p.Destination
		west, east := d.Longitude-width*rng.Float64(), d.Longitude+width*(0.1+rng.Float64())
		south, north := max(-85, d.Latitude-width/2), min(85, d.Latitude+width/2)
		if width >= 90 {
			west, east = -180, 180
		}
		values.Set("bbox", fmt.Sprintf("%.6f,%.6f,%.6f,%.6f", max(-180, west), south, min(180, east), north))
		return values
	}
}

// maps measures the map at any zoom level.
func (b *bench) maps(ctx context.Context, w *listingWorld) error {
	client := newClient(mapConnections)
	defer client.CloseIdleConnections()
	rows := [][]string{{"map", "bytes", "rate", "p50", "p99"}}
	for _, k := range mapKinds {
		b.progress("map: %s", k.name)
		pages, size, err := b.answers(ctx, client, "/api/v1/products/map", k, w)
		if err != nil {
			return fmt.Errorf("map, %s: %w", k.name, err)
		}
		drive(ctx, mapConnections, b.size.pageRun/3, browsing(client, w.server, pages))
		s := drive(ctx, mapConnections, 2*b.size.pageRun, browsing(client, w.server, pages))
		b.report.works("map, "+k.name, s)
		rows = append(rows, []string{
			k.name, grouped(size), grouped(s.perSecond()) + "/s", millis(s.percentile(50)),
			b.report.most("map, "+k.name+", p99", inMillis(s.percentile(99)), mapTarget, "%.1f ms"),
		})
	}
	b.report.table(fmt.Sprintf("Map of %s products: any zoom level from 0 to %d, %d connections",
		grouped(float64(w.products)), lastMapLevel, mapConnections), rows)
	return ctx.Err()
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// facetKinds are kinds of filters that facets are asked for.
var facetKinds = []kind{
	{"no filter", func(*rand.Rand, *listingWorld) url.Values { return url.Values{} }},
	{"mode", facet(func(p product.Content) url.Values { return url.Values{"mode": {string(p.Mode)}} })},
	{"country", facet(func(p product.Content) url.Values { return url.Values{"country": {p.Destination.Country}} })},
	{"tag", facet(func(p product.Content) url.Values { return url.Values{"tag": {p.Tags[0]}} })},
	{"tags and modes", facet(func(p product.Content) url.Values {
		return url.Values{"tag": {p.Tags[0], p.Tags[len(p.Tags)-1]}, "mode": {"sea", string(p.Mode)}}
	})},
	{"provider", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"provider": {w.providers[rng.IntN(len(w.providers))].String()}}
	}},
	{"text", facet(func(p product.Content) url.Values { return url.Values{"q": {runes(p.Name, 0, 2)}} })},
	{"text, one match", func(rng *rand.Rand, w *listingWorld) url.Values {
		return url.Values{"q": {fmt.Sprintf("%d号", w.products/2+rng.IntN(w.products/2))}}
	}},
}

func facet(narrow func(product.Content) url.Values) func(*rand.Rand, *listingWorld) url.Values {
	return func(rng *rand.Rand, _ *listingWorld) url.Values {
		offered := catalogue[rng.IntN(len(catalogue))]
		return narrow(offered[rng.IntN(len(offered))])
	}
}

// facets measures facets when nobody has asked for them since something changed, and again when nothing has. A new epoch of the
// listing's checkpoint, which a rebuild would give it, is what changes.
func (b *bench) facets(ctx context.Context, w *listingWorld) error {
	client := newClient(1)
	defer client.CloseIdleConnections()
	rows := [][]string{{"facets", "bytes", "cold, median", "cold, longest", "nothing changed, p50", "p99"}}
	for _, k := range facetKinds {
		b.progress("facets: %s", k.name)
		pages, size, err := b.answers(ctx, client, "/api/v1/products/facets", k, w)
		if err != nil {
			return fmt.Errorf("facets, %s: %w", k.name, err)
		}
		var cold []float64
		for range 20 {
			if _, err := w.pool.Exec(ctx, `UPDATE projections.checkpoints SET epoch = epoch + 1 WHERE projection LIKE 'listing_v%'`); err != nil {
				return err
			}
			for _, page := range pages[:min(len(pages), 5)] {
				start := time.Now()
				if err := get(ctx, client, w.server.base+page); err != nil {
					return err
				}
				cold = append(cold, inMillis(time.Since(start)))
			}
		}
		for _, page := range pages {
			if err := get(ctx, client, w.server.base+page); err != nil {
				return err
			}
		}
		warm := drive(ctx, 1, b.size.pageRun, browsing(client, w.server, pages))
		b.report.works("facets, "+k.name, warm)
		longest := 0.0
		for _, ms := range cold {
			longest = max(longest, ms)
		}
		rows = append(rows, []string{
			k.name, grouped(size), b.report.most("facets, "+k.name+", cold", median(cold), coldTarget, "%.1f ms"),
			fmt.Sprintf("%.1f ms", longest),
			b.report.most("facets, "+k.name+", nothing changed", inMillis(warm.percentile(50)), warmTarget, "%.2f ms"),
			millis(warm.percentile(99)),
		})
	}
	b.report.table(fmt.Sprintf("Facets of %s products, one caller", grouped(float64(w.products))), rows)
	return ctx.Err()
}
