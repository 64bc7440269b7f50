package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"waybill/adapters/gazetteer"
	"waybill/domain/place"
)

// places measures the whole gazetteer, in this process: what people type while they type it, and clicks anywhere on the earth.
func (b *bench) places(ctx context.Context) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	g, err := gazetteer.Load()
	if err != nil {
		return err
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / (1 << 20)
	b.report.line("Gazetteer: loaded in %.2f s, %.0f MB held.", took.Seconds(), held)

	rng := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same every time
	all := g.Search("", "", math.MaxInt32)
	typed := make([]string, 0, 20_000)
	for len(typed) < cap(typed) {
		p := all[rng.IntN(len(all))]
		name := []string{p.Name.ZH, p.Name.EN}[rng.IntN(2)]
		typed = append(typed, runes(name, 0, 1+rng.IntN(6)))
	}
	rows := [][]string{{"what", "calls", "p50", "p99", "slowest"}}
	measure := func(name, target string, call func(i int) int) error {
		latencies, found := sample{took: b.size.pageRun}, 0
		for i, end := 0, time.Now().Add(b.size.pageRun); time.Now().Before(end) && ctx.Err() == nil; i++ {
			at := time.Now()
			found += call(i)
			latencies.latencies = append(latencies.latencies, time.Since(at))
		}
		if found == 0 {
			return fmt.Errorf("%s: nothing was found", name)
		}
		s := merge(b.size.pageRun, []sample{latencies})
		p99 := s.percentile(99).Seconds() * 1e3
		rows = append(rows, []string{
			name, grouped(float64(len(s.latencies))), fmt.Sprintf("%.3f ms", s.percentile(50).Seconds()*1e3),
			b.report.most(target, p99, 1, "%.3f ms"), fmt.Sprintf("%.3f ms", s.percentile(100).Seconds()*1e3),
		})
		return ctx.Err()
	}
	if err := measure("search, the first characters of a name", "place search, p99", func(i int) int {
		return len(g.Search(typed[i%len(typed)], "", 10))
	}); err != nil {
		return err
	}
	if err := measure("search, one letter", "place search of one letter, p99", func(i int) int {
		return len(g.Search(string(rune('a'+i%26)), "", 50))
	}); err != nil {
		return err
	}
	if err := measure("nearest, anywhere", "nearest place, p99", func(int) int {
		at := place.Point{Latitude: math.Asin(2*rng.Float64()-1) * 180 / math.Pi, Longitude: 360*rng.Float64() - 180}
		return len(g.Nearest(at, 5))
	}); err != nil {
		return err
	}
	b.report.table(fmt.Sprintf("Places: %s cities", grouped(float64(len(all)))), rows)
	return nil
}
