package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// rebuildTarget is in events per second.
const rebuildTarget = 40_000

// rebuilds measures `waybill rebuild` as an operator runs it: the whole process, from its start to its end.
func (b *bench) rebuilds(ctx context.Context) error {
	a, err := b.database(ctx, "bench_rebuild")
	if err != nil {
		return err
	}
	var seeded bytes.Buffer
	if err := a.seedBulk(ctx, &seeded, b.size.rebuildProducts, b.size.rebuildEvents); err != nil {
		return err
	}
	b.progress("rebuild: seeded %s", bytes.TrimSpace(seeded.Bytes()))
	events, err := a.head(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"read model", "median of", "took", "events/s", "peak memory of the process"}}
	for _, model := range []string{"listing", "history"} {
		var seconds []float64
		var peak float64
		for range b.size.rounds {
			b.progress("rebuild of %s", model)
			took, memory, err := b.once(ctx, a.cfg.DatabaseURL, "rebuild", model)
			if err != nil {
				return err
			}
			seconds = append(seconds, took.Seconds())
			peak = max(peak, memory)
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

// head is the newest position, which is the number of events.
func (a *app) head(ctx context.Context) (int64, error) {
	var n int64
	err := a.pool.QueryRow(ctx, `SELECT coalesce(max(position), 0) FROM eventstore.events`).Scan(&n)
	return n, err
}

// once runs this program to its end and answers how long that took and its peak memory in MB.
func (b *bench) once(ctx context.Context, database string, args ...string) (time.Duration, float64, error) {
	program, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	log, err := b.logFile()
	if err != nil {
		return 0, 0, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database)
	cmd.Stderr = log
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	// The peak is read while the process lives: what the system keeps after its end counts the parent's memory in.
	for peak := 0.0; ; {
		select {
		case <-tick.C:
			_, now := memoryOf(cmd.Process.Pid)
			peak = max(peak, now)
		case err := <-ended:
			if err != nil {
				return 0, 0, fmt.Errorf("waybill %v: %w: %s", args, err, lastWords(log))
			}
			return time.Since(start), peak, nil
		}
	}
}
