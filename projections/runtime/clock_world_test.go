package runtime

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/domain"
)

// wound is a clock that stands until it is put to another time.
type wound struct {
	mu sync.Mutex
	at time.Time
}

func (w *wound) now(context.Context) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at, nil
}

func (w *wound) put(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

// done are the turns that a job was called with, in their order.
type done struct {
	mu    sync.Mutex
	turns []Turn
}

func (d *done) note(turn Turn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turns = append(d.turns, turn)
}

func (d *done) all() []Turn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.turns)
}

// days are the days in November of the turns' moments, which all have to be at half past eight in Beijing.
func (d *done) days(t *testing.T) (days []int) {
	t.Helper()
	for _, turn := range d.all() {
		at := turn.Moment.In(domain.Beijing)
		if at.Format("15:04:05") != "08:30:00" {
			t.Errorf("a moment at %s", at)
		}
		days = append(days, at.Day())
	}
	return days
}

// november is a time in Beijing.
func november(day, hour, minute int) time.Time {
	return time.Date(2026, 11, day, hour, minute, 0, 0, domain.Beijing)
}

// daily is a job for each morning, which makes up for a week.
func daily(d *done) Job {
	return Job{
		Name: "daily", StoredName: "job_daily", Every: 24 * time.Hour, Offset: 8*time.Hour + 30*time.Minute, MakeUp: 7,
		Do: func(_ context.Context, turn Turn) error { d.note(turn); return nil },
	}
}

func (w *world) ticking(clock *wound, jobs ...Job) *Runtime {
	w.t.Helper()
	return w.start(func(c *Config) { c.Jobs, c.Now, c.ClockLook = jobs, clock.now, time.Millisecond })
}

// jobStatus is the status of one job.
func (w *world) jobStatus(r *Runtime, name string) Status {
	w.t.Helper()
	all, err := r.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(s Status) bool { return s.Name == name })
	if at < 0 {
		w.t.Fatalf("no status of %s", name)
	}
	return all[at]
}

// idle waits until a job has a holder and nothing is due.
func (w *world) idle(r *Runtime, name string) {
	w.t.Helper()
	at := slices.IndexFunc(r.clock.jobs, func(j Job) bool { return j.Name == name })
	job := r.clock.jobs[at]
	w.eventually(name+" with nothing due", func() bool {
		now, _ := r.clock.now(w.t.Context())
		s := w.jobStatus(r, name)
		return s.Holder != "" && s.Lag == 0 && w.bookmarked(name) && !w.bookmark(job.StoredName).Before(job.latest(now))
	})
}

func (w *world) bookmarked(name string) (there bool) {
	w.t.Helper()
	const ask = `SELECT EXISTS (SELECT FROM projections.clock WHERE job = 'job_' || $1)`
	if err := w.pool.QueryRow(w.t.Context(), ask, name).Scan(&there); err != nil {
		w.t.Fatal(err)
	}
	return there
}

func (w *world) bookmark(job string) (at time.Time) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `SELECT done FROM projections.clock WHERE job = $1`, job).Scan(&at); err != nil {
		w.t.Fatal(err)
	}
	return at
}

// said is a log that is kept.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s, nil)) }

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// with is the first line that has a text in it.
func (s *said) with(text string) string {
	for line := range strings.Lines(s.all()) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}
