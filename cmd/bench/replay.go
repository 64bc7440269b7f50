package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"time"

	"waybill/domain"
	"waybill/domain/product"
)

const (
	// replayTarget is in milliseconds, for the newest state of a stream of replayLength events.
	replayTarget = 20
	replayLength = 1000
)

// replays measures what an auditor waits for who replays a long stream, and what a very long one costs the server in memory.
func (b *bench) replays(ctx context.Context) error {
	rows := [][]string{{"a stream's events", "asked for", "p50", "p99", "longest"}}
	for _, world := range []struct{ length, rounds int }{
		{replayLength, b.size.replays}, {b.size.longStream, max(b.size.replays/20, 2)},
	} {
		more, err := b.replayed(ctx, world.length, world.rounds)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	b.report.table("Replay: one auditor asks through HTTP, one request after the other", rows)
	return nil
}

// replayed asks a server so many times for the record of a product that has so many events.
func (b *bench) replayed(ctx context.Context, length, rounds int) ([][]string, error) {
	b.progress("replay of %s events", grouped(float64(length)))
	d, err := b.database(ctx, fmt.Sprintf("bench_replay_%d", length))
	if err != nil {
		return nil, err
	}
	// Six more are the reviewer's and the provider's.
	if _, err := b.once(ctx, d.url, "seed", "--products=1", fmt.Sprintf("--events=%d", length+6)); err != nil {
		return nil, err
	}
	token, err := d.auditor(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.once(ctx, d.url, "rebuild", "all"); err != nil {
		return nil, err
	}
	server, err := b.spawn(ctx, d.url, waybillProgram, "serve")
	if err != nil {
		return nil, err
	}
	if err := d.caughtUp(ctx, 5*time.Minute); err != nil {
		return nil, err
	}
	var id string
	err = d.pool.QueryRow(ctx, `SELECT substr(stream, length($1) + 2) FROM eventstore.events WHERE type = $2`,
		product.Category, product.Submitted{}.EventType()).Scan(&id)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(3, 5)) //nolint:gosec // any revisions
	base := server.base + "/api/v1/audit/" + product.Category + "/" + id
	revision := func() domain.Revision { return domain.Revision(r.IntN(length)) } //nolint:gosec // of a bench
	before, _ := memoryOf(server.process.Pid)
	client := newClient(1)
	defer client.CloseIdleConnections()
	var rows [][]string
	for _, question := range []struct {
		name    string
		address func() string
	}{
		{"the newest state", func() string { return base }},
		{"the state at any revision", func() string { return fmt.Sprintf("%s?revision=%d", base, revision()) }},
		{"the difference of any two", func() string { return fmt.Sprintf("%s/changes?from=%d&to=%d", base, revision(), revision()) }},
		{"a page of the timeline", func() string { return base + "/timeline" }},
	} {
		s := sample{}
		for range rounds {
			began := time.Now()
			if err := asAuditor(ctx, client, question.address(), token); err != nil {
				return nil, err
			}
			s.latencies = append(s.latencies, time.Since(began))
		}
		s = merge(time.Second, []sample{s})
		p99 := millis(s.percentile(99))
		if length == replayLength {
			p99 = b.report.most("replay of 1,000 events, "+question.name+", p99", s.percentile(99).Seconds()*1000, replayTarget, "%.1f ms")
		}
		rows = append(rows, []string{grouped(float64(length)), question.name, millis(s.percentile(50)), p99, millis(s.percentile(100))})
	}
	now, peak := memoryOf(server.process.Pid)
	b.report.line("Server memory with replays of %s events: %.0f MB resident before them, %.0f MB after them, %s at the peak.",
		grouped(float64(length)), before, now, b.report.most("server memory, replays", peak, 200, "%.0f MB"))
	return rows, server.stop()
}

// asAuditor fetches what an auditor may see, and discards it.
func asAuditor(ctx context.Context, client *nethttp.Client, address, token string) error {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	_, err = fetch(client, request, nethttp.StatusOK, nil)
	return err
}
