package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	"waybill/domain"
)

const rollbackTimeout = 2 * time.Second

// sayAgain is how often the log repeats what stays as it is until somebody mends it.
const sayAgain = time.Minute

// errLeaseLost says that another node holds the lease, or that nobody could say in time that we still do.
var errLeaseLost = errors.New("lease was lost")

// lease makes one node the only one that works on a projection. The database's clock decides, not the nodes'; a jump of that neither
// keeps a dead holder's lease nor takes a living one's. A lease alone
// would not be safe (its holder can freeze and wake up): what it guards is the checkpoint, by the epoch.
type lease struct {
	pool       *pgxpool.Pool
	projection string
	// holder is unique to the process, also when two are given the same owner.
	holder string
	// ttl is how long a dead holder's lease keeps others out.
	ttl time.Duration
	// every is the pause between two heartbeats, and between two looks at what another holds; a third of ttl when 0.
	every time.Duration
}

func (l lease) pause() time.Duration {
	if l.every > 0 {
		return l.every
	}
	return l.ttl / 3
}

// hold waits for the lease, runs work with it, and gives it up. It ends with ctx or with work's error; when the lease is
// lost, work's context is cancelled at once.
func (l lease) hold(ctx context.Context, work func(context.Context) error) error {
	var other rival
	var sure time.Time // until when it is ours at least, by our own steady time: the answer may have been long on its way
	for {
		sure = time.Now().Add(l.ttl)
		taken, err := l.take(ctx, &other)
		if err != nil {
			return fmt.Errorf("take the lease of %s: %w", l.projection, err)
		}
		if taken && time.Now().Before(sure) {
			break
		}
		select {
		case <-time.After(l.pause()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	working, stop := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		l.beat(working, sure, stop)
	}()
	err := work(working)
	if cause := context.Cause(working); errors.Is(cause, errLeaseLost) {
		err = cause
	}
	stop(nil)
	<-beating
	return errors.Join(err, l.release(ctx))
}

// keepWorking works under the lease until ctx ends: it waits for the lease, and starts the work again after an error. When
// the work has come to an event that this binary does not know, it leaves the lease to others; outdated is told.
func (l lease) keepWorking(ctx context.Context, log *slog.Logger, outdated func(bool), work func(context.Context) error) {
	var wait backoff
	// What all of us would say at every attempt: that the log is another one, that a store is away.
	another, away := rate.Sometimes{Interval: sayAgain}, rate.Sometimes{Interval: sayAgain}
	for ctx.Err() == nil {
		started := time.Now()
		err := l.hold(ctx, work)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > time.Minute {
			wait.reset()
		}
		var unknown *UnknownEventError
		switch {
		case errors.As(err, &unknown):
			outdated(true)
			log.ErrorContext(ctx, "staying out until a newer version of Waybill has read on", "error", err)
			l.stayOut(ctx, unknown.Event.Position)
			outdated(false)
			continue
		case errors.Is(err, ErrAnotherLog):
			another.Do(func() { log.ErrorContext(ctx, "stands still", "error", err) })
		case superseded(err), errors.Is(err, errLeaseLost):
			log.InfoContext(ctx, "going on from the checkpoint", "error", err)
		default:
			level := quieter(slog.LevelError, err)
			if isAway(err) {
				loud := level
				level = slog.LevelDebug
				away.Do(func() { level = loud })
			}
			log.Log(ctx, level, "stopped by an error; going on from the checkpoint", "error", err)
		}
		wait.sleep(ctx)
	}
}

// stayOut waits until the checkpoint has come to an event that we cannot read, or has been put back: somebody else took over.
func (l lease) stayOut(ctx context.Context, unknown domain.Position) {
	ticker := time.NewTicker(l.pause())
	defer ticker.Stop()
	var before domain.Position
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var at domain.Position
		err := l.pool.QueryRow(ctx, `SELECT position FROM projections.checkpoints WHERE projection = $1`, l.projection).Scan(&at)
		if err == nil && (at >= unknown || at < before) {
			return
		}
		before = max(before, at)
	}
}

// rival is a lease of somebody else as it was seen: until when it is, and since when that has not changed, by our own steady time.
type rival struct {
	until time.Time
	since time.Time
}

// take tries to get the lease: it is free, expired, or ours already. One that expires while its holder renews it is not: the database's
// clock was put forward. One that is longer than a lease can be is void, as after the clock was put back: its holder, if there is one,
// has renewed it within ttl.
func (l lease) take(ctx context.Context, other *rival) (bool, error) {
	first := other.until.IsZero()
	var still, void time.Time
	if seen := time.Since(other.since); !first && seen >= 2*l.pause() {
		still = other.until
		if seen >= l.ttl {
			void = other.until
		}
	}
	var holder string
	var until time.Time
	var batch pgx.Batch
	batch.Queue(`
		INSERT INTO projections.leases AS l (projection, holder, expires_at) VALUES ($1, $2, clock_timestamp() + $3::interval)
		ON CONFLICT (projection) DO UPDATE SET holder = $2, expires_at = clock_timestamp() + $3::interval
		WHERE l.holder = $2 OR l.expires_at < clock_timestamp() AND ($4 OR l.expires_at = $5)
			OR l.expires_at = $6 AND l.expires_at > clock_timestamp() + $3::interval`,
		l.projection, l.holder, l.ttl, first, still, void)
	batch.Queue(`SELECT holder, expires_at FROM projections.leases WHERE projection = $1`, l.projection).
		QueryRow(func(row pgx.Row) error { return row.Scan(&holder, &until) })
	if err := l.pool.SendBatch(ctx, &batch).Close(); err != nil && !errors.Is(err, pgx.ErrNoRows) { // given up just now
		return false, err
	}
	if !until.Equal(other.until) {
		*other = rival{until: until, since: time.Now()}
	}
	return holder == l.holder, nil
}

// beat renews the lease, which is ours until sure, until ctx ends, or stops the work when it is lost.
func (l lease) beat(ctx context.Context, sure time.Time, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(l.pause())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		attempt, cancel := context.WithDeadline(ctx, sure)
		// Also when it seems over, as after the clock was put forward: while nobody has taken it, it is ours.
		tag, err := l.pool.Exec(attempt, `UPDATE projections.leases SET expires_at = clock_timestamp() + $3::interval
			WHERE projection = $1 AND holder = $2`, l.projection, l.holder, l.ttl)
		cancel()
		switch {
		case err == nil && tag.RowsAffected() == 1:
			sure = asked.Add(l.ttl)
		case err == nil, time.Now().After(sure):
			stop(fmt.Errorf("%s: %w", l.projection, errLeaseLost))
			return
		}
	}
}

