package logcopy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"waybill/domain"
)

// importer is a store that takes many events of many streams at once, as postgres.EventStore does.
type importer interface {
	// Import adds events in the order given, all or none, and returns the last one's position. Errors are Append's.
	Import(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error)
}

// settled is how short a pass must be for the copy to have caught up with a source that still grows.
const settled = time.Second

// catchUp copies until the target holds what the source holds now.
func (c *copier) catchUp(ctx context.Context) error {
	for {
		start, before := time.Now(), c.written.events
		if err := c.pass(ctx); err != nil {
			return err
		}
		if c.written.events == before || time.Since(start) < settled {
			return nil
		}
	}
}

// pass copies to the end of the source. The next chunk is read while one is written.
func (c *copier) pass(ctx context.Context) error {
	head, err := c.head(ctx, c.source)
	if err != nil {
		return err
	}
	c.progress.begin("copying", c.written.events, c.written.source, head)
	events := c.reader(ctx, c.source, c.written.source)
	defer func() { events.close() }()
	for {
		chunk, err := events.next()
		if len(chunk) == 0 || err != nil {
			return err
		}
		err = c.write(ctx, chunk)
		if errors.Is(err, domain.ErrConflict) {
			events.close()
			if err = c.resync(ctx, chunk, err); err == nil {
				events = c.reader(ctx, c.source, c.written.source)
			}
		}
		if err != nil {
			return err
		}
	}
}

// write brings a chunk over: at once where the store can, else append by append, with several under way when that is wanted.
func (c *copier) write(ctx context.Context, chunk []domain.RecordedEvent) error {
	if many, ok := c.target.store.(pourer); ok && c.inFlight > 1 {
		return c.pour(ctx, many, chunk)
	}
	for len(chunk) > 0 {
		n, send := oneAppend(chunk), c.append
		if bulk, ok := c.target.store.(importer); ok {
			n, send = len(chunk), bulk.Import
		}
		position, err := c.send(ctx, send, chunk[:n])
		if err != nil {
			return fmt.Errorf("write %s@%d and what follows to the target: %w", chunk[0].Stream, chunk[0].Revision, err)
		}
		c.wrote(chunk[:n], position)
		chunk = chunk[n:]
	}
	return nil
}

// send sends the same events again, as they are, while the target is away or its answer was lost.
func (c *copier) send(
	ctx context.Context, send func(context.Context, []domain.RecordedEvent) (domain.Position, error), events []domain.RecordedEvent,
) (domain.Position, error) {
	wait := c.waiting(c.target)
	for {
		position, err := send(ctx, events)
		if err == nil {
			wait.over()
			return position, nil
		}
		if err = wait.again(ctx, err); err != nil {
			return 0, err
		}
	}
}

func (c *copier) append(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error) {
	expected := domain.NoStream()
	if first := events[0].Revision; first > 0 {
		expected = domain.Exactly(first - 1)
	}
	batch := make([]domain.NewEvent, len(events))
	for i, e := range events {
		batch[i] = domain.NewEvent{ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata}
	}
	result, err := c.target.store.Append(ctx, events[0].Stream, expected, batch)
	return result.Position, err
}

// oneAppend counts the first events that can be one append: of one stream, one after the other, within every store's limits.
func oneAppend(events []domain.RecordedEvent) int {
	n, size := 1, eventBytes(events[0])
	for n < min(len(events), domain.MaxAppendEvents) {
		e := events[n]
		size += eventBytes(e)
		if e.Stream != events[0].Stream || e.Revision != events[n-1].Revision+1 || size > domain.MaxAppendBytes {
			break
		}
		n++
	}
	return n
}

// resync finds out what the target holds after a refusal. What it holds beyond what is known to be written is an earlier
// write whose answer was lost, of this process or of one that was killed: the copy goes on after it. Else there is a hole.
func (c *copier) resync(ctx context.Context, chunk []domain.RecordedEvent, refusal error) error {
	at, err := c.compare(ctx, "comparing", c.written, newLogDigest())
	if err != nil {
		return err
	}
	if at.events == c.written.events {
		return c.hole(ctx, chunk, refusal)
	}
	c.written = at
	return nil
}

// hole names the stream of a refused chunk that does not begin at revision 0, or lacks one.
func (c *copier) hole(ctx context.Context, chunk []domain.RecordedEvent, refusal error) error {
	due := map[domain.StreamName]domain.Revision{}
	for _, e := range chunk {
		if e.Position <= c.written.source {
			continue
		}
		if _, ok := due[e.Stream]; !ok {
			for last, err := range c.target.store.ReadStream(ctx, e.Stream, domain.End, domain.Backward, 1) {
				if err != nil {
					return errors.Join(refusal, err)
				}
				due[e.Stream] = last.Revision + 1
			}
		}
		if e.Revision != due[e.Stream] {
			return fmt.Errorf("the source's stream %s has no event at revision %d, the next is at %d: "+
				"it was truncated, and a log with holes cannot be copied", e.Stream, due[e.Stream], e.Revision)
		}
		due[e.Stream] = e.Revision + 1
	}
	return refusal
}
