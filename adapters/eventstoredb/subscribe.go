package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/domain"
)

// How far the server looks for the next event of ours before it says where it is, and how often it says so. What it says
// is not used: a checkpoint moves on events only, since servers have named wrong positions.
const (
	searchWindow       = 512
	checkpointInterval = 16
)

// Subscribe implements domain.EventStore. A dropped subscription is taken up again behind the last event; the sequence
// ends with ErrUnavailable only when that does not succeed for two time-outs.
func (s *Store) Subscribe(ctx context.Context, after domain.Position) iter.Seq2[domain.RecordedEvent, error] {
	return s.subscribeAll(ctx, after, nil)
}

func (s *Store) subscribeAll(ctx context.Context, after domain.Position, categories []string) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		s.keepOpen(ctx, s.subscriptions.add(after, categories))(yield)
	}
}

// keepOpen yields the events of a subscription, and closes it in the end.
func (s *Store) keepOpen(ctx context.Context, open *subscription) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		defer s.subscriptions.remove(open)
		var wait backoff
		for alive := time.Now(); ; {
			subscribed, more, err := s.follow(ctx, open, yield)
			if !more {
				return
			}
			s.noteRefusal(err, false)
			if subscribed {
				alive = time.Now()
				wait.reset()
			}
			if errors.Is(err, domain.ErrWentBack) {
				yield(domain.RecordedEvent{}, fmt.Errorf("subscription: %w", err))
				return
			}
			if judge(err) == misplaced && !open.fromStart {
				open.fromStart = true // the server knows no event at the position: the dear way
				continue
			}
			if ctx.Err() != nil {
				err = ctx.Err()
			} else if (worthAnother(err) || judge(err) == denied || errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, errClosed)) &&
				time.Since(alive) < s.patience() && wait.sleep(ctx.Done()) {
				s.log.DebugContext(ctx, "subscription dropped; going on", "after", open.status().After, "error", err)
				continue
			}
			yield(domain.RecordedEvent{}, unavailable("subscription", err))
			return
		}
	}
}

// follow yields events of one subscription until it drops or the caller says no (more is then false). subscribed is set
// when the server had confirmed it.
func (s *Store) follow(
	ctx context.Context, open *subscription, yield func(domain.RecordedEvent, error) bool,
) (subscribed, more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := newFeed()
	open.begin(f)
	confirmed := make(chan struct{})
	after, fromStart := open.status().After, open.fromStart
	used := s.nodes.now()
	s.pump(ctx, f, open.categories, nil, func(ctx context.Context, client *esdb.Client) (source, error) {
		source, err := s.subscribe(ctx, client, after, fromStart, open.categories)
		if err == nil {
			close(confirmed)
		}
		return source, err
	})
	silent := time.NewTimer(s.timeout)
	defer silent.Stop()
	unconfirmed, sure := confirmed, false
	for t := (taken{}); ; {
		select {
		case <-f.ready:
		case <-unconfirmed:
			silent.Stop()
			subscribed, unconfirmed = true, nil
		case <-silent.C:
			used.abandon(errSilent)
			return subscribed, true, fmt.Errorf("%w for %v", errSilent, s.timeout)
		case <-ctx.Done():
			return subscribed, true, ctx.Err()
		case <-s.nodes.closed:
			return subscribed, true, errClosed
		}
		t = f.take(t.events)
		if !sure && (subscribed || len(t.events) > 0) {
			// Asked when the server has begun: what it sends is behind the event that the caller has, or of another log.
			if err := s.stillThere(ctx, open.lastTaken()); err != nil {
				return subscribed, true, err
			}
			sure = true
		}
		s.saw(t.events)
		for _, e := range t.events {
			if !yield(e, nil) {
				return true, false, nil
			}
			open.moved(e)
		}
		open.marked(t.caughtUp)
		if t.ended {
			return subscribed || len(t.events) > 0, true, t.err
		}
	}
}

func (s *Store) subscribe(
	ctx context.Context, client *esdb.Client, after domain.Position, fromStart bool, categories []string,
) (source, error) {
	options := esdb.SubscribeToAllOptions{
		From: esdb.Position{Commit: uint64(after), Prepare: uint64(after)}, Filter: esdb.ExcludeSystemEventsFilter(),
		MaxSearchWindow: searchWindow, CheckpointInterval: checkpointInterval,
	}
	if after == 0 || fromStart {
		options.From = esdb.Start{}
	}
	if prefixes := s.prefixes(categories); len(prefixes) > 0 {
		options.Filter = &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: prefixes}
	}
	inner, err := client.SubscribeToAll(ctx, options)
	return &following{inner, after}, err
}

