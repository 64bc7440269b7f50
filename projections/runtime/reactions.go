package runtime

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// Reaction is a side effect of events, downstream of the store: each event it wants is handled at least once, in the log's
// order. What it does inside Waybill it does itself, by commands. What reaches the outside (a message, a call) it only
// writes into the ledger, in the transaction that moves its checkpoint, and Deliver carries it out.
type Reaction struct {
	// Name is for people: "close_bookings".
	Name string
	// StoredName is what its checkpoint and its ledger are kept under, whatever becomes of the Name. Never changed.
	StoredName string
	// Begins says which events are its business when it is set to work for the first time.
	Begins Beginning
	// Applies and PassesOver are the stored names of the event types that it knows, as a ReadModel's: together all of them.
	Applies, PassesOver []string
	// Handle does what is inside, and returns what is owed to the outside. An event comes again after a crash or an error, so
	// what is done must be harmless twice: commands take an id that derives from the event's. A passing error (transient) is
	// tried until it passes, any other three times; then the event becomes a dead letter and the next one comes. After a
	// domain.ErrUnknownType the event is left to a newer binary.
	Handle func(ctx context.Context, event projections.Event) ([]Item, error)
	// Deliver carries out one item, at least once: it may be called again after a crash. nil for a reaction that owes nothing
	// to the outside.
	Deliver func(ctx context.Context, delivery Delivery) error
	// Tries bounds the attempts at an item (DefaultTries when 0) and Pause is the wait before the second (DefaultPause when 0),
	// which doubles. Then it is given up, until an operator has it tried again.
	Tries int
	Pause time.Duration
	// Pauses, when given, are the waits before the second attempt and those after it, in place of Tries and Pause. Each is made longer
	// by up to a fifth, at random, so that what failed at once is not tried at once.
	Pauses []time.Duration
	// Deliverers is how many items are under way at a time (DefaultDeliverers when 0), each of another object, and PerRecipient how
	// many of them for one recipient (half of all when 0). A recipient whose last attempt failed gets one at a time, and all of those
	// together half of the deliverers.
	Deliverers, PerRecipient int
	// Held, when given, names the recipients who get nothing for the time being. It is asked about every second.
	Held func(ctx context.Context) ([]string, error)
	// Rare says that most events owe nothing, and that one which comes again owes what it did. Of those that owe nothing the ledger
	// keeps no note, and the checkpoint follows them by the second.
	Rare bool
	// Keeps is for how long the ledger remembers what was delivered or skipped, and which events were handled; 0 is for good. It must
	// be longer than any log can be put back by.
	Keeps time.Duration
}

// Beginning is where a reaction begins.
type Beginning int

// The beginnings.
const (
	// FromStart begins with the log's first event.
	FromStart Beginning = iota
	// FromNow begins with the first event after the reaction is set to work: it tells nobody of what is long past.
	FromNow
)

const (
	// reactionAttempts bounds the attempts at an event whose error does not pass by itself.
	reactionAttempts = 3
	// reactionFlush is how often the checkpoint follows events that the reaction does not want.
	reactionFlush = time.Second
)

// reactor runs one reaction on a Watermill Router while it holds the lease.
type reactor struct {
	pool     *pgxpool.Pool
	store    domain.EventStore
	reaction Reaction
	reader   reader
	lease    lease
	logger   *slog.Logger
	metrics  *metrics
	log      ownLog
	// due wakes who delivers; capacity 1.
	due chan struct{}

	at   checkpoint // as the database has it, and keepUp left it
	seen *seen
}

// react follows the log from the checkpoint until ctx ends, the lease is lost or somebody else moves the checkpoint.
func (r *reactor) react(ctx context.Context) error {
	at, err := r.lease.claim(ctx)
	if err != nil {
		return err
	}
	if err := at.verify(ctx, r.store); err != nil {
		return err
	}
	if r.log, err = ownLogOf(ctx, r.pool, r.store); err != nil {
		return err
	}
	if at, err = r.begin(ctx, at); err != nil {
		return err
	}
	r.at, r.seen = at, newSeen()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	router, err := r.router(at, stop)
	if err != nil {
		return err
	}
	var beside sync.WaitGroup
	written := true
	beside.Go(func() { written = r.keepUp(ctx, stop) })
	if r.reaction.Deliver != nil {
		beside.Go(func() { r.deliver(ctx) })
		if r.reaction.Keeps > 0 {
			beside.Go(func() { r.forgetOften(ctx) })
		}
	}
	err = router.Run(ctx)
	cause := context.Cause(ctx)
	stop(nil)
	beside.Wait()
	if written {
		r.writeRest(ctx)
	}
	if err == nil {
		err = cause
	}
	return err
}

