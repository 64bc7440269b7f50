package runtime

import (
	"context"
	"errors"
	"fmt"

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
)

// What a rebuild or a comparison is doing.
const (
	PhaseEvents     = "events"
	PhaseIndexes    = "indexes"
	PhaseCatchingUp = "catching up"
	PhaseSwitch     = "switch"
	PhaseCompare    = "comparing"
)

// Progress is how far a rebuild or a comparison is.
type Progress struct {
	Phase          string
	Position, Head domain.Position
	// Applied counts the events of the model that were written, Passed those of the log that were read.
	Applied, Passed int
}

// Rebuild fills a read model anew beside the live one, from the whole log, and puts it in its place in one transaction.
// Readers and the live projector go on meanwhile; readers see the old tables or the new, and never a position before one
// they saw. One that is interrupted drops what it made; what a killed one left behind the next drops. An UnknownEventError says that a
// newer binary must do it. It returns the number of events applied. progress may be nil.
func Rebuild(
	ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, model projections.ReadModel, progress func(Progress),
) (int, error) {
	r := rebuild{
		target: newTarget(pool, model, model.Schema+nextTables, KnownVocabulary()),
		store:  store, live: model.Schema, old: model.Schema + oldTables, progress: progress,
	}
	r.begins = beginHolding
	if err := r.may(ctx); err != nil {
		return 0, fmt.Errorf("rebuild %s: %w", model.Name, err)
	}
	_, err := DropLeftovers(ctx, pool, []projections.ReadModel{model})
	if err == nil {
		err = exclusively(ctx, pool, r.live, func(ctx context.Context) error { return r.tidily(ctx, r.run) })
	}
	if err != nil {
		return r.applied, fmt.Errorf("rebuild %s: %w", model.Name, err)
	}
	return r.applied, nil
}

type rebuild struct {
	target
	store     domain.EventStore
	live, old string
	progress  func(Progress)
	phase     string
	at        checkpoint
	// oid is what the new schema is known by, whatever its name.
	oid uint32
	// applied counts the events of the model that were written, passed those of the log that were read.
	applied, passed int
}

// tidily has work leave nothing behind when it fails. What the database does not let go now is for the next to drop.
func (r *rebuild) tidily(ctx context.Context, work func(context.Context) error) error {
	err := work(ctx)
	if err != nil && r.oid != 0 {
		_ = dropWithin(context.WithoutCancel(ctx), r.pool, r.schema, r.oid, leftoverPatience)
	}
	return err
}

// may returns a RightsError unless the role may do all of it, and an error when there is nothing to rebuild.
func (r *rebuild) may(ctx context.Context) error {
	var prepared bool
	err := r.pool.QueryRow(ctx, `SELECT to_regnamespace(quote_ident($1)) IS NOT NULL`, r.live).Scan(&prepared)
	if err == nil && !prepared {
		err = fmt.Errorf("there is no schema %s yet: 'waybill migrate' makes it", r.live)
	}
	if err != nil {
		return err
	}
	left, err := Leftovers(ctx, r.pool, []projections.ReadModel{r.model})
	if err != nil {
		return err
	}
	owned := append(left, r.live)
	if r.model.Views != nil {
		retired, err := retiredViews(ctx, r.pool, r.model.Views)
		if err != nil {
			return err
		}
		owned = append(append(owned, retired...), r.model.Views.Schema)
	}
	return mayReplace(ctx, r.pool, owned...)
}

// begin says that a phase begins.
func (r *rebuild) begin(phase string, head domain.Position) {
	r.phase = phase
	r.tell(head)
}

func (r *rebuild) tell(head domain.Position) {
	if r.progress != nil {
		r.progress(Progress{Phase: r.phase, Position: r.at.position, Head: head, Applied: r.applied, Passed: r.passed})
	}
}

