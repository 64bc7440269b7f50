package main

import (
	"context"
	"fmt"
	"slices"
)

// starts measures from the start of a serving process to its first 200 on /readyz, on every list there is.
func (b *bench) starts(ctx context.Context) error {
	worlds, err := b.listingWorlds(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"data", "starts", "median", "slowest", "memory when ready"}}
	for _, w := range worlds {
		events, err := w.head(ctx)
		if err != nil {
			return err
		}
		b.progress("start on %s events", grouped(float64(events)))
		var seconds []float64
		var resident float64
		for range b.size.starts {
			c, err := b.spawn(ctx, w.url, waybillProgram, "serve")
			if err != nil {
				return err
			}
			now, _ := memoryOf(c.process.Pid)
			resident = max(resident, now)
			seconds = append(seconds, c.ready.Seconds())
			if err := c.stop(); err != nil {
				return err
			}
		}
		rows = append(rows, []string{
			fmt.Sprintf("%s products, %s events", grouped(float64(w.products)), grouped(float64(events))), fmt.Sprint(len(seconds)),
			b.report.most("start to ready", median(seconds), 2, "%.2f s"), fmt.Sprintf("%.2f s", slices.Max(seconds)),
			fmt.Sprintf("%.0f MB", resident),
		})
	}
	b.report.table("Start: from the start of the process to ready, on existing data", rows)
	return nil
}
