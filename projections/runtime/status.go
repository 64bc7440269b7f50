package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// Status is how one read model, reaction or job of the clock is doing.
type Status struct {
	// Name is the read model's, the reaction's or the job's.
	Name     string          `json:"name"`
	Position domain.Position `json:"position"`
	// Head is the position of the log's last event.
	Head domain.Position `json:"head"`
	// LagEvents is how many events are not applied yet. Where the store's positions have gaps it is counted, up to CountedLag.
	LagEvents uint64 `json:"lag_events"`
	// Lag is the age of the oldest event that was not applied yet; 0 when there is none. A job, which is always at the head, lags by
	// the age of the first moment that is due and not done.
	Lag time.Duration `json:"lag_ns"`
	// Parked is the number of streams that stand still because an event could not be applied, or have items that were given up. It is
	// counted among CountedLetters of each.
	Parked int `json:"parked"`
	// Outdated says that this node stays out of it, and that no newer one took over (Runtime.Outdated).
	Outdated bool `json:"outdated"`
	// AnotherLog says that it was built from another log than the store holds: of this one it shows nothing, and it stands still.
	AnotherLog bool `json:"another_log"`
	// Holder is the node that works on it; empty when none does.
	Holder string `json:"holder"`
	// Job says that it is one of the clock.
	Job bool `json:"job,omitempty"`
}

// CountedLag is the most that a lag is counted to where it takes reading the events.
const CountedLag = 1000

// CountedLetters is how many dead letters are looked at to count the streams that stand still.
const CountedLetters = 1000

// counter is a store whose positions have gaps, so that how far two are apart says nothing.
type counter interface {
	// CountAfter counts the events after a position, up to most.
	CountAfter(ctx context.Context, at domain.Position, most int) (int, error)
}

// tailed is a store in which the end of the log can be far from where the next event is found, so that it keeps the end itself.
type tailed interface {
	// Tail is the position of the last event, and when it was recorded; one of ours, or 0, is at the position known. The time is zero
	// when nothing has come since that one.
	Tail(ctx context.Context, known domain.Position) (domain.Position, time.Time, error)
	// Behind counts, after a Tail, the events after a position, up to most, and tells when the first of them was recorded; the zero time
	// when there is none.
	Behind(ctx context.Context, at domain.Position, most int) (n int, first time.Time, err error)
}

// end is the position of the last event and when it was recorded, for those who ask how things are; one of ours, or 0, is at the position
// known. The time may be zero when nothing has come since that one.
func (l ownLog) end(ctx context.Context, known domain.Position) (head domain.Position, at time.Time, err error) {
	if store, ok := l.EventStore.(tailed); ok {
		head, at, err = store.Tail(ctx, known)
	} else {
		var newest domain.RecordedEvent
		newest, err = l.newest(ctx)
		head, at = newest.Position, newest.RecordedAt
	}
	if err != nil {
		return 0, at, fmt.Errorf("head of the log: %w", err)
	}
	return head, at, nil
}

// behind is how many events come after a position, of a log that ends at head, and when the first of them was recorded; the zero time
// when there is none. It comes after end.
func (l ownLog) behind(ctx context.Context, at, head domain.Position) (events uint64, first time.Time, err error) {
	if store, ok := l.EventStore.(tailed); ok {
		n, first, err := store.Behind(ctx, at, CountedLag)
		return uint64(n), first, err //nolint:gosec // never negative
	}
	if events, err = l.lagEvents(ctx, at, head); err != nil {
		return 0, first, err
	}
	for e, err := range l.ReadAll(ctx, at, domain.Forward, 1) {
		return events, e.RecordedAt, err
	}
	return events, first, nil
}

// lagEvents is how many events of the log come after a position, of which head is the last.
func (l ownLog) lagEvents(ctx context.Context, at, head domain.Position) (uint64, error) {
	store, ok := l.EventStore.(counter)
	if !ok || at >= head {
		return uint64(max(at, head) - at), nil
	}
	n, err := store.CountAfter(ctx, at, CountedLag)
	return uint64(n), err //nolint:gosec // never negative
}

// head is the position of the log's last event; 0 when there is none.
func (l ownLog) head(ctx context.Context) (domain.Position, error) {
	newest, err := l.newest(ctx)
	if err != nil {
		return 0, fmt.Errorf("head of the log: %w", err)
	}
	return newest.Position, nil
}

// ofAnother says, at a time of the log's clock, that a projection is of another log than this one, of which it has applied nothing.
func (s *Status) ofAnother(ctx context.Context, log ownLog, since, now time.Time) error {
	s.AnotherLog, s.Lag = true, time.Since(since)
	events, err := log.lagEvents(ctx, 0, s.Head)
	s.LagEvents = max(1, events)
	if err != nil {
		return err
	}
	for first, err := range log.ReadAll(ctx, 0, domain.Forward, 1) {
		if err != nil {
			return err
		}
		s.Lag = max(s.Lag, now.Sub(first.RecordedAt))
	}
	return nil
}

// Status reads how every read model, reaction and job of the clock is doing, on whichever node it runs.
func (r *Runtime) Status(ctx context.Context) ([]Status, error) {
	log, err := ownLogOf(ctx, r.pool, r.store)
	if err != nil {
		return nil, err
	}
	rows, err := r.pool.Query(ctx, `
		SELECT c.projection, c.position, coalesce(l.holder, ''),
			(SELECT count(DISTINCT stream) FROM (
				(SELECT d.stream FROM projections.dead_letters d WHERE d.projection = c.projection ORDER BY d.position LIMIT $2)
				UNION ALL (SELECT i.stream FROM projections.ledger i WHERE i.projection = c.projection AND i.state = 'given_up'
					ORDER BY i.position LIMIT $2)) parked)
		FROM projections.checkpoints c
		LEFT JOIN projections.leases l ON l.projection = c.projection AND l.expires_at > clock_timestamp()
		WHERE c.projection = ANY($1)`, r.order, CountedLetters)
	if err != nil {
		return nil, err
	}
	found := map[string]Status{}
	var (
		projection string
		s          Status
		known      domain.Position // the furthest, where an event of ours is
	)
	if _, err := pgx.ForEachRow(rows, []any{&projection, &s.Position, &s.Holder, &s.Parked}, func() error {
		found[projection] = s
		known = max(known, s.Position)
		return nil
	}); err != nil {
		return nil, err
	}
	head, now, err := r.lags.end(ctx, log, known)
	if err != nil {
		return nil, err
	}
	all := make([]Status, 0, len(r.order))
	for _, projection := range r.order {
		s := found[projection]
		s.Name, s.Head = r.names[projection], max(head, s.Position)
		s.Outdated = r.Outdated(s.Name)
		var first time.Time
		if s.LagEvents, first, err = log.behind(ctx, s.Position, s.Head); err != nil {
			return nil, fmt.Errorf("lag of %s: %w", s.Name, err)
		}
		s.Lag = r.lags.of(projection, first, now)
		if since, strange := r.watch.since(projection); strange {
			s.Head = head
			if err := s.ofAnother(ctx, log, since, now); err != nil {
				return nil, fmt.Errorf("lag of %s: %w", s.Name, err)
			}
		}
		all = append(all, s)
	}
	jobs, err := r.clock.status(ctx, head)
	if err != nil {
		return nil, fmt.Errorf("the clock: %w", err)
	}
	return append(all, jobs...), nil
}
