package runtime

import (
	"context"
	"errors"
	"slices"
	"time"

	"waybill/domain"
	"waybill/projections"
)

// Bounds of deliveries.
const (
	// DefaultTries is how often an item is tried before it is given up: for more than half an hour with DefaultPause.
	DefaultTries = 12
	// DefaultPause is the wait before the second attempt at an item.
	DefaultPause = time.Second
	// longestPause bounds the waits, which double.
	longestPause = 10 * time.Minute
	// deliverers is how many items of one reaction are under way at a time, each of another object.
	deliverers = 8
	// deliveryTimeout bounds one attempt.
	deliveryTimeout = 30 * time.Second
	// deliveryPoll is how often the ledger is looked at for items whose pause is over.
	deliveryPoll = time.Second
)

// deliver carries out the items of the ledger until ctx ends.
func (r *reactor) deliver(ctx context.Context) {
	busy := []string{} // objects; never nil, which would be a NULL
	finished := make(chan string, deliverers)
	defer func() {
		for range busy {
			<-finished
		}
	}()
	poll := time.NewTicker(min(deliveryPoll, r.pause(1)))
	defer poll.Stop()
	for {
		if free := deliverers - len(busy); free > 0 {
			items, err := r.dueItems(ctx, busy, free)
			if err != nil && ctx.Err() == nil {
				r.logger.WarnContext(ctx, "the ledger cannot be read; trying again", "error", err)
			}
			for _, d := range items {
				busy = append(busy, d.Object)
				go func() {
					r.attempt(ctx, d)
					finished <- d.Object
				}()
			}
		}
		select {
		case <-ctx.Done():
			return
		case object := <-finished:
			busy = slices.DeleteFunc(busy, func(o string) bool { return o == object })
		case <-r.due:
		case <-poll.C:
		}
	}
}

// wake has deliver look at the ledger now.
func (r *reactor) wake() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// attempt tries an item once and writes down what came of it. An end of our own work, or of the store, is not the item's, nor
// is it that only a newer binary knows the event.
func (r *reactor) attempt(ctx context.Context, d dueItem) {
	event, err := r.eventOf(ctx, d)
	untried := err != nil && transient(err)
	if err == nil {
		err = r.tryOnce(ctx, Delivery{Item: d.Item, Event: event, Try: d.tries + 1})
	}
	untried = untried || errors.Is(err, domain.ErrUnknownType)
	if ctx.Err() != nil && err != nil {
		return
	}
	if !untried {
		d.tries++
	}
	state, text, pause := itemDone, "", time.Duration(0)
	switch {
	case err != nil && d.tries >= r.tries() && !untried:
		state, text = itemGivenUp, deadLetterText(err)
	case err != nil:
		state, text, pause = itemDue, deadLetterText(err), r.pause(d.tries)
	}
	// Its object waits until the outcome is written down, so that nothing is delivered again and again because it cannot be.
	var wait backoff
	for err := r.settleNow(ctx, d, state, text, pause); err != nil; err = r.settleNow(ctx, d, state, text, pause) {
		r.logger.WarnContext(ctx, "what became of an item cannot be written down; it may be delivered again", "error", err)
		if ctx.Err() != nil {
			return
		}
		wait.sleep(ctx)
	}
	switch state {
	case itemDue:
		r.metrics.retried(r.reaction.Name)
		r.logger.WarnContext(ctx, "delivery failed; trying again", "stream", d.stream, "revision", d.revision,
			"tries", d.tries, "error", text)
	case itemGivenUp:
		r.metrics.parked(r.reaction.Name)
		r.logger.ErrorContext(ctx, "delivery was given up", "stream", d.stream, "revision", d.revision, "tries", d.tries, "error", text)
	}
}

// settleNow writes an outcome down also when our work has ended meanwhile.
func (r *reactor) settleNow(ctx context.Context, d dueItem, state, text string, pause time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	return r.settle(ctx, d, state, text, pause)
}

// tryOnce calls Deliver; a panic in it is an error of the item.
func (r *reactor) tryOnce(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	return guarded("deliver", func() error { return r.reaction.Deliver(ctx, d) })
}

// eventOf reads an item's event from the store.
func (r *reactor) eventOf(ctx context.Context, d dueItem) (projections.Event, error) {
	for e, err := range r.store.ReadStream(ctx, d.stream, d.revision, domain.Forward, 1) {
		if err != nil {
			return projections.Event{}, err
		}
		if e.ID == d.eventID {
			return projections.Decode(r.reader.vocabulary.Types, e)
		}
	}
	return projections.Event{}, errors.New("the event is not in the log")
}

func (r *reactor) tries() int {
	if r.reaction.Tries > 0 {
		return r.reaction.Tries
	}
	return DefaultTries
}

// pause is the wait after an attempt, counted from 1.
func (r *reactor) pause(try int) time.Duration {
	first := r.reaction.Pause
	if first <= 0 {
		first = DefaultPause
	}
	return min(first<<min(max(try-1, 0), 20), longestPause)
}
