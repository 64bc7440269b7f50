package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"waybill/domain"
)

// ErrWentBack ends a subscription: the log does not have any more what its reader has got, as after a restore.
var ErrWentBack = errors.New("the log went back")

const (
	// lookEvery bounds how long the hub may not hear that the feed has moved, as when a parked stream goes on, which moves nothing.
	lookEvery = time.Second
	// pause is the least time between two looks: what comes meanwhile is read, encoded and handed over together. Where many are told of it,
	// most of the work is telling them, and they are told less often: pausePerReader longer for each, up to maxTelling.
	pause          = 10 * time.Millisecond
	pausePerReader = 25 * time.Microsecond
	maxTelling     = 40 * time.Millisecond
	// maxPause is how long a failing database is left alone.
	maxPause = time.Second
	// lookTimeout bounds one look.
	lookTimeout = 10 * time.Second
)

// Moves tells when a read model has moved.
type Moves interface {
	// Changed returns where the model is once that is elsewhere than it was known to be, or ctx's error.
	Changed(ctx context.Context, model string, known domain.Position) (domain.Position, error)
}

// HubConfig is what a hub needs.
type HubConfig struct {
	Queries Queries
	// Moves wakes the hub; without it, it looks once a second.
	Moves Moves
	// Wait, when given, waits until what Queries reads shows a position: it may come later there, as on a replica.
	Wait func(ctx context.Context, model string, at domain.Position) error
	// Head is the end of the log; without it, a log that goes back is not noticed here.
	Head func(context.Context) (domain.Position, error)
	// Exchanged, when given, is how often the feed was found to be of another log than there is.
	Exchanged func() int
	// Encode makes of an item what subscribers get. It is called once for an item, whoever gets it.
	Encode func(Item) []byte
	Logger *slog.Logger
}

// Hub reads what is new in the feed once, for all who follow it on this node. It works while somebody does.
type Hub struct {
	HubConfig

	mu          sync.Mutex
	subscribers map[Scope]map[*Subscription]struct{}
	count       int
	// at is up to where everything was handed over; who joins reads by itself what is before.
	at domain.Position
	// told is how many were told of what was handed over last.
	told int
	// running ends the work, with the lock held: what still works then hands over nothing any more.
	running context.CancelFunc
}

// NewHub makes a hub.
func NewHub(c HubConfig) *Hub {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{HubConfig: c, subscribers: map[Scope]map[*Subscription]struct{}{}}
}

// Subscribe follows a scope from what comes after a position. The subscription must be closed.
func (h *Hub) Subscribe(ctx context.Context, scope Scope, after domain.Position) (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running == nil {
		at, err := h.Queries.Last(ctx)
		if err != nil {
			return nil, err
		}
		h.at = at
		running, cancel := context.WithCancel(context.WithoutCancel(ctx))
		h.running = cancel
		go h.run(running, h.exchanged())
	}
	s := &Subscription{hub: h, scope: scope, cursor: after, behind: true, wake: make(chan struct{}, 1)}
	if h.subscribers[scope] == nil {
		h.subscribers[scope] = map[*Subscription]struct{}{}
	}
	h.subscribers[scope][s] = struct{}{}
	h.count++
	return s, nil
}

func (h *Hub) leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subscribers[s.scope][s]; !ok {
		return
	}
	delete(h.subscribers[s.scope], s)
	if len(h.subscribers[s.scope]) == 0 {
		delete(h.subscribers, s.scope)
	}
	if h.count--; h.count == 0 {
		h.running()
		h.running = nil
	}
}

// run hands over what is new until ctx ends. exchanged is how often the feed had been of another log before.
func (h *Hub) run(ctx context.Context, exchanged int) {
	var known domain.Position
	rest := pause
	for ctx.Err() == nil {
		if now := h.exchanged(); now != exchanged {
			exchanged = now
			h.endAll(ctx, h.position())
		}
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.Logger.WarnContext(ctx, "the feed cannot be read; its readers wait", "error", err)
			rest = min(2*rest, maxPause)
		} else {
			rest = h.rest()
		}
		sleep(ctx, rest)
		known = h.await(ctx, known)
	}
}

// rest is how long to leave the readers alone.
func (h *Hub) rest() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(pause, min(time.Duration(h.told)*pausePerReader, maxTelling))
}

// await returns when there may be something new, and where the feed is then.
func (h *Hub) await(ctx context.Context, known domain.Position) domain.Position {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if h.Moves == nil {
		<-ctx.Done()
		return known
	}
	now, err := h.Moves.Changed(ctx, Model.Name, known)
	if err != nil {
		return known
	}
	if now > 0 && now < h.position() {
		h.checkHead(ctx)
	}
	if h.Wait != nil {
		_ = h.Wait(ctx, Model.Name, now) // if it is late, what is there is read, and the rest later
	}
	return now
}

// checkHead ends all subscriptions when the log has not any more what was handed over.
func (h *Hub) checkHead(ctx context.Context) {
	if h.Head == nil {
		return
	}
	head, err := h.Head(ctx)
	if err != nil || head >= h.position() {
		return
	}
	last, err := h.Queries.Last(ctx)
	if err != nil {
		return
	}
	h.endAll(ctx, min(last, head))
}

func (h *Hub) exchanged() int {
	if h.Exchanged == nil {
		return 0
	}
	return h.Exchanged()
}

// endAll ends all subscriptions; who comes from now on gets what is after a position.
func (h *Hub) endAll(ctx context.Context, at domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	h.at = at
	for _, of := range h.subscribers {
		for s := range of {
			s.end(ErrWentBack)
		}
	}
}

// look reads all that is new, and hands it over.
func (h *Hub) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for {
		items, err := h.Queries.After(ctx, h.position(), MaxItems)
		if err != nil || len(items) == 0 {
			return err
		}
		h.hand(ctx, items)
		if len(items) < MaxItems {
			return nil
		}
	}
}

// hand gives items, in their order, to those who follow their scopes, and notes that up to there all have them.
func (h *Hub) hand(ctx context.Context, items []Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	runs := map[Scope]*run{}
	for _, item := range items {
		if len(h.subscribers[item.Scope]) == 0 {
			continue
		}
		r := runs[item.Scope]
		if r == nil {
			r = &run{}
			runs[item.Scope] = r
		}
		r.add(item.Position, h.Encode(item))
	}
	h.told = 0
	for scope, r := range runs {
		h.told += len(h.subscribers[scope])
		for s := range h.subscribers[scope] {
			s.give(r)
		}
	}
	h.at = items[len(items)-1].Position
}

// position is up to where everything was handed over.
func (h *Hub) position() domain.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
