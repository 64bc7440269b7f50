package runtime

import (
	"context"
	"errors"
	"math/rand/v2"
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
	// DefaultDeliverers is how many items of one reaction are under way at a time, each of another object.
	DefaultDeliverers = 8
	// deliveryTimeout bounds one attempt.
	deliveryTimeout = 30 * time.Second
	// deliveryPoll is how often the ledger is looked at for items whose pause is over.
	deliveryPoll = time.Second
	// forgetPoll is how often the ledger is cleared of what a reaction keeps no longer.
	forgetPoll = time.Hour
)

// Undelivered is an error of Deliver that says more than that the item is to be tried again.
type Undelivered struct {
	Err error
	// Never skips the item for good.
	Never bool
	// After is the least wait before the next attempt.
	After time.Duration
	// Untried uses up none of the attempts; the recipient is not there to be tried.
	Untried bool
}

func (u *Undelivered) Error() string { return u.Err.Error() }

// Unwrap returns what happened.
func (u *Undelivered) Unwrap() error { return u.Err }

// underWay is what one reaction is delivering, and how its recipients are. Only deliver's own goroutine uses it.
type underWay struct {
	objects    []string       // never nil, which would be a NULL
	recipients map[string]int // how many items each has under way
	ailing     map[string]bool
	busyAiling int    // items under way for ailing recipients
	last       string // the recipient that was served last
	held       []string
	heldAt     time.Time
}

// delivered is the end of an attempt.
type delivered struct {
	Item
	ailing bool // it counted as one for an ailing recipient
	failed bool
}

// deliver carries out the items of the ledger until ctx ends.
func (r *reactor) deliver(ctx context.Context) {
	now := underWay{objects: []string{}, recipients: map[string]int{}, ailing: map[string]bool{}}
	finished := make(chan delivered, r.deliverers())
	defer func() {
		for range now.objects {
			<-finished
		}
	}()
	poll := time.NewTicker(min(deliveryPoll, r.pause(1)))
	defer poll.Stop()
	for {
		if err := r.deliverMore(ctx, &now, finished); err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "the ledger cannot be read; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case d := <-finished:
			now.ended(d)
		case <-r.due:
		case <-poll.C:
		}
	}
}

// deliverMore sets as many items under way as there is room for. Each look takes one item of each recipient at most, in their order,
// and goes on behind the last, so that none waits for the many items of another.
func (r *reactor) deliverMore(ctx context.Context, now *underWay, finished chan<- delivered) error {
	if len(now.objects) >= r.deliverers() {
		return nil
	}
	if r.reaction.Held != nil && time.Since(now.heldAt) >= deliveryPoll {
		held, err := r.reaction.Held(ctx)
		if err != nil {
			return err
		}
		now.held, now.heldAt = held, time.Now()
	}
	for around := false; len(now.objects) < r.deliverers(); {
		items, err := r.dueItems(ctx, now.last, now.objects, r.passedOver(now), r.deliverers()-len(now.objects))
		if err != nil {
			return err
		}
		if len(items) == 0 {
			if around || now.last == "" {
				return nil
			}
			now.last, around = "", true
			continue
		}
		around = false
		for _, d := range items {
			ailing := now.ailing[d.Recipient]
			if ailing && now.busyAiling >= r.mostAiling() {
				continue
			}
			now.begun(d.Item, ailing)
			go func() {
				ok := r.attempt(ctx, d)
				finished <- delivered{Item: d.Item, ailing: ailing, failed: !ok}
			}()
		}
	}
	return nil
}

// passedOver are the recipients who get no more for now.
func (r *reactor) passedOver(now *underWay) []string {
	passed := append([]string{}, now.held...)
	for recipient, items := range now.recipients {
		if items >= r.perRecipient() || now.ailing[recipient] {
			passed = append(passed, recipient)
		}
	}
	if now.busyAiling >= r.mostAiling() {
		for recipient := range now.ailing {
			passed = append(passed, recipient)
		}
	}
	return passed
}

func (u *underWay) begun(i Item, ailing bool) {
	u.objects = append(u.objects, i.Object)
	u.recipients[i.Recipient]++
	if ailing {
		u.busyAiling++
	}
	u.last = i.Recipient
}

