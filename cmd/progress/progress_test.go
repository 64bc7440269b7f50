package progress

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"waybill/domain"
)

func TestProgressLine(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		first, now sample
		head       domain.Position
		elapsed    time.Duration
		want       string
	}{
		"positions count events": {
			sample{start, 1000, 1000},
			sample{start.Add(4 * time.Second), 51_000, 51_000},
			200_000, 5 * time.Second,
			"copying   [#####               ]  25.5%  51,000 of 200,000 events  12,500/s  0:12 left  0:05",
		},
		"positions have gaps": {
			sample{start, 0, 0},
			sample{start.Add(10 * time.Second), 100, 1_000_000},
			400_000_000, 10 * time.Second,
			"copying   [                    ]   0.2%  100 events  10/s  1:06:30 left  0:10",
		},
		"nothing came yet": {
			sample{start, 0, 0},
			sample{start.Add(time.Second), 0, 0},
			10, time.Second,
			"copying   [                    ]   0.0%  0 of 10 events  0/s  - left  0:01",
		},
		"no time passed": {
			sample{start, 0, 0},
			sample{start, 0, 0},
			10, 0,
			"copying   [                    ]   0.0%  0 of 10 events  0/s  - left  0:00",
		},
		"the log grew meanwhile": {
			sample{start, 9_000, 9_000},
			sample{start.Add(time.Second), 12_000, 12_000},
			10_000, 90 * time.Minute,
			"copying   [####################] 100.0%  12,000 of 12,000 events  3,000/s  0:00 left  1:30:00",
		},
		"an empty log": {
			sample{start, 0, 0},
			sample{start, 0, 0},
			0, 0,
			"copying   [####################] 100.0%  0 of 0 events  0/s  0:00 left  0:00",
		},
	} {
		if got := line("copying", c.first, c.now, c.head, c.elapsed); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 999_999: "999,999", 1_234_567: "1,234,567"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// The rate is that of the last seconds, not of the whole way.
func TestProgressForgetsOldRates(t *testing.T) {
	p := &Line{tty: true, out: discard(t)}
	p.Begin("copying", 0, 0, 100)
	now := time.Now()
	p.samples = []sample{{now.Add(-time.Hour), 0, 0}, {now.Add(-time.Minute), 40, 40}, {now.Add(-window), 50, 50}, {now.Add(-time.Second), 60, 60}, {now, 70, 70}}
	p.draw()
	if first := p.samples[0]; first.done != 50 {
		t.Errorf("the rate is taken from event %d, want 50", first.done)
	}
}

// A phase without events shows how long it takes; what is at an end does not draw over it.
func TestPhaseWithoutEvents(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "progress"))
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{out: out}
	l.Begin("events", 0, 0, 100)
	l.Advance(50, 50)
	l.Phase("indexes")
	l.Advance(60, 60)
	l.draw()
	shown, err := os.ReadFile(out.Name())
	if err != nil || string(shown) != "indexes  0:00\n" {
		t.Errorf("%q: %v", shown, err)
	}
}

func discard(t testing.TB) *os.File {
	t.Helper()
	file, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}
