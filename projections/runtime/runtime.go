// Package runtime keeps read models equal to a fold of the log: a Watermill subscriber over the event store, one projector for each
// read model, and what operators need to rebuild, compare and repair them. Reactions run on it too.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/projections"
)

// DefaultLeaseTTL is how long a node that died keeps the others from taking over its projectors.
const DefaultLeaseTTL = 3 * time.Second

// Config is what the projectors and reactions of one node need.
type Config struct {
	// Pool is the database of the read models. Each projector and reaction uses up to two connections at a time, one that
	// delivers ten more, and the runtime one outside the pool. None is waited for with another in hand.
	Pool  *pgxpool.Pool
	Store domain.EventStore
	// Models must have been prepared (Prepare).
	Models []projections.ReadModel
	// Reactions are the side effects; see Reactions.
	Reactions []Reaction
	// Jobs are what the clock does.
	Jobs []Job
	// Vocabulary is what the binary knows of the log; KnownVocabulary when it is zero.
	Vocabulary Vocabulary
	// Owner names the node in leases, health and logs.
	Owner string
	// Logger and Registerer may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// MaxWait bounds Positions.Wait; 0 is DefaultMaxWait.
	MaxWait time.Duration
	// LeaseTTL is DefaultLeaseTTL when 0.
	LeaseTTL time.Duration
	// Now is the time by which jobs are due; nil for the database's, which all nodes share.
	Now func(context.Context) (time.Time, error)
	// ClockLook is how long the clock waits at most before it asks Now again; 10 s when 0.
	ClockLook time.Duration
}

// Runtime is the projectors and reactions of one node at work.
type Runtime struct {
	pool      *pgxpool.Pool
	store     domain.EventStore
	positions *Positions
	order     []string          // projections: read models, then reactions
	names     map[string]string // by projection
	outdated  outdated
	watch     *watch
	clock     *clock
	lags      lags

	stop context.CancelFunc
	work sync.WaitGroup
}

// Start sets a projector to work for each model and reaction, and the clock; those that another node holds wait for it to go.
// They work until Close, also after ctx has ended. ErrAnotherLog says that a checkpoint is of another log than the store's.
func Start(ctx context.Context, c Config) (*Runtime, error) {
	if c.Pool == nil || c.Store == nil {
		return nil, errors.New("runtime: a pool and a store are needed")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Vocabulary.Types == nil {
		c.Vocabulary = KnownVocabulary()
	}
	if c.LeaseTTL <= 0 {
		c.LeaseTTL = DefaultLeaseTTL
	}
	if err := checkJobs(c.Jobs); err != nil {
		return nil, err
	}
	if err := verifyAll(ctx, c.Pool, c.Store, projectionsOf(c)); err != nil {
		return nil, err
	}
	r := &Runtime{
		pool: c.Pool, store: c.Store, names: map[string]string{},
		outdated:  outdated{since: map[string]time.Time{}, grace: takeOver * c.LeaseTTL},
		positions: newPositions(c.Pool, c.Models, c.MaxWait, c.Logger),
	}
	r.watch = newWatch(c, projectionsOf(c), r.positions)
	r.positions.strange = func(projection string) bool {
		_, strange := r.watch.since(projection)
		return strange
	}
	holder := c.Owner + "/" + uuid.NewString()
	r.clock = newClock(c, holder, r.positions)
	r.clock.look = r.Recheck
	metrics, err := newMetrics(c.Registerer, r.Status, r.Writable)
	if err != nil {
		return nil, fmt.Errorf("metrics of projections: %w", err)
	}
	r.clock.metrics = metrics
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.work.Go(func() { r.positions.follow(ctx) })
	r.work.Go(func() { r.positions.announce(ctx) })
	r.work.Go(func() { r.watch.keep(ctx) })
	here := presence{pool: c.Pool, holder: holder, projections: projectionsOf(c)}
	r.work.Go(func() { here.keep(ctx, c.Logger) })
	for _, m := range c.Models {
		r.order = append(r.order, m.Schema)
		r.names[m.Schema] = m.Name
		p := &projector{
			target:  newTarget(c.Pool, m, m.Schema, c.Vocabulary),
			store:   c.Store,
			lease:   lease{pool: c.Pool, projection: m.Schema, holder: holder, ttl: c.LeaseTTL},
			logger:  c.Logger.With("projection", m.Name),
			metrics: metrics,
			moved:   r.positions.projected,
		}
		outdated := r.outdated.of(m.Name, metrics)
		r.work.Go(func() { p.lease.keepWorking(ctx, p.logger, outdated, p.project) })
	}
	for _, reaction := range c.Reactions {
		r.order = append(r.order, reaction.StoredName)
		r.names[reaction.StoredName] = reaction.Name
		a := &reactor{
			pool: c.Pool, store: c.Store, reaction: reaction, reader: newReader(c.Vocabulary, reaction.Applies), metrics: metrics,
			lease:  lease{pool: c.Pool, projection: reaction.StoredName, holder: holder, ttl: c.LeaseTTL},
			logger: c.Logger.With("reaction", reaction.Name), due: make(chan struct{}, 1),
		}
		outdated := r.outdated.of(reaction.Name, metrics)
		r.work.Go(func() { a.lease.keepWorking(ctx, a.logger, outdated, a.react) })
	}
	if len(c.Jobs) > 0 {
		r.work.Go(func() { r.clock.lease.keepWorking(ctx, c.Logger, func(bool) {}, r.clock.run) })
	}
	return r, nil
}

func projectionsOf(c Config) []string {
	var all []string
	for _, m := range c.Models {
		all = append(all, m.Schema)
	}
	for _, reaction := range c.Reactions {
		all = append(all, reaction.StoredName)
	}
	return all
}

// Positions tells how far the read models are.
func (r *Runtime) Positions() *Positions { return r.positions }

// Close stops the work, gives the leases up, and waits until ctx ends at most.
func (r *Runtime) Close(ctx context.Context) error {
	r.stop()
	done := make(chan struct{})
	go func() {
		r.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("projectors are still stopping: %w", ctx.Err())
	}
}
