package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

const (
	// clockLease is what the lease of all jobs is kept under.
	clockLease = "clock"
	// clockLook is how long nobody looks at the clock at most: so late it is noticed that it was put forward.
	clockLook = 10 * time.Second
	// turnTimeout bounds one attempt at a turn.
	turnTimeout = time.Minute
)

// clock does the jobs of the whole cluster while it holds the lease.
type clock struct {
	pool      *pgxpool.Pool
	store     domain.EventStore
	jobs      []Job
	lease     lease
	positions *Positions
	logger    *slog.Logger
	metrics   *metrics
	// now is the time by which moments come.
	now func(context.Context) (time.Time, error)
	// every is clockLook, or less in a test.
	every time.Duration
	// look holds the read models against the log.
	look func(context.Context) error
}

// bookmark says up to which moment a job is done, and under which epoch that may be moved.
type bookmark struct {
	done  time.Time
	epoch int64
}

func newClock(c Config, holder string, positions *Positions) *clock {
	if c.Now == nil {
		c.Now = databaseTime(c.Pool)
	}
	if c.ClockLook <= 0 {
		c.ClockLook = clockLook
	}
	return &clock{
		pool: c.Pool, store: c.Store, jobs: c.Jobs, positions: positions, logger: c.Logger, now: c.Now, every: c.ClockLook,
		look:  func(context.Context) error { return nil },
		lease: lease{pool: c.Pool, projection: clockLease, holder: holder, ttl: c.LeaseTTL},
	}
}

// databaseTime is the time of the database, which all nodes share, as for leases.
func databaseTime(pool *pgxpool.Pool) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (now time.Time, err error) {
		err = pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
		return now.UTC(), err
	}
}

// run does what is due, and what comes due, until ctx ends, the lease is lost, or somebody else moves a bookmark.
func (c *clock) run(ctx context.Context) error {
	begun, err := c.claim(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for i, job := range c.jobs {
		all.Go(func() {
			if err := c.keep(ctx, job, begun[i]); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// claim reads the bookmarks under new epochs, which fences out everybody who knows older ones. A job that has none begins with the
// first moment after now.
func (c *clock) claim(ctx context.Context) ([]bookmark, error) {
	now, err := c.now(ctx)
	if err != nil {
		return nil, fmt.Errorf("time of the clock: %w", err)
	}
	begun := make([]bookmark, len(c.jobs))
	err = durably(ctx, c.pool, func(tx pgx.Tx) error {
		if err := c.lease.lock(ctx, tx); err != nil {
			return err
		}
		for i, job := range c.jobs {
			err := tx.QueryRow(ctx, `INSERT INTO projections.clock AS c (job, done, epoch) VALUES ($1, $2, 1)
				ON CONFLICT (job) DO UPDATE SET epoch = c.epoch + 1 RETURNING done, epoch`, job.StoredName, job.latest(now)).
				Scan(&begun[i].done, &begun[i].epoch)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim the bookmarks of the clock: %w", err)
	}
	return begun, nil
}

// keep does one job until ctx ends. It returns an error only when the bookmarks, or the lease, have to be taken anew.
func (c *clock) keep(ctx context.Context, job Job, at bookmark) error {
	log := c.logger.With("job", job.Name)
	var wait backoff
	for ctx.Err() == nil {
		now, err := c.now(ctx)
		if err == nil {
			at, err = c.catchUp(ctx, log, job, at, now)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			wait.reset()
			pause(ctx, min(max(job.after(at.done).Sub(now), 0), c.every))
		case superseded(err), errors.Is(err, domain.ErrUnknownType):
			return fmt.Errorf("%s: %w", job.Name, err)
		default:
			c.metrics.retried(job.Name)
			log.Log(ctx, quieter(slog.LevelWarn, err), "what is due was not done; trying again", "error", err)
			wait.sleep(ctx)
		}
	}
	return ctx.Err()
}

// catchUp does what is due at an instant, the oldest first, and moves the bookmark after each.
func (c *clock) catchUp(ctx context.Context, log *slog.Logger, job Job, at bookmark, now time.Time) (bookmark, error) {
	if job.after(now).Before(at.done) {
		log.WarnContext(ctx, "the clock went back: what it does from now on may have been done before", "done", at.done, "now", now)
		return c.move(ctx, job, at, job.latest(now))
	}
	for {
		moment, passed, due := job.due(at.done, now)
		if !due {
			return at, nil
		}
		if passed > 0 && job.MakeUp > 0 {
			log.WarnContext(ctx, "moments are passed over: nobody was there for too long",
				"passed", passed, "after", at.done, "next", moment)
		}
		if err := c.do(ctx, job, job.turn(moment, now)); err != nil {
			return at, err
		}
		var err error
		if at, err = c.move(ctx, job, at, moment); err != nil {
			return at, err
		}
	}
}

// do does one turn once the read models that it needs show what the log has.
func (c *clock) do(ctx context.Context, job Job, turn Turn) error {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	if len(job.Needs) > 0 {
		if err := c.look(ctx); err != nil { // they may be of another log, or at less than they were
			return err
		}
		log, err := ownLogOf(ctx, c.pool, c.store)
		if err != nil {
			return err
		}
		head, err := log.head(ctx)
		if err != nil {
			return err
		}
		for _, model := range job.Needs {
			if err := c.positions.Wait(ctx, model, head); err != nil {
				return fmt.Errorf("read model %s: %w", model, err)
			}
		}
	}
	return guarded("job", func() error { return job.Do(ctx, turn) })
}

// move puts the bookmark of a job to a moment, unless somebody else did meanwhile.
func (c *clock) move(ctx context.Context, job Job, at bookmark, done time.Time) (bookmark, error) {
	err := durably(ctx, c.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE projections.clock SET done = $3, moved_at = clock_timestamp() WHERE job = $1 AND epoch = $2`,
			job.StoredName, at.epoch, done)
		if err == nil && tag.RowsAffected() == 0 {
			err = errFenced
		}
		return err
	})
	if err != nil {
		return at, fmt.Errorf("bookmark of %s: %w", job.Name, err)
	}
	at.done = done
	return at, nil
}

// status is how each job is doing, whichever node does it: its lag is the age of the first moment that is due and not done.
func (c *clock) status(ctx context.Context, head domain.Position) ([]Status, error) {
	if len(c.jobs) == 0 {
		return nil, nil
	}
	now, err := c.now(ctx)
	if err != nil {
		return nil, err
	}
	var holder string
	if err := c.pool.QueryRow(ctx, `SELECT coalesce(max(holder), '') FROM projections.leases
		WHERE projection = $1 AND expires_at > clock_timestamp()`, clockLease).Scan(&holder); err != nil {
		return nil, err
	}
	rows, err := c.pool.Query(ctx, `SELECT job, done FROM projections.clock`)
	if err != nil {
		return nil, err
	}
	found := map[string]time.Time{}
	var (
		job  string
		done time.Time
	)
	if _, err := pgx.ForEachRow(rows, []any{&job, &done}, func() error { found[job] = done; return nil }); err != nil {
		return nil, err
	}
	all := make([]Status, len(c.jobs))
	for i, j := range c.jobs {
		all[i] = Status{Name: j.Name, Position: head, Head: head, Holder: holder, Job: true}
		if done, begun := found[j.StoredName]; begun {
			all[i].Lag = max(0, now.Sub(j.after(done)))
		}
	}
	return all, nil
}

// pause waits so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
