package runtime

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"waybill/domain"
)

// TopicAll is the topic of every event; every other topic is a stream category.
const TopicAll = "all"

// Keys of a message's Watermill metadata. The event's own metadata is one of them, as the JSON that was appended.
const (
	MetadataStream   = "stream"
	MetadataRevision = "revision"
	MetadataPosition = "position"
	MetadataType     = "type"
	MetadataEvent    = "metadata"
)

// ErrSubscriberClosed is the error of a Subscribe after Close.
var ErrSubscriberClosed = errors.New("subscriber is closed")

// maxWindowBytes bounds the payloads that a prefetch window holds, whatever its number of messages.
const maxWindowBytes = 8 << 20

// SubscriberConfig says where a subscription starts and how far it reads ahead.
type SubscriberConfig struct {
	Store domain.EventStore
	// After is the position whose successors are delivered; 0 delivers everything.
	After domain.Position
	// Prefetch is how many messages may be delivered and not yet acked: 1 (the default) for a Router's handlers, which
	// keep the order only so; more for a consumer that takes batches.
	Prefetch int
	// Logger is told of interruptions of the store; nil for nobody.
	Logger *slog.Logger

	// event is the one at After; lost, when given, is told when the log does not have it, or what was delivered since, any more.
	event eventIdentity
	lost  func(error)
}

// Subscriber is an event store as a Watermill message.Subscriber. The log is not a queue: every subscription delivers
// everything after its start, in order, and the acks are not kept; the consumer keeps its own checkpoint.
//
// A subscription outlives interruptions of the store: it goes on after the last event it read, nothing lost or doubled. It ends when
// the store does not have that event any more: what comes then is of another log.
// The acks may come in any number and order. A nack is heard once every message before it is acked or nacked; then
// everything from it on is delivered again, as new messages, and the contexts of the old ones are cancelled.
type Subscriber struct {
	config SubscriberConfig

	mu     sync.Mutex
	closed bool
	stop   chan struct{}
	open   sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber makes a Subscriber; it does nothing until Subscribe.
func NewSubscriber(config SubscriberConfig) *Subscriber {
	config.Prefetch = max(config.Prefetch, 1)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Subscriber{config: config, stop: make(chan struct{})}
}

// Subscribe delivers the events of a stream category, or of all for TopicAll and "".
// The channel is closed when ctx ends or the Subscriber is closed; what was not acked then is forgotten.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrSubscriberClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	sub := &subscription{
		config:   s.config,
		category: topic,
		source:   make(chan *domain.RecordedEvent, min(s.config.Prefetch, 256)),
		out:      make(chan *message.Message, s.config.Prefetch),
	}
	if topic == TopicAll {
		sub.category = ""
	}
	s.open.Go(func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	s.open.Go(func() {
		if err := sub.read(ctx); err != nil {
			if s.config.lost != nil {
				s.config.lost(err)
			}
			cancel()
		}
	})
	s.open.Go(func() {
		defer cancel()
		defer close(sub.out)
		sub.deliver(ctx)
	})
	return sub.out, nil
}

// Close ends all subscriptions and waits until their channels are closed.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.mu.Unlock()
	s.open.Wait()
	return nil
}

// EventOf is the event that a Subscriber's message carries; ok is false for a message from elsewhere.
func EventOf(msg *message.Message) (event domain.RecordedEvent, ok bool) {
	e, ok := msg.Context().Value(eventKey{}).(*domain.RecordedEvent)
	if !ok {
		return domain.RecordedEvent{}, false
	}
	return *e, true
}

type eventKey struct{}

// messageContext lets the event ride in its message.
type messageContext struct {
	context.Context
	event *domain.RecordedEvent
}

func (c messageContext) Value(key any) any {
	if key == (eventKey{}) {
		return c.event
	}
	return c.Context.Value(key)
}

type subscription struct {
	config   SubscriberConfig
	category string
	source   chan *domain.RecordedEvent
	out      chan *message.Message
}