// release lets the next node take over at once.
func (l lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := l.pool.Exec(ctx, `DELETE FROM projections.leases WHERE projection = $1 AND holder = $2`, l.projection, l.holder); err != nil {
		return fmt.Errorf("release the lease of %s: %w", l.projection, err)
	}
	return nil
}

// lock keeps the lease ours until tx ends, in which what it guards gets a new epoch; errLeaseLost when it is another's.
func (l lease) lock(ctx context.Context, tx pgx.Tx) error {
	// A holder frozen in its batch is cut off within 5 s (beginBriefly); we come back for it, and renew our lease meanwhile.
	if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '500ms'`); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `SELECT FROM projections.leases
		WHERE projection = $1 AND holder = $2 FOR UPDATE`, l.projection, l.holder)
	if err == nil && tag.RowsAffected() != 1 {
		err = errLeaseLost
	}
	return err
}

// claim reads the checkpoint under a new epoch, which fences out everybody who knows an older one.
func (l lease) claim(ctx context.Context) (checkpoint, error) {
	var at checkpoint
	err := pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
		if err := l.lock(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			INSERT INTO projections.checkpoints AS c (projection, epoch) VALUES ($1, 1)
			ON CONFLICT (projection) DO UPDATE SET epoch = c.epoch + 1
			RETURNING position, epoch, `+identityColumns, l.projection).Scan(append([]any{&at.position, &at.epoch}, at.event.scan()...)...)
	})
	if err != nil {
		return at, fmt.Errorf("claim the checkpoint of %s: %w", l.projection, err)
	}
	return at, nil
}
