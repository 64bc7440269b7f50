package eventstoredb

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/domain"
)

// The end of our log can be far from the end of the server's: others may have written any number of events since our last. Whoever asks
// often, such as a probe, must not search for it each time, so a subscription, whose filter is the server's work, keeps it.

const (
	// tailMarks is how many of the newest events are remembered at least.
	tailMarks = 1024
	// tailPatience bounds the first wait for the subscription to have caught up: older servers never say that it has.
	tailPatience = 2 * time.Second
)

// mark is an event without what it says.
type mark struct {
	position domain.Position
	at       time.Time
}

// tail is the end of the log of some categories.
type tail struct {
	store      *Store
	categories []string

	mu   sync.Mutex
	open *subscription // nil while nobody follows
	// marks are all the events of ours after the position from, as far as they have come.
	from  domain.Position
	marks []mark
	// newest is the last event there was when the server's log ended at upTo, whoever wrote what is in between; nil for none.
	newest *domain.RecordedEvent
	upTo   domain.Position
}

// tails are those that somebody asked for.
type tails struct {
	mu  sync.Mutex
	all map[string]*tail
}

func (s *Store) tail(categories []string) *tail {
	t := &s.tails
	t.mu.Lock()
	defer t.mu.Unlock()
	key := strings.Join(categories, "\x00")
	if t.all[key] == nil {
		if t.all == nil {
			t.all = map[string]*tail{}
		}
		t.all[key] = &tail{store: s, categories: categories}
	}
	return t.all[key]
}

// Tail is the position of the last event, and when it was recorded; one of ours, or 0, is at the position known. The time is zero when
// nothing has come since that one. It asks the server whether it is there, and for
// the rest relies on what a subscription has heard, which may be a moment late: it is for those who ask how things are.
func (o *own) Tail(ctx context.Context, known domain.Position) (head domain.Position, at time.Time, err error) {
	if err := o.present(ctx); err != nil {
		return 0, at, err
	}
	t := o.tail(o.categories)
	open := t.follow(known)
	patience := time.NewTimer(tailPatience)
	defer patience.Stop()
	select {
	case <-open.atTheEnd:
	case <-patience.C:
	case <-ctx.Done():
		return 0, at, unavailable("end of the log", ctx.Err())
	}
	head, at = t.end()
	return head, at, nil
}

// Behind counts the events after a position, up to most, and tells when the first of them was recorded; the zero time when there is none.
// It knows what Tail knows.
func (o *own) Behind(ctx context.Context, at domain.Position, most int) (n int, first time.Time, err error) {
	from, n, first, ok := o.tail(o.categories).behind(at)
	if ok {
		return min(n, most), first, nil
	}
	later := n
	n = 0
	// Further behind than what is remembered, so that events of ours come, up to there.
	for e, err := range o.ReadAll(ctx, at, domain.Forward, most) {
		if err != nil {
			return 0, time.Time{}, err
		}
		if n++; n == 1 {
			first = e.RecordedAt
		}
		if e.Position >= from {
			break
		}
	}
	return min(n+later, most), first, nil
}

// present asks the server for its newest event, whoever wrote it, and again after what passes, as a read does.
func (s *Store) present(ctx context.Context) error {
	var wait backoff
	for begun := time.Now(); ; {
		err := s.tryReading(ctx)
		switch {
		case err == nil:
			return nil
		case worthAnother(err) && ctx.Err() == nil && time.Since(begun) < s.patience() && wait.sleep(ctx.Done()):
			continue
		}
		return unavailable("end of the log", err)
	}
}

// follow begins to follow the log after a position, unless somebody does already.
func (t *tail) follow(after domain.Position) *subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open != nil {
		return t.open
	}
	open := t.store.subscriptions.add(after, t.categories)
	t.open, t.from, t.marks = open, after, nil
	go func() {
		for e, err := range t.store.keepOpen(context.Background(), open) { // until the store is closed
			if err != nil {
				break
			}
			t.add(mark{e.Position, e.RecordedAt})
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.open = nil // what it knew may be of a log that is no more: the next who asks says where to begin
	}()
	return open
}

func (t *tail) add(m mark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.marks) >= 2*tailMarks {
		t.from = t.marks[tailMarks-1].position
		t.marks = slices.Delete(t.marks, 0, tailMarks)
	}
	t.marks = append(t.marks, m)
}

// end is the last event that has come, and when it was recorded.
func (t *tail) end() (domain.Position, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.marks); n > 0 {
		return t.marks[n-1].position, t.marks[n-1].at
	}
	return t.from, time.Time{}
}

// behind is what comes after a position. When that is before all that is remembered (ok is false), it is what comes after the position
// from instead, which else is that of the last event.
func (t *tail) behind(at domain.Position) (from domain.Position, n int, first time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at < t.from {
		return t.from, len(t.marks), first, false
	}
	from = t.from
	if len(t.marks) > 0 {
		from = t.marks[len(t.marks)-1].position
	}
	i, _ := slices.BinarySearchFunc(t.marks, at, func(m mark, p domain.Position) int {
		if m.position <= p {
			return -1
		}
		return 1
	})
	if n = len(t.marks) - i; n > 0 {
		first = t.marks[i].at
	}
	return from, n, first, true
}

// newest yields the newest event of some categories, nil for all, if there is one. What was searched before, among the events of others, is
// not searched again.
func (s *Store) newest(ctx context.Context, categories []string) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		t := s.tail(categories)
		t.mu.Lock()
		known, upTo := t.newest, t.upTo
		t.mu.Unlock()
		var (
			end      domain.Position // of the server's log
			wentBack bool
			found    *domain.RecordedEvent
		)
		search := s.backward(ctx, categories, func(e *esdb.RecordedEvent) bool {
			at := domain.Position(e.Position.Commit)
			if end == 0 {
				end, wentBack = at, at < upTo
			}
			return wentBack || at > upTo
		})
		for e, err := range search {
			if err != nil {
				yield(e, err)
				return
			}
			found = &e
		}
		if found == nil && known != nil && !wentBack {
			there, err := s.holds(ctx, known)
			if err != nil {
				yield(domain.RecordedEvent{}, err)
				return
			}
			if !there {
				t.forget()
				s.newest(ctx, categories)(yield)
				return
			}
			found = known
		}
		t.remember(found, end)
		if found != nil {
			yield(*found, nil)
		}
	}
}

// holds reports whether an event is still where it was: its stream may have been deleted.
func (s *Store) holds(ctx context.Context, event *domain.RecordedEvent) (bool, error) {
	for e, err := range s.ReadStream(ctx, event.Stream, event.Revision, domain.Forward, 1) {
		var refused *esdb.Error
		if errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeStreamDeleted {
			return false, nil
		}
		return err == nil && e.ID == event.ID && e.Position == event.Position, err
	}
	return false, nil
}

func (t *tail) remember(newest *domain.RecordedEvent, upTo domain.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest, t.upTo = newest, upTo
}

func (t *tail) forget() { t.remember(nil, 0) }
