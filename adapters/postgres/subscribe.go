package postgres

import (
	"context"
	"fmt"
	"iter"
	"time"

	"waybill/domain"
)

// poll is the safety net under the notifications.
const poll = time.Second

// readPause is the least time between two reads of a subscription that has caught up: under a steady load one read fetches
// what several commits left. An event after a quiet moment is read at once.
const readPause = 10 * time.Millisecond

// Subscribe implements domain.EventStore. Each look at the log begins with the event that was yielded last, so that nothing is yielded of
// a log that was put in its place. Appends of this process wake it directly, those of others by notification.
func (s *EventStore) Subscribe(ctx context.Context, after domain.Position) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		s.listening.Do(func() { s.background.Go(s.listen) })
		ticker := time.NewTicker(poll)
		defer ticker.Stop()
		w := forward(after)
		for {
			known, _ := s.tail.state()
			pause := time.After(readPause)
			for e, err := range s.read(ctx, w, domain.NoLimit) {
				if !yield(e, err) || err != nil {
					return
				}
				w.passed(e)
			}
			if err := s.wait(ctx, max(domain.Position(w.at), known), ticker.C); err != nil { //nolint:gosec // never negative
				yield(domain.RecordedEvent{}, fmt.Errorf("subscription: %w", err))
				return
			}
			select {
			case <-pause:
			case <-ctx.Done():
			}
		}
	}
}

// wait returns when the log has grown past a position, or it is time to look anyway.
func (s *EventStore) wait(ctx context.Context, past domain.Position, tick <-chan time.Time) error {
	for {
		head, grown := s.tail.state()
		if head > past {
			return nil
		}
		select {
		case <-grown:
		case <-tick:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return errClosed
		}
	}
}
