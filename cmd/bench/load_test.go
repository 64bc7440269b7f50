package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i+1) * time.Millisecond
	}
	for name, c := range map[string]struct {
		of   []time.Duration
		p    float64
		want time.Duration
	}{
		"none":               {nil, 99, 0},
		"the only one":       {[]time.Duration{7}, 1, 7},
		"median of two":      {[]time.Duration{1, 2}, 50, 1},
		"median of three":    {[]time.Duration{1, 2, 9}, 50, 2},
		"50 of a hundred":    {hundred, 50, 50 * time.Millisecond},
		"99 of a hundred":    {hundred, 99, 99 * time.Millisecond},
		"99.9 of a hundred":  {hundred, 99.9, 100 * time.Millisecond},
		"100 of a hundred":   {hundred, 100, 100 * time.Millisecond},
		"0 is the smallest":  {hundred, 0, time.Millisecond},
		"28 is no rank more": {hundred, 28, 28 * time.Millisecond}, // 100 × 0.28 is a little over 28 in floating point
	} {
		if got := percentile(c.of, c.p); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, of := range map[float64][]float64{0: nil, 3: {3}, 2: {9, 1, 2}, 2.5: {4, 1, 2, 3}} {
		if got := median(of); got != want {
			t.Errorf("median of %v: got %v, want %v", of, got, want)
		}
	}
}

func TestDriveCountsWhatSucceededInTimeAndKeepsTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock is the bubble's, so that no machine is too slow
		broken := errors.New("broken")
		s := drive(t.Context(), 4, 50*time.Millisecond, func(_ context.Context, worker int) error {
			if worker == 0 {
				time.Sleep(time.Millisecond)
				return broken
			}
			if worker == 1 {
				time.Sleep(time.Second) // ends too late
				return nil
			}
			time.Sleep(time.Millisecond)
			return nil
		})
		if n := len(s.latencies); n != 100 {
			t.Errorf("%d calls of 1 ms by two workers in 50 ms", n)
		}
		if got := s.percentile(100); got != time.Millisecond {
			t.Errorf("a call of %v was counted", got)
		}
		if s.failed != 50 || !errors.Is(s.failure, broken) {
			t.Errorf("failures: %d, %v", s.failed, s.failure)
		}
	})
}

func TestGrouped(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 25309.6: "25,310", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%v: got %s, want %s", n, got, want)
		}
	}
}
