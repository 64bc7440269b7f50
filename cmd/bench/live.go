package main

import (
	"bytes"
	"context"
	"fmt"
	nethttp "net/http"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"waybill/cmd/demo"
)

const (
	// liveRate is how many events a second are recorded while visibility is measured.
	liveRate = 1000
	// pollPause is between two looks of a reader, and so the figures' resolution: often enough, and no load to speak of.
	pollPause = 2 * time.Millisecond
	// watchPause is between two commands that are watched.
	watchPause = 20 * time.Millisecond
)

// live measures how long after its acknowledgement a command shows to a reader, under a steady load.
func (b *bench) live(ctx context.Context) error {
	p, err := b.portalWorld(ctx)
	if err != nil {
		return err
	}
	if err := p.caughtUp(ctx, time.Minute); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.size.live)
	defer cancel()
	var (
		load, seen, asked sample
		group             sync.WaitGroup
		recorded          atomic.Int64
	)
	group.Go(func() { load = p.steadily(ctx, liveRate, &recorded) })
	group.Go(func() { seen = p.watch(ctx, 0, p.poll, &recorded) })
	group.Go(func() { asked = p.watch(ctx, 1, p.ask, &recorded) })
	group.Wait()
	b.report.works("the steady load", load)
	b.report.works("watched products", seen)
	b.report.works("watched products, with Waybill-Position", asked)
	if len(seen.latencies) == 0 || len(asked.latencies) == 0 {
		return fmt.Errorf("nothing became visible")
	}
	b.report.table(fmt.Sprintf("Live: %s events/s through HTTP for %s, from a command's acknowledgement to a reader who sees it",
		grouped(float64(recorded.Load())/b.size.live.Seconds()), b.size.live), [][]string{
		{"reader", "samples", "p50", "p99", "longest"},
		{
			fmt.Sprintf("looks at the public product every %s", pollPause), fmt.Sprint(len(seen.latencies)), millis(seen.percentile(50)),
			b.report.most("live, command to visible, p99", seen.percentile(99).Seconds()*1000, 30, "%.1f ms"), millis(seen.percentile(100)),
		},
		{
			"asks once, with Waybill-Position", fmt.Sprint(len(asked.latencies)), millis(asked.percentile(50)),
			b.report.most("live, read with Waybill-Position, p99", asked.percentile(99).Seconds()*1000, 30, "%.1f ms"),
			millis(asked.percentile(100)),
		},
		{
			"the commands themselves", fmt.Sprint(len(load.latencies)), millis(load.percentile(50)), millis(load.percentile(99)),
			millis(load.percentile(100)),
		},
	})
	b.resident("the live load", p.server)
	return nil
}

// step is one command of the steady load: a worker's product is submitted, and with the next step approved, which lists it
// too. It returns how many events that recorded.
func (p *portal) step(ctx context.Context, worker int, submitted *string) (int64, error) {
	if id := *submitted; id != "" {
		*submitted = ""
		approve := "/api/v1/review/products/" + id + "/approve"
		_, err := p.call(ctx, p.review, nethttp.MethodPost, approve, []byte(`{"revision":1}`), nethttp.StatusOK)
		return 2, err
	}
	seller := p.sellers[worker%len(p.sellers)]
	header, err := p.call(ctx, seller, nethttp.MethodPost, "/api/v1/provider/products", p.body, nethttp.StatusCreated)
	if err == nil {
		*submitted = path.Base(header.Get("Location"))
	}
	return 1, err
}

// steadily records events at a rate until ctx ends: each command has its own moment, however long those before it take.
// Two commands record three events.
func (p *portal) steadily(ctx context.Context, rate int, recorded *atomic.Int64) sample {
	samples := make([]sample, connections)
	var group sync.WaitGroup
	start := time.Now()
	for w := range connections {
		group.Go(func() {
			s := &samples[w]
			var submitted string
			for n := w; ; n += connections {
				moment := start.Add(time.Duration(n) * time.Second * 3 / 2 / time.Duration(rate))
				if !pauseUntil(ctx, moment) {
					return
				}
				before := time.Now()
				events, err := p.step(ctx, w, &submitted)
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					s.fail(err)
				default:
					recorded.Add(events)
					s.latencies = append(s.latencies, time.Since(before))
				}
			}
		})
	}
	group.Wait()
	return merge(time.Since(start), samples)
}

// pauseUntil waits for a moment; false when ctx ended first.
func pauseUntil(ctx context.Context, moment time.Time) bool {
	wait := time.Until(moment)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch pins and unpins the first provider's product of that number, and takes the time from the acknowledgement until look
// has seen it.
func (p *portal) watch(
	ctx context.Context, number int, look func(ctx context.Context, id, position string, pinned bool) error, recorded *atomic.Int64,
) sample {
	var s sample
	id := demo.ProductID(0, number).String()
	pinned, err := p.shown(ctx, id, "")
	if err != nil {
		s.fail(err)
		return s
	}
	for pauseUntil(ctx, time.Now().Add(watchPause)) {
		pinned = !pinned
		method := nethttp.MethodDelete
		if pinned {
			method = nethttp.MethodPut
		}
		header, err := p.call(ctx, p.sellers[0], method, "/api/v1/provider/products/"+id+"/pin", nil, nethttp.StatusOK)
		acknowledged := time.Now()
		if err == nil {
			err = look(ctx, id, header.Get("Waybill-Position"), pinned)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.fail(err)
		default:
			recorded.Add(1)
			s.latencies = append(s.latencies, time.Since(acknowledged))
		}
	}
	return merge(time.Second, []sample{s})
}

// poll looks until the product is shown as pinned, or not.
func (p *portal) poll(ctx context.Context, id, _ string, pinned bool) error {
	for {
		shown, err := p.shown(ctx, id, "")
		if err != nil || shown == pinned {
			return err
		}
		pauseUntil(ctx, time.Now().Add(pollPause))
	}
}

// ask looks once, for the position; what it gets must show the command.
func (p *portal) ask(ctx context.Context, id, position string, pinned bool) error {
	shown, err := p.shown(ctx, id, position)
	if err == nil && shown != pinned {
		err = fmt.Errorf("a read with %s=%s does not show the write", "Waybill-Position", position)
	}
	return err
}

// shown reads the public product: whether it is pinned.
func (p *portal) shown(ctx context.Context, id, position string) (bool, error) {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, p.server.base+"/api/v1/products/"+id, nil)
	if err != nil {
		return false, err
	}
	if position != "" {
		request.Header.Set("Waybill-Position", position)
	}
	var body bytes.Buffer
	if _, err := fetch(p.client, request, nethttp.StatusOK, &body); err != nil {
		return false, err
	}
	return bytes.Contains(body.Bytes(), []byte(`"pinned":`+strconv.FormatBool(true))), nil
}
