package logcopy

import (
	"context"
	"errors"
	"fmt"

	"waybill/adapters/eventstoredb"
	"waybill/domain"
)

// pourer is a store that keeps the order of many appends under way at once, as eventstoredb.Store does.
type pourer interface {
	// Pour appends runs of one stream each, in order, and returns how many of the events are known to be stored, which are
	// the first, and the position of the last.
	Pour(ctx context.Context, runs [][]domain.RecordedEvent, inFlight int) (stored int, last domain.Position, err error)
}

// pour brings a chunk over with many appends under way. When the target goes away meanwhile, what it holds then tells how far
// the copy is: were anything out of order, it would not be the source's.
func (c *copier) pour(ctx context.Context, target pourer, chunk []domain.RecordedEvent) error {
	wait := c.waiting(c.target)
	for {
		stored, last, err := target.Pour(ctx, runsOf(chunk), c.inFlight)
		if stored > 0 {
			wait.over()
			c.wrote(chunk[:stored], last)
			chunk = chunk[stored:]
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, eventstoredb.ErrOutOfOrder):
			return c.spoilt(err)
		}
		what := fmt.Errorf("write %s@%d and what follows to the target: %w", chunk[0].Stream, chunk[0].Revision, err)
		if !passes(err) {
			return what
		}
		if err := wait.again(ctx, what); err != nil {
			return err
		}
		before := c.written.events
		if c.written, err = c.compare(ctx, "comparing", c.written, newLogDigest()); errors.Is(err, errOtherLog) {
			return c.spoilt(err)
		} else if err != nil {
			return err
		}
		head, err := c.head(ctx, c.source)
		if err != nil {
			return err
		}
		c.progress.begin("copying", c.written.events, c.written.source, head)
		chunk = chunk[min(c.written.events-before, uint64(len(chunk))):]
		if len(chunk) == 0 {
			return nil
		}
	}
}

func (c *copier) spoilt(err error) error {
	return fmt.Errorf("the target's order is wrong after its first %s events, and nothing can mend that: copy into an empty one, or "+
		"under another prefix, without --in-flight: %w", thousands(c.written.events), err)
}

// runsOf divides events into those that can be one append.
func runsOf(events []domain.RecordedEvent) (runs [][]domain.RecordedEvent) {
	for len(events) > 0 {
		n := oneAppend(events)
		runs, events = append(runs, events[:n]), events[n:]
	}
	return runs
}

// wrote notes that events are in the target, the last of them at a position.
func (c *copier) wrote(events []domain.RecordedEvent, last domain.Position) {
	c.written = cursor{events: c.written.events + uint64(len(events)), source: events[len(events)-1].Position, target: last}
	c.progress.advance(c.written.events, c.written.source)
}
