package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// checkpoint is how far a projection is, and under which epoch it may be moved.
type checkpoint struct {
	position domain.Position
	epoch    int64
	event    eventIdentity
}

// errFenced says that the checkpoint is not where its mover left it: another node took over, a rebuild switched, or the
// database lost its last transactions in a crash. Whoever gets it reads the checkpoint again.
var errFenced = errors.New("checkpoint was moved by somebody else")

// superseded reports whether whoever got err must read the checkpoint, or the vocabulary, again before it goes on.
func superseded(err error) bool {
	return errors.Is(err, errFenced) || errors.Is(err, errVocabularyGrew) || errors.Is(err, domain.ErrWentBack)
}

// errConnectionLost marks an error as the connection's, not the events'.
var errConnectionLost = errors.New("connection was lost")

// begin starts the transaction in which a batch and its checkpoint are written. The effect and the checkpoint are lost
// together or not at all, so nothing waits for the disk. A holder that freezes in it is cut off by the server, so that its
// successor does not wait for the row lock.
func begin(ctx context.Context, db interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, query, schema string,
) (pgx.Tx, error) {
	return db.BeginTx(ctx, pgx.TxOptions{BeginQuery: query + `; SET LOCAL synchronous_commit = off; ` +
		`SET LOCAL search_path = ` + sanitized(schema)})
}

const (
	// beginAlone begins a transaction that nobody waits for.
	beginAlone = `BEGIN ISOLATION LEVEL READ COMMITTED`
	// beginBriefly begins a transaction whose locks others wait for: the server ends it when its holder freezes in it.
	beginBriefly = beginAlone + `; SET LOCAL idle_in_transaction_session_timeout = '5s'`
	// beginFollowing is beginBriefly for who does more meanwhile, such as read on in the log.
	beginFollowing = beginAlone + `; SET LOCAL idle_in_transaction_session_timeout = '60s'`
	// beginHolding is beginBriefly for who does more meanwhile and says so (holding).
	beginHolding = beginAlone + `; SET LOCAL idle_in_transaction_session_timeout = '` + heldTimeout + `'`
	// beginLong begins a transaction that takes its time, for which nobody waits as long as it is at work: no statement of it is
	// cut off, and none is done in parallel, since what parallel workers share is in /dev/shm, which containers have little of.
	beginLong = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ` + longSettings
	// beginSnapshot is beginLong for who only reads, all as of one moment.
	beginSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ` + longSettings
	longSettings  = `SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; ` +
		`SET LOCAL max_parallel_maintenance_workers = 0; ` +
		`SET LOCAL max_parallel_workers_per_gather = 0`
	// beginDurable is beginBriefly with a commit that is on the disk when it is acknowledged, whatever role and database say.
	beginDurable = beginBriefly + durable
	// durable is said in a transaction of any kind for that; what promises more stays.
	durable = `; SELECT set_config('synchronous_commit', 'on', true)
		WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`
)

// durably runs f in a transaction of beginDurable.
func durably(ctx context.Context, pool *pgxpool.Pool, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginDurable}, f)
}

// rollback ends tx after an error, also when ctx is what ended.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx) // after a commit, or on a connection that is gone: nothing to do
}

// lockCheckpoint locks the projection's checkpoint until tx ends and reads it, and which of some streams are parked.
// It returns errFenced unless the epoch is the same and the position at least known, and errVocabularyGrew when the log has more in it.
func lockCheckpoint(ctx context.Context, tx pgx.Tx, projection string, known checkpoint, log ownLog, streams []string) (
	checkpoint, map[domain.StreamName]bool, error,
) {
	var (
		now    checkpoint
		parked map[domain.StreamName]bool
		batch  pgx.Batch
	)
	batch.Queue(`SELECT position, epoch FROM projections.checkpoints WHERE projection = $1 FOR UPDATE`, projection).
		QueryRow(func(row pgx.Row) error { return row.Scan(&now.position, &now.epoch) })
	batch.Queue(`SELECT s FROM unnest($2::text[]) s WHERE EXISTS (
			SELECT FROM projections.dead_letters d WHERE d.projection = $1 AND d.stream = s)`, projection, streams).
		Query(func(rows pgx.Rows) error {
			streams, err := pgx.CollectRows(rows, pgx.RowTo[domain.StreamName])
			for _, s := range streams {
				if parked == nil {
					parked = map[domain.StreamName]bool{}
				}
				parked[s] = true
			}
			return err
		})
	log.queueCheck(&batch)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return now, nil, fmt.Errorf("no checkpoint of %s: %w", projection, errFenced)
		}
		return now, nil, err
	}
	if now.epoch != known.epoch || now.position < known.position {
		return now, nil, fmt.Errorf("%s at %d in epoch %d, not %d in %d: %w",
			projection, now.position, now.epoch, known.position, known.epoch, errFenced)
	}
	return now, parked, nil
}

// queueMove moves a checkpoint that its transaction has locked.
func queueMove(batch *pgx.Batch, projection string, to domain.Position, event eventIdentity) {
	stream, revision, id := event.columns()
	batch.Queue(`UPDATE projections.checkpoints SET position = $2, stream = $3, revision = $4, event_id = $5, moved_at = clock_timestamp()
		WHERE projection = $1`, projection, to, stream, revision, id)
}
