package domain

import (
	"fmt"
	"time"
)

const (
	// freeSubmissions follow each other as fast as anybody likes: whoever corrects a mistake is not kept waiting (R25).
	freeSubmissions = 10
	// firstWait is what the next one waits after the one before; then it doubles, up to longestWait.
	firstWait   = time.Minute
	longestWait = 30 * time.Minute
)

// ErrTooSoon says that a case was submitted so often without a decision that no reviewer could decide on what is the latest.
// Its After is how long to wait.
var ErrTooSoon = Refuse(KindTooSoon, "too_soon", "提交过于频繁，请稍后再试", "it was submitted too often in a row; wait before the next time")

// Pace is how often a case was submitted since it was last decided, or since it is there. The zero value is none.
type Pace struct {
	Submissions int
	// Last is when it was submitted last, and Now when it is to be again.
	Last, Now time.Time
}

// Check refuses with ErrTooSoon until a reviewer had the time to look. A decision begins a new count.
func (p Pace) Check() error {
	wait := time.Duration(0)
	for n := freeSubmissions; n < p.Submissions+1 && wait < longestWait; n++ {
		wait = min(max(2*wait, firstWait), longestWait)
	}
	left := min(wait, p.Last.Add(wait).Sub(p.Now))
	if left <= 0 {
		return nil
	}
	e := *ErrTooSoon
	e.After = left
	minutes := int((left + time.Minute - 1) / time.Minute)
	e.Text = Text{
		ZH: fmt.Sprintf("提交过于频繁，请在%d分钟后再试，以便审核员处理最新版本", minutes),
		EN: fmt.Sprintf("it was submitted too often in a row; try again in %d min, so that a reviewer can decide on the latest", minutes),
	}
	return &e
}
