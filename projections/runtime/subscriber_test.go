package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
)

// TestPubSub is Watermill's own conformance suite, with an event store as the broker. Left out are:
//   - consumer groups: a log has none, every subscription gets everything and its consumer keeps the checkpoint;
//   - exactly-once delivery: a nacked message comes again;
//   - TestReconnect, which restarts a broker by a shell command: TestSubscriptionOutlivesTheStore is ours.
func TestPubSub(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	w := newWorld(t)
	features := tests.Features{
		GuaranteedOrder: true, Persistent: true, NewSubscriberReceivesOldMessages: true,
		// Ten subscribers of one topic get every message ten times here, not one each.
		GuaranteedOrderWithSingleSubscriber: true,
		// The suite's 10,000 messages for 50 subscribers would be read 50 times here.
		ForceShort: true,
	}
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) {
		return publisher{w}, categories{NewSubscriber(SubscriberConfig{Store: w.store}), new(sync.WaitGroup)}
	}, nil)
}

// publisher appends messages as events, to a stream each. A topic of the suite has dashes; a category has none.
type publisher struct{ *world }

func category(topic string) string { return strings.ReplaceAll(topic, "-", "_") }

func (p publisher) Publish(topic string, messages ...*message.Message) error {
	for _, msg := range messages {
		metadata, err := json.Marshal(msg.Metadata)
		if err != nil {
			return err
		}
		id := uuid.MustParse(msg.UUID)
		_, err = p.store.Append(context.Background(), domain.Stream(category(topic), uuid.New()), domain.NoStream(),
			[]domain.NewEvent{{ID: id, Type: "message", Data: msg.Payload, Metadata: metadata}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (publisher) Close() error { return nil }

// categories turns a topic of the suite into a category, and the event's metadata back into the message's.
type categories struct {
	*Subscriber
	open *sync.WaitGroup
}

func (c categories) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	in, err := c.Subscriber.Subscribe(ctx, category(topic))
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	c.open.Go(func() {
		defer close(out)
		for msg := range in {
			_ = json.Unmarshal([]byte(msg.Metadata.Get(MetadataEvent)), &msg.Metadata)
			select {
			case out <- msg:
			case <-msg.Context().Done():
			}
		}
	})
	return out, nil
}

func (c categories) Close() error {
	defer c.open.Wait()
	return c.Subscriber.Close()
}

// log is an event store that holds n events in memory and breaks off whenever told to; only Subscribe works.
type log struct {
	domain.EventStore
	events []domain.RecordedEvent
	// breaks says after how many events each subscription in turn ends in an error; then none does.
	mu     sync.Mutex
	breaks []int
}

func newLog(n int, breaks ...int) *log {
	l := &log{breaks: breaks}
	for i := range n {
		l.events = append(l.events, domain.RecordedEvent{
			ID: uuid.New(), Stream: someProduct(), Position: domain.Position(i + 1), Type: product.Listed{}.EventType(), Data: []byte("{}"),
		})
	}
	return l
}

func (l *log) Subscribe(ctx context.Context, after domain.Position) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		l.mu.Lock()
		left := -1
		if len(l.breaks) > 0 {
			left, l.breaks = l.breaks[0], l.breaks[1:]
		}
		l.mu.Unlock()
		for _, e := range l.events[after:] {
			if left == 0 {
				yield(domain.RecordedEvent{}, domain.ErrUnavailable)
				return
			}
			left--
			if !yield(e, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(domain.RecordedEvent{}, ctx.Err())
	}
}

func TestSubscriptionOutlivesTheStore(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string][]int{
		"at once": {0}, "in the middle": {3, 0, 0, 5}, "after each": {1, 1, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSubscriber(SubscriberConfig{Store: newLog(20, breaks...), After: 2, Prefetch: 4})
			defer s.Close()
			messages, err := s.Subscribe(t.Context(), TopicAll)
			if err != nil {
				t.Fatal(err)
			}
			for want := domain.Position(3); want <= 20; want++ {
				msg := receive(t, messages)
				if got := position(t, msg); got != want {
					t.Fatalf("got position %d, want %d", got, want)
				}
				msg.Ack()
			}
		})
	}
}

func TestPrefetchWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testPrefetchWindow)
}

