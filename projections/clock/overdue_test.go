package clock_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

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

// lines are what was said since it was asked last, without the time.
func (s *said) lines() (lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		lines = append(lines, line)
	}
	s.text.Reset()
	return lines
}

// The log is told of overdue cases when there are more, once an hour, and when there are none any more; by no name or id.
func TestOverdueCasesAreWarnedOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0))
	r := w.start("a")
	first := w.submits()
	w.at(beijing(11, 26, 9, 0))
	second, third := w.submits(), w.submits()
	const warned = `level=WARN msg="cases are overdue: nobody decided them in time" provider=0 product=`
	for _, c := range []struct {
		name   string
		at     time.Time
		before func()
		want   string
	}{
		{"nothing is overdue", beijing(11, 26, 23, 59), nil, ""},
		{"one is, from midnight on", beijing(11, 27, 0, 0), nil, warned + "1 oldest_due=2026-11-26T16:00:00Z"},
		{"a minute later", beijing(11, 27, 0, 1), nil, ""},
		{"nearly an hour later", beijing(11, 27, 0, 59), nil, ""},
		{"an hour later", beijing(11, 27, 1, 0), nil, warned + "1 oldest_due=2026-11-26T16:00:00Z"},
		{"a day later there are more", beijing(11, 28, 0, 0), nil, warned + "3 oldest_due=2026-11-26T16:00:00Z"},
		{"one less", beijing(11, 28, 0, 10), func() { w.approve(second) }, ""},
		{"and after an hour", beijing(11, 28, 1, 0), nil, warned + "2 oldest_due=2026-11-26T16:00:00Z"},
		{"none any more", beijing(11, 28, 1, 5), func() { w.approve(first); w.approve(third) }, `level=INFO msg="no case is overdue any more"`},
		{"and silence", beijing(11, 28, 9, 0), nil, ""},
	} {
		if c.before != nil {
			w.at(c.at.Add(-time.Second))
			c.before()
		}
		w.shown(r)
		w.at(c.at)
		w.done(r)
		if got := strings.Join(w.said.lines(), "\n"); got != c.want {
			t.Errorf("%s: the log says\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
