package main

import (
	"context"
	"fmt"
	"io"
	"math"
	nethttp "net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// sample is what a number of workers did in a stretch of time.
type sample struct {
	took time.Duration
	// latencies of all calls that succeeded, ascending.
	latencies []time.Duration
	// failed counts the others; failure is the first of them.
	failed  int
	failure error
}

// perSecond is how many calls succeeded in a second.
func (s sample) perSecond() float64 { return float64(len(s.latencies)) / s.took.Seconds() }

// percentile is the latency that p percent of the calls did not exceed; 0 without calls.
func (s sample) percentile(p float64) time.Duration { return percentile(s.latencies, p) }

// percentile is by nearest rank over ascending values, so always one that occurred.
func percentile(ascending []time.Duration, p float64) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	rank := int(math.Ceil(float64(len(ascending))*p/100 - 1e-9)) // 0.28 × 100 is a little over 28
	return ascending[min(max(rank, 1), len(ascending))-1]
}

// drive has so many workers call f, each again as soon as it returned, for so long. Calls that end later do not count.
func drive(ctx context.Context, workers int, length time.Duration, f func(ctx context.Context, worker int) error) sample {
	samples := make([]sample, workers)
	var group sync.WaitGroup
	start := time.Now()
	end := start.Add(length)
	for w := range workers {
		group.Go(func() {
			s := sample{latencies: make([]time.Duration, 0, 4096)}
			for before := time.Now(); before.Before(end) && ctx.Err() == nil; {
				err := f(ctx, w)
				after := time.Now()
				switch {
				case err != nil:
					s.fail(err)
				case !after.After(end):
					s.latencies = append(s.latencies, after.Sub(before))
				}
				before = after
			}
			samples[w] = s
		})
	}
	group.Wait()
	return merge(length, samples)
}

func (s *sample) fail(err error) {
	s.failed++
	if s.failure == nil {
		s.failure = err
	}
}

// merge puts what several workers did in the same stretch of time together.
func merge(took time.Duration, samples []sample) sample {
	all := sample{took: took}
	for _, s := range samples {
		all.latencies = append(all.latencies, s.latencies...)
		if s.failure != nil && all.failure == nil {
			all.failure = s.failure
		}
		all.failed += s.failed
	}
	slices.Sort(all.latencies)
	return all
}

// runs are several samples of the same thing, taken by turns with those of something else.
type runs []sample

// perSecond is the median of the runs.
func (r runs) perSecond() float64 {
	rates := make([]float64, len(r))
	for i, s := range r {
		rates[i] = s.perSecond()
	}
	return median(rates)
}

// together is all runs as one sample, for percentiles.
func (r runs) together() sample {
	var took time.Duration
	for _, s := range r {
		took += s.took
	}
	return merge(took, r)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// newClient keeps so many connections alive.
func newClient(connections int) *nethttp.Client {
	return &nethttp.Client{
		Timeout: 20 * time.Second,
		Transport: &nethttp.Transport{
			MaxIdleConns: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
	}
}

// fetch sends a request and reads the whole answer; anything but the wanted status is an error. body may be nil, to discard it.
func fetch(client *nethttp.Client, request *nethttp.Request, want int, body io.Writer) (nethttp.Header, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		problem, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return nil, fmt.Errorf("%s %s: status %d: %s", request.Method, request.URL.Path, response.StatusCode, problem)
	}
	if body == nil {
		body = io.Discard
	}
	_, err = io.Copy(body, response.Body)
	return response.Header, err
}

// get fetches a URL and discards the answer.
func get(ctx context.Context, client *nethttp.Client, url string) error {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, url, nil)
	if err != nil {
		return err
	}
	_, err = fetch(client, request, nethttp.StatusOK, nil)
	return err
}

// grouped writes a number with separators: 25,310.
func grouped(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// millis writes a duration in milliseconds: 1.23 ms.
func millis(d time.Duration) string {
	precision := 2
	if d >= 10*time.Millisecond {
		precision = 1
	}
	return strconv.FormatFloat(d.Seconds()*1000, 'f', precision, 64) + " ms"
}