func testPrefetchWindow(t *testing.T) {
	s := NewSubscriber(SubscriberConfig{Store: newLog(10), Prefetch: 4})
	messages, err := s.Subscribe(t.Context(), TopicAll)
	if err != nil {
		t.Fatal(err)
	}
	var window []*message.Message
	take := func(want ...domain.Position) {
		t.Helper()
		window = nil
		for range want {
			window = append(window, receive(t, messages))
		}
		var got []domain.Position
		for _, msg := range window {
			got = append(got, position(t, msg))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got positions %v, want %v", got, want)
		}
		synctest.Wait()
		select {
		case msg := <-messages:
			t.Fatalf("got %d beyond the window", position(t, msg))
		default: // nothing comes, however long we wait
		}
	}
	take(1, 2, 3, 4)
	first, last := window[0], window[3]
	window[1].Ack() // in any order; the window moves on with the oldest
	first.Ack()
	take(5, 6)
	if first.Context().Err() == nil || last.Context().Err() != nil {
		t.Error("the context of a message must end with its ack, and not before")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if last.Context().Err() == nil {
		t.Error("the context of an open message survives Close")
	}
	if _, err := s.Subscribe(t.Context(), TopicAll); !errors.Is(err, ErrSubscriberClosed) {
		t.Errorf("subscribe after close: %v", err)
	}
}

// A window is bounded by its bytes too, and has room again when they are acked.
func TestPrefetchWindowInBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newLog(12)
		for i := range source.events {
			source.events[i].Data = make([]byte, maxWindowBytes/2)
		}
		s := NewSubscriber(SubscriberConfig{Store: source, Prefetch: 100})
		messages, err := s.Subscribe(t.Context(), TopicAll)
		if err != nil {
			t.Fatal(err)
		}
		for next := 0; next < len(source.events); { // three windows, and what follows
			synctest.Wait()
			n := len(messages)
			if n != min(3, len(source.events)-next) {
				t.Fatalf("%d messages of half a window after %d", n, next)
			}
			for range n {
				receive(t, messages).Ack()
			}
			next += n
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNackDeliversAgainFromTheFirstUnacked(t *testing.T) {
	t.Parallel()
	s := NewSubscriber(SubscriberConfig{Store: newLog(10), Prefetch: 4})
	defer s.Close()
	messages, err := s.Subscribe(t.Context(), "product")
	if err != nil {
		t.Fatal(err)
	}
	var window []*message.Message
	for range 4 {
		window = append(window, receive(t, messages))
	}
	window[0].Ack()
	window[1].Nack()
	// The 5th may have come into the window before the nack was heard; then it is taken back and comes again in its turn.
	var got []domain.Position
	for len(got) < 9 {
		msg := receive(t, messages)
		if p := position(t, msg); p != 5 || len(got) > 0 {
			got = append(got, p)
			msg.Ack()
		} else {
			<-msg.Context().Done()
		}
	}
	if want := []domain.Position{2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("after the nack came %v, want %v", got, want)
	}
	for i, msg := range window {
		if msg.Context().Err() == nil {
			t.Errorf("the context of the old message %d is not cancelled", i+1)
		}
	}
}

func receive(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case msg, open := <-messages:
		if !open {
			t.Fatal("the channel is closed")
		}
		return msg
	case <-time.After(patience):
		t.Fatal("no message came")
	}
	return nil
}

func position(t *testing.T, msg *message.Message) domain.Position {
	t.Helper()
	e, ok := EventOf(msg)
	if !ok {
		t.Fatal("the message carries no event")
	}
	return e.Position
}
