package logcopy

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

// progress shows how far a long walk through a log has come: a line redrawn on a terminal, else a plain line now and then.
// A library's bar counts items of a known total; a log often has none, only a share of its positions.
type progress struct {
	out   *os.File
	tty   bool
	quit  chan struct{}
	drawn sync.WaitGroup

	mu      sync.Mutex
	phase   string
	began   time.Time
	head    domain.Position
	samples []progressSample // the last is now; the first is recent enough to tell the rate by
}

// progressSample is how many events were done at a time, and the position of the last.
type progressSample struct {
	at       time.Time
	done     uint64
	position domain.Position
}

const (
	progressRedraw = 200 * time.Millisecond
	progressPlain  = 10 * time.Second
	progressWindow = 10 * time.Second // what the rate is taken over
)

// newProgress draws to out until it is closed.
func newProgress(out *os.File) *progress {
	p := &progress{out: out, tty: term.IsTerminal(int(out.Fd())), quit: make(chan struct{})}
	every := progressPlain
	if p.tty {
		every = progressRedraw
	}
	p.drawn.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.draw()
			case <-p.quit:
				return
			}
		}
	})
	return p
}

// begin starts a phase, at an event already done and towards a head.
func (p *progress) begin(phase string, done uint64, position, head domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.phase, p.began, p.head = phase, now, head
	p.samples = append(p.samples[:0], progressSample{now, done, position}, progressSample{now, done, position})
}

// advance says that so many events are done, and where the last one is.
func (p *progress) advance(done uint64, position domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samples[len(p.samples)-1] = progressSample{time.Now(), done, position}
}

// note writes a line of its own.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// close ends the drawing and leaves the terminal clean.
func (p *progress) close() {
	close(p.quit)
	p.drawn.Wait()
	p.clear()
}

func (p *progress) clear() {
	if p.tty {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == "" {
		return
	}
	now := time.Now()
	last := &p.samples[len(p.samples)-1]
	last.at = now
	line := progressLine(p.phase, p.samples[0], *last, p.head, now.Sub(p.began))
	for len(p.samples) > 2 && now.Sub(p.samples[1].at) >= progressWindow {
		p.samples = p.samples[1:]
	}
	p.samples = append(p.samples, *last)
	if !p.tty {
		fmt.Fprintln(p.out, line)
		return
	}
	if width, _, err := term.GetSize(int(p.out.Fd())); err == nil && 0 < width && width <= len(line) {
		line = line[:width-1]
	}
	fmt.Fprint(p.out, "\r", line, "\x1b[K")
}

// progressLine is all ASCII. The total is known while positions have counted events so far, as the last one shows.
func progressLine(phase string, first, now progressSample, head domain.Position, elapsed time.Duration) string {
	const cells = 20
	share := 1.0
	if now.position < head {
		share = float64(now.position) / float64(head)
	}
	of, left := "", "-"
	if now.done == uint64(now.position) {
		of = " of " + thousands(max(uint64(head), now.done))
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
	return fmt.Sprintf("%-9s [%-*s] %5.1f%%  %s%s events  %s/s  %s left  %s", phase, cells, bar, 100*share, thousands(now.done), of,
		thousands(uint64(rate)), left, clock(elapsed))
}

// thousands groups digits: 1,234,567.
func thousands(n uint64) string {
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
