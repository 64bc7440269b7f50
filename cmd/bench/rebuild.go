package main

import (
	"context"
	"fmt"
)

// rebuildTarget is in events per second.
const rebuildTarget = 40_000

// rebuilds measures `waybill rebuild` as an operator runs it: the whole process, from its start to its end.
func (b *bench) rebuilds(ctx context.Context) error {
	d, err := b.database(ctx, "bench_rebuild")
	if err != nil {
		return err
	}
	size := []string{fmt.Sprintf("--products=%d", b.size.rebuildProducts), fmt.Sprintf("--events=%d", b.size.rebuildEvents)}
	seeded, err := b.once(ctx, d.url, append([]string{"seed"}, size...)...)
	if err != nil {
		return err
	}
	b.progress("rebuild: seeded %s", seeded.said)
	events, err := d.head(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"read model", "median of", "took", "events/s", "peak memory of the process"}}
	for _, model := range []string{"listing", "history", "review", "backoffice", "pictures", "workload", "figures"} {
		var seconds []float64
		var peak float64
		for range b.size.rounds {
			b.progress("rebuild of %s", model)
			run, err := b.once(ctx, d.url, "rebuild", model)
			if err != nil {
				return err
			}
			seconds = append(seconds, run.took.Seconds())
			peak = max(peak, run.peak)
		}
		took := median(seconds)
		rows = append(rows, []string{
			model, fmt.Sprint(len(seconds)), fmt.Sprintf("%.1f s", took),
			b.report.least("rebuild of "+model+", events/s", float64(events)/took, rebuildTarget, "%.0f"),
			b.report.most("memory, rebuild of "+model, peak, 200, "%.0f MB"),
		})
	}
	b.report.table(fmt.Sprintf("Rebuild from %s events of %s products, by `waybill rebuild`, start and end of the process included",
		grouped(float64(events)), grouped(float64(b.size.rebuildProducts))), rows)
	return nil
}
