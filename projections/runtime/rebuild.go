package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// Bounds of a rebuild.
const (
	rebuildBatchEvents = 5000
	// rebuildClose is how few events the last look at the log may have brought before a rebuild stops the live projector to
	// switch. (How far two positions are apart says nothing: they may have gaps.)
	rebuildClose = 2000
	// oldTables is what the name of the schema ends with that holds the tables before the last rebuild until nobody reads them.
	oldTables = "_old"
)

// ErrRebuilding says that the same read model is being rebuilt or compared already, on this or another node.
var ErrRebuilding = errors.New("the read model is being rebuilt or compared already")

// Progress is how far a rebuild is.
type Progress struct {
	Position, Head domain.Position
	// Applied counts the events of the model that were written.
	Applied int
}

// Rebuild fills a read model anew beside the live one, from the whole log, and puts it in its place in one transaction.
// Readers and the live projector go on meanwhile; readers see the old tables or the new, and never a position before one
// they saw. What an interrupted rebuild left behind is dropped by the next. An UnknownEventError says that a newer binary
// must do it. It returns the number of events applied.
// progress may be nil.
func Rebuild(
	ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, model projections.ReadModel, progress func(Progress),
) (int, error) {
	r := rebuild{
		target: newTarget(pool, model, model.Schema+"_next", KnownVocabulary()),
		store:  store, live: model.Schema, old: model.Schema + oldTables, progress: progress,
	}
	if err := r.exclusively(ctx, r.run); err != nil {
		return r.applied, fmt.Errorf("rebuild %s: %w", model.Name, err)
	}
	return r.applied, nil
}

// exclusively works while nobody else rebuilds or compares the same read model, on any node.
func (r *rebuild) exclusively(ctx context.Context, work func(context.Context) error) error {
	taken, err := withSessionLock(ctx, r.pool, func(ctx context.Context, conn *pgx.Conn) (free bool, err error) {
		err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, hashtext($2))`, lockRebuild, r.live).Scan(&free)
		return free, err
	}, work)
	if err == nil && !taken {
		err = ErrRebuilding
	}
	return err
}

type rebuild struct {
	target
	store     domain.EventStore
	live, old string
	progress  func(Progress)
	at        checkpoint
	// applied counts the events of the model that were written, passed those of the log that were read.
	applied, passed int
}

func (r *rebuild) run(ctx context.Context) error {
	if err := errors.Join(drop(ctx, r.pool, r.schema), drop(ctx, r.pool, r.old)); err != nil {
		return err
	}
	if r.model.Views != nil {
		if err := dropRetired(ctx, r.pool, r.model.Views); err != nil {
			return err
		}
	}
	if err := r.create(ctx); err != nil {
		return err
	}
	head, err := r.head(ctx)
	if err != nil {
		return err
	}
	if err := r.follow(ctx, head); err != nil {
		return err
	}
	if err := r.index(ctx); err != nil {
		return err
	}
	if err := r.followClose(ctx, r.head); err != nil {
		return err
	}
	if err := r.swap(ctx); err != nil {
		return err
	}
	return r.dropOld(ctx)
}

// dropOld drops the old tables, with the views over them. Who reads the views may do so for longer than we wait: what is left goes with
// the next rebuild, or with Prune.
func (r *rebuild) dropOld(ctx context.Context) error {
	err := drop(ctx, r.pool, r.old)
	if r.model.Views == nil {
		return err
	}
	if err = errors.Join(err, dropRetired(ctx, r.pool, r.model.Views)); err != nil && ctx.Err() == nil && transient(err) {
		return nil
	}
	return err
}

// create makes the empty tables, and finds out which log they are to be filled from.
func (r *rebuild) create(ctx context.Context) (err error) {
	if r.log, err = ownLogOf(ctx, r.pool, r.store); err != nil {
		return err
	}
	return pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
		if err := createIn(ctx, tx, r.model, r.schema); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT position, epoch FROM projections.checkpoints WHERE projection = $1`, r.schema).
			Scan(&r.at.position, &r.at.epoch)
	})
}

func (r *rebuild) head(ctx context.Context) (head domain.Position, err error) {
	for e, failure := range r.log.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		head, err = e.Position, failure
	}
	return head, err
}

// followClose applies the log up to a position that moves on, until that brings only a few events.
func (r *rebuild) followClose(ctx context.Context, to func(context.Context) (domain.Position, error)) error {
	for {
		head, err := to(ctx)
		if err != nil {
			return err
		}
		before := r.passed
		if err := r.follow(ctx, head); err != nil {
			return err
		}
		if r.passed-before <= rebuildClose {
			return nil
		}
	}
}

// follow applies the log up to a position at least, each batch in a transaction of its own, while the next is read.
func (r *rebuild) follow(ctx context.Context, to domain.Position) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, failed := make(chan batch, 1), make(chan error, 1)
	go func() {
		defer close(batches)
		failed <- r.read(ctx, to, batches)
	}()
	for b := range batches {
		at, _, err := r.apply(ctx, r.at, b)
		if err != nil {
			return err
		}
		r.at = at
		r.applied += len(b.events)
		r.passed += b.passed
		if r.progress != nil {
			r.progress(Progress{Position: at.position, Head: to, Applied: r.applied})
		}
	}
	return <-failed
}

