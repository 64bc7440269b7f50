package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
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

// Reaction is a side effect of events: done for each of them at least once, in the log's order, downstream of the store.
type Reaction struct {
	// Name is for people and for the checkpoint: "close_bookings".
	Name string
	// Types are the stored names of the events it wants.
	Types []string
	// Handle does it. An event comes again after a crash or an error, so what is done must be harmless twice: commands take
	// an id that derives from the event's. A passing error (transient) is tried until it passes, any other three times;
	// then the event becomes a dead letter and the next one comes.
	Handle func(ctx context.Context, event projections.Event) error
}

func (r Reaction) projection() string { return "reaction_" + r.Name }

// call decodes an event and handles it.
func (r Reaction) call(ctx context.Context, recorded domain.RecordedEvent) error {
	event, err := projections.Decode(recorded)
	if err != nil {
		return err
	}
	return r.Handle(ctx, event)
}

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
	lease    lease
	log      *slog.Logger
	metrics  *metrics

	mu    sync.Mutex
	at    checkpoint            // as the database has it
	ahead *domain.RecordedEvent // seen and not wanted, not yet in the checkpoint; nil for none
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
	r.at, r.ahead = at, nil
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	logger := watermill.NewSlogLoggerWithLevelMapping(r.log, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: rollbackTimeout}, logger)
	if err != nil {
		return err
	}
	poison, err := middleware.PoisonQueueWithFilter(deadLetterPublisher{r}, r.reaction.Name, func(err error) bool { return !transient(err) })
	if err != nil {
		return err
	}
	retry := middleware.Retry{
		// The middleware takes two steps of its backoff a time, one of them to ask ShouldRetry: hence the small factor.
		MaxRetries: math.MaxInt32, InitialInterval: 50 * time.Millisecond, MaxInterval: 5 * time.Second, Multiplier: 1.4,
		RandomizationFactor: 0.5, ShouldRetry: r.again,
	}
	router.AddMiddleware(r.keepCheckpoint(stop), poison, retry.Middleware, middleware.Recoverer)
	subscriber := NewSubscriber(SubscriberConfig{Store: r.store, After: at.position, Logger: r.log})
	router.AddConsumerHandler(r.reaction.Name, TopicAll, subscriber, func(msg *message.Message) error {
		recorded, _ := EventOf(msg)
		return r.reaction.call(msg.Context(), recorded)
	})

	var flushing sync.WaitGroup
	flushing.Go(func() { r.flushOften(ctx, stop) })
	err = router.Run(ctx)
	cause := context.Cause(ctx)
	stop(nil)
	flushing.Wait()
	if err == nil {
		err = cause
	}
	return err
}

func (r *reactor) again(p middleware.RetryParams) bool {
	passing := transient(p.Err)
	if !passing && p.RetryNum >= reactionAttempts-1 {
		return false
	}
	r.metrics.retried(r.reaction.Name)
	level := slog.LevelWarn
	if errors.Is(p.Err, ErrBehind) {
		level = slog.LevelDebug
	}
	r.log.Log(context.Background(), level, "reaction failed; trying again", "attempt", p.RetryNum+1, "error", deadLetterText(p.Err))
	return true
}

// keepCheckpoint passes on the events that are wanted, and moves the checkpoint past each that was handled or became a dead
// letter. When the checkpoint cannot be moved the event comes again; when it is no longer ours everything stops.
func (r *reactor) keepCheckpoint(stop context.CancelCauseFunc) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			recorded, ok := EventOf(msg)
			if !ok {
				return nil, errors.New("message carries no event")
			}
			if !slices.Contains(r.reaction.Types, recorded.Type) {
				r.mu.Lock()
				r.ahead = &recorded
				r.mu.Unlock()
				return nil, nil
			}
			if _, err := next(msg); err != nil {
				return nil, err
			}
			return nil, r.move(msg.Context(), recorded, stop)
		}
	}
}

// move moves the checkpoint by compare-and-set.
func (r *reactor) move(ctx context.Context, to domain.RecordedEvent, stop context.CancelCauseFunc) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if to.Position <= r.at.position {
		return nil
	}
	stream, revision, id := identityOf(to).columns()
	tag, err := r.pool.Exec(ctx, `UPDATE projections.checkpoints
		SET position = $4, stream = $5, revision = $6, event_id = $7, moved_at = clock_timestamp()
		WHERE projection = $1 AND position = $2 AND epoch = $3`,
		r.reaction.projection(), r.at.position, r.at.epoch, to.Position, stream, revision, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("%s: %w", r.reaction.Name, errFenced)
	}
	if err != nil {
		// Whether it moved is not known; what the checkpoint says then decides where to go on.
		stop(err)
		return err
	}
	r.at.position = to.Position
	return nil
}

// flushOften lets the checkpoint follow the events that are not wanted.
func (r *reactor) flushOften(ctx context.Context, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(reactionFlush)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.mu.Lock()
			to := r.ahead
			r.mu.Unlock()
			if to == nil {
				continue
			}
			if err := r.move(ctx, *to, stop); err != nil {
				return
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
		queueDeadLetter(&batch, p.reaction.projection(), parkedEvent{projections.Event{RecordedEvent: e}, errors.New(reason)})
		if err := p.pool.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		p.metrics.parked(p.reaction.Name)
		p.log.ErrorContext(ctx, "reaction failed for good; the event is a dead letter", "stream", e.Stream, "revision", e.Revision,
			"position", e.Position, "type", e.Type, "error", deadLetterText(errors.New(reason)))
	}
	return nil
}

// Close implements message.Publisher.
func (deadLetterPublisher) Close() error { return nil }