// read pumps the store's events into source, subscribing again after every interruption. It returns nil with the end of ctx, or why
// what comes next does not come behind what was read.
func (s *subscription) read(ctx context.Context) error {
	last := checkpoint{position: s.config.After, event: s.config.event}
	var wait backoff
	for ctx.Err() == nil {
		progressed, err := s.follow(ctx, &last)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrAnotherLog), errors.Is(err, domain.ErrWentBack):
			s.config.Logger.WarnContext(ctx, "subscription ended: the log went back", "after", last.position, "error", err)
			return err
		case progressed:
			wait.reset()
		}
		s.config.Logger.Log(ctx, quieter(slog.LevelWarn, err),
			"subscription to the event store was interrupted", "after", last.position, "error", err)
		wait.sleep(ctx)
	}
	return nil
}

// follow is one subscription of the store, which may have become another one since the last: the event that was read last is looked up
// when the next has come, so that both are of the same log.
func (s *subscription) follow(ctx context.Context, last *checkpoint) (progressed bool, err error) {
	for event, err := range s.config.Store.Subscribe(ctx, last.position) {
		if err == nil && !progressed && s.config.lost != nil {
			err = last.verify(ctx, s.config.Store)
		}
		if err != nil {
			return progressed, err
		}
		progressed = true
		*last = checkpoint{position: event.Position, event: identityOf(event)}
		if s.category != "" && event.Stream.Category() != s.category {
			continue
		}
		select {
		case s.source <- &event:
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
	return progressed, nil
}

// delivery is a message on its way: sent, and neither acked nor given up.
type delivery struct {
	msg    *message.Message
	event  *domain.RecordedEvent
	cancel context.CancelFunc
}

func (s *subscription) deliver(ctx context.Context) {
	var (
		unacked  []delivery              // sent, oldest first
		again    []*domain.RecordedEvent // to be sent again before anything new
		inFlight int                     // bytes of unacked
	)
	defer func() {
		for _, d := range unacked {
			d.cancel()
		}
	}()
	for {
		for len(again) > 0 && len(unacked) < s.config.Prefetch {
			d := newDelivery(ctx, again[0])
			unacked, again = append(unacked, d), again[1:]
			inFlight += d.size()
			s.out <- d.msg // never blocks: unacked messages fit the channel, and a nacked one left it before its nack
		}
		source := s.source
		if len(again) > 0 || len(unacked) >= s.config.Prefetch || inFlight > maxWindowBytes {
			source = nil
		}
		var acked, nacked <-chan struct{}
		if len(unacked) > 0 {
			acked, nacked = unacked[0].msg.Acked(), unacked[0].msg.Nacked()
		}
		select {
		case <-ctx.Done():
			return
		case event := <-source:
			again = append(again, event)
		case <-acked:
			inFlight -= unacked[0].size()
			unacked[0].cancel()
			unacked = unacked[1:]
		case <-nacked:
			var resend []*domain.RecordedEvent
			for _, d := range unacked {
				resend = append(resend, d.event)
				d.cancel()
			}
			again, unacked, inFlight = append(resend, again...), nil, 0
			s.recall()
		}
	}
}

// recall takes back what was sent and not yet received, so that a nacked message and its successors come in order.
func (s *subscription) recall() {
	for {
		select {
		case <-s.out:
		default:
			return
		}
	}
}

func newDelivery(ctx context.Context, e *domain.RecordedEvent) delivery {
	ctx, cancel := context.WithCancel(ctx)
	msg := message.NewMessageWithContext(messageContext{Context: ctx, event: e}, e.ID.String(), e.Data)
	msg.Metadata = message.Metadata{
		MetadataStream:   string(e.Stream),
		MetadataRevision: strconv.FormatUint(uint64(e.Revision), 10),
		MetadataPosition: strconv.FormatUint(uint64(e.Position), 10),
		MetadataType:     e.Type,
		MetadataEvent:    string(e.Metadata),
	}
	return delivery{msg: msg, event: e, cancel: cancel}
}

func (d delivery) size() int { return len(d.event.Data) + len(d.event.Metadata) }

// backoff waits longer after every failure in a row, up to 5 s, with jitter so that nodes do not come back in step.
type backoff struct{ failures int }

func (b *backoff) reset() { b.failures = 0 }

func (b *backoff) next() time.Duration {
	ceiling := min(50*time.Millisecond<<min(b.failures, 10), 5*time.Second)
	b.failures++
	return ceiling/2 + rand.N(ceiling/2+1) //nolint:gosec // jitter needs no secrecy
}

// sleep waits for the next turn or the end of ctx.
func (b *backoff) sleep(ctx context.Context) {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