func (r *rebuild) read(ctx context.Context, to domain.Position, batches chan<- batch) error {
	var next batch
	send := func() bool {
		select {
		case batches <- next:
			next = batch{}
			return true
		case <-ctx.Done():
			return false
		}
	}
	for e, err := range r.log.ReadAll(ctx, r.at.position, domain.Forward, domain.NoLimit) {
		if err != nil {
			return err
		}
		if e.Position > to {
			break
		}
		if err := next.add(r.reader, e); err != nil {
			return err
		}
		if (len(next.events) >= rebuildBatchEvents || next.size >= maxBatchBytes) && !send() {
			return ctx.Err()
		}
	}
	if next.last != 0 && !send() {
		return ctx.Err()
	}
	return nil
}

// index makes the secondary indexes and gives the planner its figures.
func (r *rebuild) index(ctx context.Context) error {
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{BeginQuery: beginFollowing}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off; SET LOCAL maintenance_work_mem = '128MB';
			SET LOCAL search_path = `+sanitized(r.schema)+`; `+r.model.Indexes)
		return err
	})
	if err != nil {
		return fmt.Errorf("indexes: %w", err)
	}
	rows, err := r.pool.Query(ctx, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1`, r.schema)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := r.pool.Exec(ctx, `VACUUM ANALYZE `+table); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

// swap stops the live projector at its checkpoint, applies what is missing up to there, and exchanges the schemas.
// It takes no lock on a table, so no reader waits or fails: PostgreSQL resolves the names of prepared statements anew.
func (r *rebuild) swap(ctx context.Context) error {
	var wait backoff
	for {
		err := r.trySwap(ctx)
		if err == nil || !transient(err) || ctx.Err() != nil || superseded(err) {
			return err
		}
		wait.sleep(ctx)
	}
}

func (r *rebuild) trySwap(ctx context.Context) error {
	tx, err := r.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginHolding})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	var live domain.Position
	err = tx.QueryRow(ctx, `SELECT position FROM projections.checkpoints WHERE projection = $1 FOR UPDATE`, r.live).Scan(&live)
	if err != nil {
		return fmt.Errorf("checkpoint of %s (was it prepared?): %w", r.live, err)
	}
	if err := holding(ctx, tx, func(ctx context.Context) error { return r.follow(ctx, live) }); err != nil {
		return err
	}
	if err := r.unmoved(ctx, tx); err != nil {
		return err
	}
	// The new epoch makes the live projector read the checkpoint again before it writes.
	var swap pgx.Batch
	swap.Queue(`ALTER SCHEMA ` + sanitized(r.live) + ` RENAME TO ` + sanitized(r.old))
	swap.Queue(`ALTER SCHEMA ` + sanitized(r.schema) + ` RENAME TO ` + sanitized(r.live))
	swap.Queue(`UPDATE projections.checkpoints SET epoch = epoch + 1 WHERE projection = $1`, r.live)
	queueMove(&swap, r.live, r.at.position, r.at.event)
	swap.Queue(`DELETE FROM projections.dead_letters WHERE projection = $1`, r.live)
	swap.Queue(`UPDATE projections.dead_letters SET projection = $1 WHERE projection = $2`, r.live, r.schema)
	swap.Queue(`DELETE FROM projections.checkpoints WHERE projection = $1`, r.schema)
	if err := tx.SendBatch(ctx, &swap).Close(); err != nil {
		return err
	}
	if r.model.Views != nil {
		if _, err := show(ctx, tx, r.model, r.live, true); err != nil {
			return fmt.Errorf("views: %w", err)
		}
	}
	return tx.Commit(ctx)
}

// unmoved fails unless the tables beside the live ones are those that this rebuild has filled, as far as it has: whoever was frozen for
// too long has lost them to another.
func (r *rebuild) unmoved(ctx context.Context, tx pgx.Tx) error {
	var ours bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM projections.checkpoints WHERE projection = $1 AND epoch = $2 AND position = $3 FOR UPDATE)`,
		r.schema, r.at.epoch, r.at.position).Scan(&ours)
	if err == nil && !ours {
		err = errLockLost
	}
	return err
}

// drop removes a schema and what belongs to it, if it is there. A reader that is still in it goes first: we would rather
// ask again than be in a deadlock of which it may be the victim.
func drop(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	var wait backoff
	for {
		err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '200ms'; DROP SCHEMA IF EXISTS `+sanitized(schema)+` CASCADE`); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `DELETE FROM projections.dead_letters WHERE projection = $1`, schema); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DELETE FROM projections.checkpoints WHERE projection = $1`, schema)
			return err
		})
		if err == nil {
			return nil
		}
		if !transient(err) || ctx.Err() != nil {
			return fmt.Errorf("drop %s (the next try does it): %w", schema, err)
		}
		wait.sleep(ctx)
	}
}

// dropTimeout is how long a reader may keep the old tables from being dropped.
const dropTimeout = 30 * time.Second

func sanitized(schema string) string { return pgx.Identifier{schema}.Sanitize() }
