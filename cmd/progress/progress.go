// Package progress shows how far long work has come, to whoever waits for it at a terminal or reads it in a file.
package progress

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"waybill/domain"
)

// Line shows how far a long walk through a log has come: a line redrawn on a terminal, else a plain line every few seconds.
// A library's bar counts items of a known total; a log often has none, only a share of its positions.
type Line struct {
	out   *os.File
	tty   bool
	quit  chan struct{}
	drawn sync.WaitGroup

	mu      sync.Mutex
	phase   string
	began   time.Time
	head    domain.Position
	samples []sample // the last is now; the first is recent enough to tell the rate by
}

// sample is how many events were done at a time, and the position of the last.
type sample struct {
	at       time.Time
	done     uint64
	position domain.Position
}

const (
	redraw = 200 * time.Millisecond
	plain  = 5 * time.Second
	window = 10 * time.Second // what the rate is taken over
)

// New draws to out until it is closed.
func New(out *os.File) *Line {
	l := &Line{out: out, tty: term.IsTerminal(int(out.Fd())), quit: make(chan struct{})}
	every := plain
	if l.tty {
		every = redraw
	}
	l.drawn.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				l.draw()
			case <-l.quit:
				return
			}
		}
	})
	return l
}

// Begin starts a phase, at an event already done and towards a head.
func (l *Line) Begin(phase string, done uint64, position, head domain.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.phase, l.began, l.head = phase, now, head
	l.samples = append(l.samples[:0], sample{now, done, position}, sample{now, done, position})
}

// Phase starts a phase that counts no events.
func (l *Line) Phase(phase string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase, l.began, l.samples = phase, time.Now(), nil
}

// Advance says that so many events are done, and where the last one is.
func (l *Line) Advance(done uint64, position domain.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) == 0 {
		return
	}
	l.samples[len(l.samples)-1] = sample{time.Now(), done, position}
}

// Note writes a line of its own.
func (l *Line) Note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// Clear leaves the line free for something else, until the next phase begins.
func (l *Line) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase = ""
	l.clear()
}

// Close ends the drawing and leaves the terminal clean.
func (l *Line) Close() {
	close(l.quit)
	l.drawn.Wait()
	l.clear()
}

func (l *Line) clear() {
	if l.tty {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

func (l *Line) draw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == "" {
		return
	}
	now := time.Now()
	shown := l.phase + "  " + clock(now.Sub(l.began))
	if len(l.samples) > 0 {
		last := &l.samples[len(l.samples)-1]
		last.at = now
		shown = line(l.phase, l.samples[0], *last, l.head, now.Sub(l.began))
		for len(l.samples) > 2 && now.Sub(l.samples[1].at) >= window {
			l.samples = l.samples[1:]
		}
		l.samples = append(l.samples, *last)
	}
	if !l.tty {
		fmt.Fprintln(l.out, shown)
		return
	}
	if width, _, err := term.GetSize(int(l.out.Fd())); err == nil && 0 < width && width <= len(shown) {
		shown = shown[:width-1]
	}
	fmt.Fprint(l.out, "\r", shown, "\x1b[K")
}

// line is all ASCII. The total is known while positions have counted events so far, as the last one shows.
func line(phase string, first, now sample, head domain.Position, elapsed time.Duration) string {
	const cells = 20
	share := 1.0
	if now.position < head {
		share = float64(now.position) / float64(head)
	}
	of, left := "", "-"
	if now.done == uint64(now.position) {
		of = " of " + Thousands(max(uint64(head), now.done))
	}
	rate, speed := 0.0, 0.0 // events, positions per second
	if seconds := now.at.Sub(first.at).Seconds(); seconds > 0 {
		rate, speed = float64(now.done-first.done)/seconds, float64(now.position-first.position)/seconds
	}
	if now.position >= head {
		left = "0:00"
	} else if speed > 0 {
		left = clock(time.Duration(float64(head-now.position) / speed * float64(time.Second)))
	}
	bar := strings.Repeat("#", int(share*cells))
	return fmt.Sprintf("%-9s [%-*s] %5.1f%%  %s%s events  %s/s  %s left  %s", phase, cells, bar, 100*share, Thousands(now.done), of,
		Thousands(uint64(rate)), left, clock(elapsed))
}

// Thousands groups digits: 1,234,567.
func Thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// clock is h:mm:ss, or m:ss below an hour.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
