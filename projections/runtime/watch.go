package runtime

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	"waybill/domain"
)

// ErrLogChanged refuses what a read model of another log would show.
var ErrLogChanged = domain.Refuse(domain.KindUnavailable, "log_changed", "日志已被恢复或更换，数据须重建后方可读取",
	"the log was put back or exchanged; the data has to be built anew before it can be read")

// watchEvery is how often a node holds the checkpoints against the log.
const watchEvery = time.Second

// watch knows which checkpoints are of another log than the store's: one that was put back to a backup under us, or exchanged. The
// projectors find that out by themselves before they go on; this is for who reads what they made, on every node, and for operators.
type watch struct {
	pool      *pgxpool.Pool
	store     domain.EventStore
	all       []string // projections
	positions *Positions
	logger    *slog.Logger

	turn sync.Mutex // held while looking

	mu      sync.Mutex
	strange map[string]time.Time // since when, by projection
	times   map[string]int       // how often each has become one
	told    rate.Sometimes
}

func newWatch(c Config, all []string, positions *Positions) *watch {
	return &watch{
		pool: c.Pool, store: c.Store, all: all, positions: positions, logger: c.Logger,
		strange: map[string]time.Time{}, times: map[string]int{}, told: rate.Sometimes{Interval: sayAgain},
	}
}

// keep looks again and again until ctx ends. A look that fails changes nothing: nobody knows then.
func (w *watch) keep(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		if err := w.look(ctx, everyCheckpoint); err != nil && ctx.Err() == nil {
			w.logger.DebugContext(ctx, "the checkpoints could not be held against the log", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// How a watch looks: at every checkpoint, or, while all were of the log, at the furthest alone. They all became what they are in the same
// log, and no backup has an event and lacks one before it.
const (
	everyCheckpoint = iota
	furthestCheckpoint
)

// look holds checkpoints against the log.
func (w *watch) look(ctx context.Context, which int) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	before := w.positions.known()
	at, err := checkpointsOf(ctx, w.pool, w.all)
	if err != nil {
		return err
	}
	strange := map[string]error{}
	if which == everyCheckpoint || w.suspects() || !w.furthestFits(ctx, at) {
		if strange, err = strangers(ctx, w.store, at); err != nil {
			return err
		}
	}
	now := make(map[string]domain.Position, len(at))
	for projection, c := range at {
		now[projection] = c.position
	}
	// Where they are comes before that they may be read again.
	w.positions.catchUp(before, now)
	w.note(ctx, strange, now)
	return nil
}

// suspects reports whether a projection is of another log, as far as is known.
func (w *watch) suspects() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.strange) > 0
}

func (w *watch) furthestFits(ctx context.Context, all map[string]checkpoint) bool {
	var furthest checkpoint
	for _, at := range all {
		if at.position > furthest.position {
			furthest = at
		}
	}
	return furthest.verify(ctx, w.store) == nil
}

func (w *watch) note(ctx context.Context, strange map[string]error, now map[string]domain.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := false
	for projection := range w.strange {
		if strange[projection] == nil {
			w.positions.goBack(projection, now[projection]) // built anew, it may be at less than it was
			delete(w.strange, projection)
			changed = true
			w.logger.InfoContext(ctx, "of the log that the event store holds, again", "projection", projection)
		}
	}
	for projection := range strange {
		if _, known := w.strange[projection]; !known {
			w.strange[projection] = time.Now()
			w.times[projection]++
			changed = true
		}
	}
	if len(strange) > 0 {
		w.told.Do(func() {
			names := slices.Sorted(maps.Keys(strange))
			w.logger.ErrorContext(ctx, "the log was put back or exchanged, and what was built from the other one is not shown",
				"projections", strings.Join(names, ", "), "error", strange[names[0]])
		})
	}
	if changed {
		w.positions.wakeAll()
	}
}

// since is when a projection was found to be of another log; ok is false for one that is not.
func (w *watch) since(projection string) (at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok = w.strange[projection]
	return at, ok
}

// AnotherLog reports whether a read model, by name, was built from another log than the store holds, as far as this node has seen.
func (r *Runtime) AnotherLog(model string) bool {
	_, strange := r.watch.since(r.positions.schemas[model])
	return strange
}

// TimesExchanged is how often a read model, by name, was found to be of another log than the store's.
func (r *Runtime) TimesExchanged(model string) int {
	r.watch.mu.Lock()
	defer r.watch.mu.Unlock()
	return r.watch.times[r.positions.schemas[model]]
}

// Recheck finds out now how far the read models are, and whether they are of the log that the store holds.
func (r *Runtime) Recheck(ctx context.Context) error { return r.watch.look(ctx, furthestCheckpoint) }
