package runtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"waybill/domain"
)

// lags tells how old the oldest event is that a projection does not show. Only times of one clock are compared: what the log recorded
// with the time of the log's clock, once, when the event is first seen to wait; from then on its age grows by the steady time of this
// machine, whatever becomes of the clock. Nor is it older than what was seen to wait before it, or than a look that saw nothing wait.
type lags struct {
	mu      sync.Mutex
	waiting map[string]sighting // by projection: the first event that it does not show, or none and when that was so
	newest  sighting            // the log's last event
}

// sighting is an event, known by when it was recorded, and since when it is there, by this machine's steady time.
type sighting struct{ recordedAt, since time.Time }

// clocked is a store that knows the time of the clock that RecordedAt is of.
type clocked interface {
	Now(ctx context.Context) (time.Time, error)
}

// now is the time of the log's clock. Without one that can be asked it is no less than that its newest event was recorded at, and the
// time that this node has known that event.
func (l *lags) now(ctx context.Context, log ownLog, newest time.Time) (time.Time, error) {
	if store, ok := log.EventStore.(clocked); ok {
		return store.Now(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !newest.IsZero() {
		l.newest = l.newest.of(newest, newest)
	}
	if l.newest.since.IsZero() {
		return time.Time{}, nil
	}
	return l.newest.recordedAt.Add(time.Since(l.newest.since)), nil
}

// end is the position of the log's last event (see ownLog.end), and the time of the log's clock.
func (l *lags) end(ctx context.Context, log ownLog, known domain.Position) (head domain.Position, now time.Time, err error) {
	head, newest, err := log.end(ctx, known)
	if err != nil {
		return 0, now, err
	}
	if now, err = l.now(ctx, log, newest); err != nil {
		return 0, now, fmt.Errorf("clock of the log: %w", err)
	}
	return head, now, nil
}

// of is the lag of a projection whose next event was recorded at a time, the zero time for none, at a time of the log's clock.
func (l *lags) of(projection string, next, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[string]sighting{}
	}
	if next.IsZero() {
		l.waiting[projection] = sighting{since: time.Now()}
		return 0
	}
	seen := l.waiting[projection].of(next, now)
	l.waiting[projection] = seen
	return time.Since(seen.since)
}

// of is the sighting of an event: this one, or a first at a time of the log's clock. An event of the future, as after the clock was put
// back, is there since now, and one of long ago, as after it was put forward, since this one at most.
func (s sighting) of(recordedAt, now time.Time) sighting {
	if s.recordedAt.Equal(recordedAt) && !s.since.IsZero() {
		return s
	}
	since := time.Now().Add(-max(0, now.Sub(recordedAt)))
	if since.Before(s.since) {
		since = s.since
	}
	return sighting{recordedAt: recordedAt, since: since}
}

// newest is the log's last event; zero when there is none.
func (l ownLog) newest(ctx context.Context) (domain.RecordedEvent, error) {
	for e, err := range l.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		return e, err
	}
	return domain.RecordedEvent{}, nil
}
