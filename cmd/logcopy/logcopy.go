// Package logcopy copies the whole log of one event store onto another and compares the two event by event: what
// `waybill copy` does. It waits for stores that are away and shows how far it is.
package logcopy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"waybill/domain"
)

// Bounds of what a copy holds of each log at once, three chunks at most, and its patience with a store that is away.
const (
	maxChunkEvents = 5000
	maxChunkBytes  = 4 << 20
	longestWait    = 5 * time.Minute
)

// Copy adds what the target lacks of the source's log, in the source's order, and then compares all of it. A target that
// has Import gets many events at once. The target is empty or holds a beginning of the same log: else nothing is written,
// and the error says which event differs. A store that is away is waited for, five minutes at most. When ctx ends, what is
// in the target is a beginning of the log, and the next call goes on from there.
//
// inFlight is how many appends are under way at once, where the target can keep their order; 1 for one after the other.
//
// It draws its progress to a terminal or a file and returns a report of a few lines for a person.
func Copy(ctx context.Context, source, target domain.EventStore, inFlight int, progress *os.File) (report string, err error) {
	c := newCopier(source, target)
	c.inFlight = inFlight
	return c.begin(ctx, progress, false)
}

// Verify is Copy that only compares. It fails when the target lacks events of the source, too.
func Verify(ctx context.Context, source, target domain.EventStore, progress *os.File) (report string, err error) {
	return newCopier(source, target).begin(ctx, progress, true)
}

func (c *copier) begin(ctx context.Context, progress *os.File, verifyOnly bool) (string, error) {
	c.progress = newProgress(progress)
	defer c.progress.close()
	return c.run(ctx, verifyOnly)
}

// copier copies one log onto another, or compares them.
type copier struct {
	source, target          copySide
	progress                *progress
	chunkEvents, chunkBytes int
	patience                time.Duration
	inFlight                int

	digest  *logDigest // of what was compared
	written cursor     // the target's end, as far as is known
}

func newCopier(source, target domain.EventStore) *copier {
	return &copier{
		source: copySide{store: source, role: "source"}, target: copySide{store: target, role: "target"},
		chunkEvents: maxChunkEvents, chunkBytes: maxChunkBytes, patience: longestWait, digest: newLogDigest(),
	}
}

func newLogDigest() *logDigest { return &logDigest{hash: sha256.New()} }

// run returns what was done, for the person at the terminal.
func (c *copier) run(ctx context.Context, verifyOnly bool) (string, error) {
	start := time.Now()
	there, err := c.compare(ctx, "comparing", cursor{}, c.digest)
	switch {
	case errors.Is(err, errOtherLog):
		return "", fmt.Errorf("%w; nothing was written: give an empty target, or one that holds the beginning of this log", err)
	case err != nil:
		return "", err
	case verifyOnly:
		if err := c.complete(ctx, there); err != nil {
			return "", err
		}
		return c.verified(there, time.Since(start)), nil
	}
	c.written = there
	copying := time.Now()
	if err := c.catchUp(ctx); err != nil {
		return "", err
	}
	copied, took := c.written.events-there.events, time.Since(copying)
	verifying := time.Now()
	at, err := c.compare(ctx, "verifying", there, c.digest)
	if err != nil {
		return "", err
	}
	if at.events < c.written.events {
		return "", fmt.Errorf("the target lost events: it took %s and holds %s", thousands(c.written.events), thousands(at.events))
	}
	return fmt.Sprintf("copied    %s events in %.1f s (%s/s); %s were there before\n", thousands(copied), took.Seconds(),
		thousands(perSecond(copied, took)), thousands(there.events)) + c.verified(at, copying.Sub(start)+time.Since(verifying)), nil
}

func (c *copier) verified(at cursor, took time.Duration) string {
	return fmt.Sprintf("verified  %s events are the same on both sides and in the same order, in %.1f s (%s/s)\nsha256    %s\n",
		thousands(at.events), took.Seconds(), thousands(perSecond(at.events, took)), c.digest)
}

// complete fails if the source goes on after a place.
func (c *copier) complete(ctx context.Context, at cursor) error {
	head, err := c.head(ctx, c.source)
	if err != nil || head <= at.source {
		return err
	}
	return fmt.Errorf("the target holds the first %s events, all the same, but the source has more: copy again without --verify-only",
		thousands(at.events))
}

func perSecond(events uint64, took time.Duration) uint64 {
	return uint64(float64(events) / max(took.Seconds(), 1e-9))
}