func (r *rebuild) run(ctx context.Context) error {
	if err := errors.Join(drop(ctx, r.pool, r.schema), drop(ctx, r.pool, r.old)); err != nil {
		return err
	}
	if r.model.Views != nil {
		if _, err := dropRetired(ctx, r.pool, r.model.Views); err != nil {
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
	r.begin(PhaseEvents, head)
	if err := r.follow(ctx, head); err != nil {
		return err
	}
	r.begin(PhaseIndexes, head)
	if err := r.index(ctx); err != nil {
		return err
	}
	r.begin(PhaseCatchingUp, r.at.position)
	if err := r.followClose(ctx, r.head); err != nil {
		return err
	}
	r.begin(PhaseSwitch, r.at.position)
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
	_, retired := dropRetired(ctx, r.pool, r.model.Views)
	if err = errors.Join(err, retired); err != nil && ctx.Err() == nil && passing(err) {
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
		return tx.QueryRow(ctx, `SELECT position, epoch, (SELECT oid FROM pg_namespace WHERE nspname = $1)
			FROM projections.checkpoints WHERE projection = $1`, r.schema).Scan(&r.at.position, &r.at.epoch, &r.oid)
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
	if err := r.goesOn(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, failed := make(chan batch, 1), make(chan error, 1)
	go func() {
		defer close(batches)
		failed <- r.read(ctx, to, batches)
	}()
	for b := range batches {
		for r.at.position < b.last {
			at, _, smaller, err := r.advance(ctx, r.at, b)
			if err != nil && (!smaller || ctx.Err() != nil) {
				return err
			}
			r.at = at
		}
		r.applied += len(b.events)
		r.passed += b.passed
		r.tell(to)
	}
	return <-failed
}

// goesOn returns domain.ErrWentBack unless the log has what was applied last: what it has now must not be applied behind that.
func (r *rebuild) goesOn(ctx context.Context) error {
	err := r.at.verify(ctx, r.log)
	if errors.Is(err, ErrAnotherLog) {
		return fmt.Errorf("%w (it was put back or exchanged meanwhile: run it again)", domain.ErrWentBack)
	}
	return err
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
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{BeginQuery: beginLong}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off; SET LOCAL maintenance_work_mem = '128MB';
			SET LOCAL search_path = `+sanitized(r.schema)+`; `+r.model.Indexes)
		return err
	})
	if err != nil {
		return fmt.Errorf("indexes: %w", err)
	}
	rows, err := conn.Query(ctx, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1`, r.schema)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	// Outside of a transaction nothing is set for less than the session, which ends with it.
	defer func() { _ = conn.Conn().Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `SET statement_timeout = 0; SET lock_timeout = 0`); err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := conn.Exec(ctx, `VACUUM (ANALYZE, PARALLEL 0) `+table); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

// swap stops the live projector at its checkpoint, applies what is missing up to there, and exchanges the schemas.
// It takes no lock on a table, so no reader waits or fails: PostgreSQL resolves the names of prepared statements anew.
// When nobody could say whether an exchange was committed, the next try finds out.
func (r *rebuild) swap(ctx context.Context) error {
	var wait backoff
	for {
		err := r.trySwap(ctx)
		if err == nil || !passing(err) || ctx.Err() != nil || superseded(err) {
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
	if done, err := r.swapped(ctx, tx); done || err != nil {
		return err
	}
	if err := holding(ctx, tx, func(ctx context.Context) error { return r.follow(ctx, live) }); err != nil {
		return err
	}
	if err := r.unmoved(ctx, tx); err != nil {
		return err
	}
	if err := r.goesOn(ctx); err != nil {
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

// swapped reports whether the new schema is in the place of the live one, as after a commit whose answer was lost. It is errFenced when
// it is in neither place: somebody else dropped it.
func (r *rebuild) swapped(ctx context.Context, tx pgx.Tx) (bool, error) {
	var name string
	err := tx.QueryRow(ctx, `SELECT coalesce((SELECT nspname FROM pg_namespace WHERE oid = $1), '')`, r.oid).Scan(&name)
	if err == nil && name != r.live && name != r.schema {
		err = fmt.Errorf("%s was dropped meanwhile: %w", r.schema, errFenced)
	}
	return name == r.live, err
}
