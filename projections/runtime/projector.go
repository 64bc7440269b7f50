package runtime

import (
	"context"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"waybill/domain"
)

// Bounds of a projector's batches. A batch is what is ready, so a live one is small; these are reached in catch-up.
const (
	maxBatchEvents = 1000
	maxBatchBytes  = 2 << 20
	// prefetch is more than two batches: one is written while the next is decoded.
	prefetch = 3 * maxBatchEvents
	// linger is how long a batch waits for more after its first event. A batch costs nearly the same for one event as for
	// twenty, and what a subscription read in one go arrives within that time.
	linger = 2 * time.Millisecond
)

// projector keeps one read model up to date while it holds the lease.
type projector struct {
	target
	store   domain.EventStore
	lease   lease
	logger  *slog.Logger
	metrics *metrics
	// moved is told of every move of the checkpoint, after the commit.
	moved func(projection string, at domain.Position)
}

// project follows the log from the checkpoint until ctx ends, the lease is lost, or somebody else moves the checkpoint.
func (p *projector) project(ctx context.Context) error {
	known, err := p.lease.claim(ctx)
	if err != nil {
		return err
	}
	if err := known.verify(ctx, p.store); err != nil {
		return err
	}
	if p.log, err = ownLogOf(ctx, p.pool, p.store); err != nil {
		return err
	}
	p.moved(p.schema, known.position)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	subscriber := NewSubscriber(SubscriberConfig{
		Store: p.log, After: known.position, Prefetch: prefetch, Logger: p.logger, event: known.event, lost: stop,
	})
	defer subscriber.Close() //nolint:errcheck // it has no errors
	messages, err := subscriber.Subscribe(ctx, TopicAll)
	if err != nil {
		return err
	}
	batches := make(chan batch)
	go p.collect(ctx, messages, batches)
	views := switching{target: p.target, logger: p.logger}
	views.look(ctx)
	for b := range batches {
		if b.passed > 0 {
			if known, err = p.write(ctx, known, b); err != nil {
				return err
			}
			views.look(ctx)
		}
		for _, msg := range b.messages {
			msg.Ack()
		}
		if b.unknown != nil {
			return b.unknown
		}
	}
	return context.Cause(ctx)
}

// collect decodes messages into a batch that grows while the writer is busy, so that batches are as large as the load
// wants and decoding costs the writer no time. It ends with ctx or the channel of messages.
func (p *projector) collect(ctx context.Context, messages <-chan *message.Message, batches chan<- batch) {
	defer close(batches)
	waited := time.NewTimer(0)
	defer waited.Stop()
	var (
		next batch
		ripe bool // waited long enough
	)
	for {
		in, out := messages, batches
		full := len(next.messages) >= maxBatchEvents || next.size >= maxBatchBytes || next.unknown != nil
		if full {
			in = nil
		}
		if !ripe && !full {
			out = nil
		}
		select {
		case msg, open := <-in:
			if !open {
				return
			}
			if len(next.messages) == 0 {
				waited.Reset(linger)
			}
			recorded, _ := EventOf(msg)
			if next.unknown = next.add(p.reader, recorded); next.unknown == nil {
				next.messages = append(next.messages, msg)
			}
		case out <- next:
			next, ripe = batch{}, false
		case <-waited.C:
			ripe = len(next.messages) > 0
		case <-ctx.Done():
			return
		}
	}
}

// write applies one batch, again and again while only the circumstances are against it.
func (p *projector) write(ctx context.Context, known checkpoint, b batch) (checkpoint, error) {
	var wait backoff
	for {
		started := time.Now()
		at, parked, _, err := p.advance(ctx, known, b)
		if err == nil {
			p.report(ctx, parked)
			p.moved(p.schema, at.position)
			if known = at; known.position < b.last {
				continue
			}
			p.metrics.applied(p.model.Name, len(b.events), time.Since(started))
			return at, nil
		}
		if ctx.Err() != nil || superseded(err) || !transient(err) {
			return known, err
		}
		p.metrics.retried(p.model.Name)
		p.logger.WarnContext(ctx, "batch could not be applied; trying again", "position", b.last, "error", err)
		wait.sleep(ctx)
	}
}

func (p *projector) report(ctx context.Context, parked []parkedEvent) {
	for _, e := range parked {
		p.metrics.parked(p.model.Name)
		p.logger.ErrorContext(ctx, "event was parked", "stream", e.event.Stream, "revision", e.event.Revision,
			"position", e.event.Position, "type", e.event.Type, "error", deadLetterText(e.err))
	}
}