func (u *underWay) ended(d delivered) {
	u.objects = slices.DeleteFunc(u.objects, func(o string) bool { return o == d.Object })
	if u.recipients[d.Recipient]--; u.recipients[d.Recipient] == 0 {
		delete(u.recipients, d.Recipient)
	}
	if d.ailing {
		u.busyAiling--
	}
	if d.failed {
		u.ailing[d.Recipient] = true
	} else {
		delete(u.ailing, d.Recipient)
	}
}

func (r *reactor) deliverers() int {
	if r.reaction.Deliverers > 0 {
		return r.reaction.Deliverers
	}
	return DefaultDeliverers
}

func (r *reactor) perRecipient() int {
	if r.reaction.PerRecipient > 0 {
		return r.reaction.PerRecipient
	}
	return max(1, r.deliverers()/2)
}

func (r *reactor) mostAiling() int { return max(1, r.deliverers()/2) }

// forgetOften clears the ledger of what is kept no longer, until ctx ends.
func (r *reactor) forgetOften(ctx context.Context) {
	ticker := time.NewTicker(forgetPoll)
	defer ticker.Stop()
	for {
		if err := r.forget(ctx); err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "the ledger cannot be cleared; trying again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
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
// is it that only a newer binary knows the event. It returns false when the recipient cannot be reached.
func (r *reactor) attempt(ctx context.Context, d dueItem) bool {
	event, err := r.eventOf(ctx, d)
	untried := err != nil && !blames(err)
	if err == nil {
		err = r.tryOnce(ctx, Delivery{Item: d.Item, Event: event, Try: d.tries + 1})
		untried = err != nil && ours(err)
	}
	var said Undelivered
	if more, ok := errors.AsType[*Undelivered](err); ok {
		said = *more
	}
	untried = untried || said.Untried || errors.Is(err, domain.ErrUnknownType)
	if ctx.Err() != nil && err != nil {
		return true
	}
	if !untried {
		d.tries++
	}
	state, text, pause := itemDone, "", time.Duration(0)
	switch {
	case said.Never:
		state, text = itemSkipped, deadLetterText(err)
	case err != nil && d.tries >= r.tries() && !untried:
		state, text = itemGivenUp, deadLetterText(err)
	case err != nil:
		state, text, pause = itemDue, deadLetterText(err), max(r.pause(d.tries), said.After)
	}
	// Its object waits until the outcome is written down, so that nothing is delivered again and again because it cannot be.
	var wait backoff
	for err := r.settleNow(ctx, d, state, text, pause); err != nil; err = r.settleNow(ctx, d, state, text, pause) {
		r.logger.WarnContext(ctx, "what became of an item cannot be written down; it may be delivered again", "error", err)
		if ctx.Err() != nil {
			return true
		}
		wait.sleep(ctx)
	}
	switch {
	case said.Untried:
	case state == itemDue:
		r.metrics.retried(r.reaction.Name)
		r.logger.WarnContext(ctx, "delivery failed; trying again", "stream", d.stream, "revision", d.revision,
			"tries", d.tries, "error", text, "cause", innermost(err))
	case state == itemGivenUp:
		r.metrics.parked(r.reaction.Name)
		r.logger.ErrorContext(ctx, "delivery was given up", "stream", d.stream, "revision", d.revision, "tries", d.tries, "error", text,
			"cause", innermost(err))
	}
	return err == nil || said.Never
}

// innermost is the text of what an error wraps in the end: what the ledger, which others may read, does not say. What is around it may
// hold an address with what is secret in it.
func innermost(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return deadLetterText(err)
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
	return projections.Event{}, &projections.EventError{Stream: d.stream, Revision: d.revision, Err: errors.New("it is not in the log")}
}

func (r *reactor) tries() int {
	switch {
	case len(r.reaction.Pauses) > 0:
		return len(r.reaction.Pauses) + 1
	case r.reaction.Tries > 0:
		return r.reaction.Tries
	}
	return DefaultTries
}

// pause is the wait after an attempt, counted from 1.
func (r *reactor) pause(try int) time.Duration {
	if all := r.reaction.Pauses; len(all) > 0 {
		wait := all[min(max(try-1, 0), len(all)-1)]
		return wait + time.Duration(rand.Float64()*float64(wait)/5) //nolint:gosec // no secret
	}
	first := r.reaction.Pause
	if first <= 0 {
		first = DefaultPause
	}
	return min(first<<min(max(try-1, 0), 20), longestPause)
}
