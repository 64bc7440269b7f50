package runtime

import (
	"context"
	"sync"
	"time"

	"waybill/domain"
)

// lags tells how old the oldest event is that a projection does not show. Only times of one clock are compared: what the log recorded
// with the time of the log's clock, once, when the event is first seen to wait; from then on its age grows by the steady time of this
// machine, whatever becomes of the clock.
type lags struct {
	mu      sync.Mutex
	waiting map[string]sighting // by projection: the first event that it does not show
	newest  sighting            // the log's last event
}

// sighting is an event, and since when it is there, by this machine's steady time.
type sighting struct {
	position   domain.Position
	recordedAt time.Time
	since      time.Time
}

// clocked is a store that knows the time of the clock that RecordedAt is of.
type clocked interface {
	Now(ctx context.Context) (time.Time, error)
}

// now is the time of the log's clock. Without one that can be asked it is no less than that its newest event was recorded at, and the
// time that this node has known that event.
func (l *lags) now(ctx context.Context, log ownLog, newest domain.RecordedEvent) (time.Time, error) {
	if store, ok := log.EventStore.(clocked); ok {
		return store.Now(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest = l.newest.of(newest, newest.RecordedAt)
	return l.newest.recordedAt.Add(time.Since(l.newest.since)), nil
}

// of is the lag of a projection whose next event is next, at a time of the log's clock.
func (l *lags) of(projection string, next domain.RecordedEvent, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[string]sighting{}
	}
	seen := l.waiting[projection].of(next, now)
	l.waiting[projection] = seen
	return time.Since(seen.since)
}

// lag is how old the first event after a position is, at a time of the log's clock; 0 when there is none.
func (l *lags) lag(ctx context.Context, log ownLog, projection string, at domain.Position, now time.Time) (time.Duration, error) {
	for e, err := range log.ReadAll(ctx, at, domain.Forward, 1) {
		if err != nil {
			return 0, err
		}
		return l.of(projection, e, now), nil
	}
	l.none(projection)
	return 0, nil
}

// none notes that a projection shows all there is.
func (l *lags) none(projection string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, projection)
}

// of is the sighting of an event: this one, or a first at a time of the log's clock. An event of the future, as after the clock was put
// back, is there since now.
func (s sighting) of(e domain.RecordedEvent, now time.Time) sighting {
	if s.position == e.Position && s.recordedAt.Equal(e.RecordedAt) && !s.since.IsZero() {
		return s
	}
	return sighting{position: e.Position, recordedAt: e.RecordedAt, since: time.Now().Add(-max(0, now.Sub(e.RecordedAt)))}
}

// newest is the log's last event; zero when there is none.
func (l ownLog) newest(ctx context.Context) (domain.RecordedEvent, error) {
	for e, err := range l.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		return e, err
	}
	return domain.RecordedEvent{}, nil
}