// prefixes are what the names of the wanted streams begin with; none when that is any.
func (s *Store) prefixes(categories []string) []string {
	if categories == nil {
		if s.prefix == "" {
			return nil
		}
		return []string{s.prefix}
	}
	prefixes := make([]string, len(categories))
	for i, category := range categories {
		prefixes[i] = s.named(domain.StreamName(category + "-"))
	}
	return prefixes
}

// following is a subscription as a source; it has no end but a drop.
type following struct {
	*esdb.Subscription
	after domain.Position
}

func (f *following) next(feed *feed) (*esdb.RecordedEvent, error) {
	switch got := f.Recv(); {
	case got.EventAppeared != nil:
		e := got.EventAppeared.Event
		if e == nil || domain.Position(e.Position.Commit) <= f.after {
			return nil, nil
		}
		f.after = domain.Position(e.Position.Commit)
		return e, nil
	case got.SubscriptionDropped != nil:
		return nil, fmt.Errorf("dropped: %w", got.SubscriptionDropped.Error)
	case got.CaughtUp != nil:
		feed.mark(true)
	case got.FellBehind != nil:
		feed.mark(false)
	}
	return nil, nil
}

func (f *following) close() { _ = f.Close() } // it has no errors

// SubscriptionStatus is how one open subscription is doing.
type SubscriptionStatus struct {
	// After is the position of the last event that its consumer took.
	After domain.Position
	// CaughtUp says that the server had nothing else when it was last heard, and the consumer has taken everything.
	CaughtUp bool
	// Waiting counts the events received and not taken; the server may have more. CountAfter tells how many.
	Waiting int
	// Lag is for how long it has not been caught up, by this machine's steady time; 0 when it is.
	Lag time.Duration
	// Drops is how often the server, or the connection to it, was lost.
	Drops int
}

// Subscriptions tells how all open subscriptions are doing.
func (s *Store) Subscriptions() []SubscriptionStatus {
	s.subscriptions.mu.Lock()
	open := slices.Clone(s.subscriptions.open)
	s.subscriptions.mu.Unlock()
	all := make([]SubscriptionStatus, len(open))
	for i, o := range open {
		all[i] = o.status()
	}
	return all
}

// CountAfter counts the events after a position, up to most: how far behind somebody is who has come up to there.
func (s *Store) CountAfter(ctx context.Context, at domain.Position, most int) (int, error) {
	return count(s.ReadAll(ctx, at, domain.Forward, most))
}

func count(events iter.Seq2[domain.RecordedEvent, error]) (n int, err error) {
	for _, err := range events {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// subscriptions are those that are open.
type subscriptions struct {
	mu   sync.Mutex
	open []*subscription
}

func (s *subscriptions) add(after domain.Position, categories []string) *subscription {
	open := &subscription{
		categories: categories, now: SubscriptionStatus{After: after, Drops: -1}, feed: newFeed(), atTheEnd: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, open)
	return open
}

func (s *subscriptions) remove(closed *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *subscription) bool { return o == closed })
}

// subscription is what Subscribe notes for those who ask.
type subscription struct {
	categories []string // those of the streams that are wanted; nil for all
	fromStart  bool     // it leaves out what it has, rather than have the server begin there

	mu       sync.Mutex
	now      SubscriptionStatus
	feed     *feed
	behind   time.Time            // since when it is not caught up, as far as that was noticed; zero when it is
	last     domain.RecordedEvent // the last event taken, without what is in it; zero for none
	atTheEnd chan struct{}        // closed once it has caught up for the first time
}

func (o *subscription) begin(f *feed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.feed, o.now.CaughtUp = f, false
	o.now.Drops++
	o.note()
}

func (o *subscription) moved(e domain.RecordedEvent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now.After, o.fromStart = e.Position, false
	o.last = domain.RecordedEvent{ID: e.ID, Stream: e.Stream, Revision: e.Revision, Position: e.Position, RecordedAt: e.RecordedAt}
	o.note()
}

func (o *subscription) lastTaken() domain.RecordedEvent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (o *subscription) marked(caughtUp bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now.CaughtUp = caughtUp
	if caughtUp {
		select {
		case <-o.atTheEnd:
		default:
			close(o.atTheEnd)
		}
	}
	o.note()
}

// note keeps since when the subscription is behind, and reports whether it is; o.mu is held.
func (o *subscription) note() bool {
	switch caughtUp := o.now.CaughtUp && o.feed.waiting() == 0; {
	case caughtUp:
		o.behind = time.Time{}
	case o.behind.IsZero():
		o.behind = time.Now()
	}
	return !o.behind.IsZero()
}

func (o *subscription) status() SubscriptionStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	behind := o.note()
	now := o.now
	now.Waiting = o.feed.waiting()
	if now.CaughtUp = !behind; behind {
		now.Lag = time.Since(o.behind)
	}
	return now
}