// router makes the Router that handles the log's events behind a checkpoint, one after the other.
func (r *reactor) router(at checkpoint, stop context.CancelCauseFunc) (*message.Router, error) {
	logger := watermill.NewSlogLoggerWithLevelMapping(r.logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: rollbackTimeout}, logger)
	if err != nil {
		return nil, err
	}
	poison, err := middleware.PoisonQueueWithFilter(deadLetterPublisher{r}, r.reaction.Name, poison)
	if err != nil {
		return nil, err
	}
	retry := middleware.Retry{
		// The middleware takes two steps of its backoff a time, one of them to ask ShouldRetry: hence the small factor.
		MaxRetries: math.MaxInt32, InitialInterval: 50 * time.Millisecond, MaxInterval: 5 * time.Second, Multiplier: 1.4,
		RandomizationFactor: 0.5, ShouldRetry: r.again,
	}
	router.AddMiddleware(r.keepCheckpoint(stop), poison, retry.Middleware)
	subscriber := NewSubscriber(SubscriberConfig{Store: r.log, After: at.position, Logger: r.logger, event: at.event, lost: stop})
	router.AddConsumerHandler(r.reaction.Name, TopicAll, subscriber, func(msg *message.Message) error {
		recorded, _ := EventOf(msg)
		items, err := r.reaction.call(msg.Context(), r.reader.vocabulary, recorded)
		if owed, ok := msg.Context().Value(owedKey{}).(*[]Item); ok {
			*owed = items
		}
		return err
	})
	return router, nil
}

// owedKey is where, in its context, a message keeps what its event owes to the outside.
type owedKey struct{}

// call decodes an event and handles it; a panic in that is an error of the event.
func (r Reaction) call(ctx context.Context, v Vocabulary, recorded domain.RecordedEvent) ([]Item, error) {
	event, err := projections.Decode(v.Types, recorded)
	if err != nil {
		return nil, err
	}
	var items []Item
	err = guarded("handle", func() (err error) {
		items, err = r.Handle(ctx, event)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(items) > 0 && r.Deliver == nil {
		return nil, event.Wrong(errors.New("the reaction owes something, and delivers nothing"))
	}
	for _, i := range items {
		if err := i.check(); err != nil {
			return nil, event.Wrong(err)
		}
	}
	return items, nil
}

func (r *reactor) again(p middleware.RetryParams) bool {
	if errors.Is(p.Err, domain.ErrUnknownType) || poison(p.Err) && p.RetryNum >= reactionAttempts-1 {
		return false
	}
	r.metrics.retried(r.reaction.Name)
	level := quieter(slog.LevelWarn, p.Err)
	if errors.Is(p.Err, ErrBehind) {
		level = slog.LevelDebug
	}
	r.logger.Log(context.Background(), level, "reaction failed; trying again", "attempt", p.RetryNum+1, "error", deadLetterText(p.Err))
	return true
}

// keepCheckpoint passes on the events that are wanted, and has the checkpoint moved past each that was handled or became a dead
// letter. When this binary does not know the event or what it leads to, everything stops.
func (r *reactor) keepCheckpoint(stop context.CancelCauseFunc) message.HandlerMiddleware {
	seen := r.seen
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			recorded, ok := EventOf(msg)
			if !ok {
				return nil, errors.New("message carries no event")
			}
			wanted, err := r.reader.wants(recorded)
			if err == nil && wanted && !r.reaction.Rare {
				wanted, err = r.isNews(msg.Context(), recorded)
			}
			if err != nil {
				stop(err)
				return nil, err
			}
			if !wanted {
				seen.pass(recorded)
				return nil, nil
			}
			var owed []Item
			msg.SetContext(context.WithValue(msg.Context(), owedKey{}, &owed))
			if _, err := next(msg); err != nil {
				if errors.Is(err, domain.ErrUnknownType) {
					stop(&UnknownEventError{Event: recorded, Met: err})
				}
				return nil, err
			}
			if r.reaction.Rare {
				news := false
				if len(owed) > 0 {
					if news, err = r.isNews(msg.Context(), recorded); err != nil {
						stop(err)
						return nil, err
					}
				}
				if !news {
					seen.pass(recorded)
					return nil, nil
				}
			}
			recorded.Data, recorded.Metadata = nil, nil // many may wait
			select {
			case seen.handled <- handled{recorded, owed}:
				return nil, nil
			case <-msg.Context().Done():
				return nil, msg.Context().Err()
			}
		}
	}
}

// deadLetterPublisher is where PoisonQueue sends what a reaction cannot handle.
type deadLetterPublisher struct{ *reactor }

// Publish writes dead letters; the same one twice is one.
func (p deadLetterPublisher) Publish(_ string, messages ...*message.Message) error {
	for _, msg := range messages {
		e, ok := EventOf(msg)
		if !ok {
			return errors.New("message carries no event")
		}
		reason := msg.Metadata.Get(middleware.ReasonForPoisonedKey)
		ctx := msg.Context()
		var batch pgx.Batch
		queueDeadLetter(&batch, p.reaction.StoredName, parkedEvent{projections.Event{RecordedEvent: e}, errors.New(reason)})
		if err := p.pool.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		p.metrics.parked(p.reaction.Name)
		p.logger.ErrorContext(ctx, "reaction failed for good; the event is a dead letter", "stream", e.Stream, "revision", e.Revision,
			"position", e.Position, "type", e.Type, "error", deadLetterText(errors.New(reason)))
	}
	return nil
}

// Close implements message.Publisher.
func (deadLetterPublisher) Close() error { return nil }
