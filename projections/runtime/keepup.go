package runtime

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
)

// maxTogether bounds the handled events that wait for the checkpoint, and those that move it in one transaction.
const maxTogether = 500

// handled is an event that a reaction has handled, or given up, without its payload, and what it owes for it.
type handled struct {
	event domain.RecordedEvent
	owed  []Item
}

// seen is what one run came past and the checkpoint did not yet. It is the run's own: what a Handle that outlives its run comes past is
// not behind what the next run handled.
type seen struct {
	handled chan handled
	mu      sync.Mutex
	ahead   *domain.RecordedEvent // the newest that was not wanted; nil for none
}

func newSeen() *seen { return &seen{handled: make(chan handled, maxTogether)} }

// pass notes an event that was not wanted.
func (s *seen) pass(e domain.RecordedEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = &e
}

func (s *seen) passed() *domain.RecordedEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead
}

// keepUp moves the checkpoint until ctx ends: past what was handled at once, with all that is handled while it writes in one
// transaction, since each waits for the disk; past what is not wanted now and then. What a crash keeps it from writing is handled
// again. When the checkpoint cannot be moved, everything stops, and it returns false.
func (r *reactor) keepUp(ctx context.Context, stop context.CancelCauseFunc) bool {
	ticker := time.NewTicker(reactionFlush)
	defer ticker.Stop()
	for {
		var done []handled
		select {
		case <-ctx.Done():
			return true
		case <-ticker.C:
		case h := <-r.seen.handled:
			done = append(done, h)
		}
		if err := r.move(ctx, done); err != nil {
			// Whether it moved is not known; what the checkpoint says then decides where to go on.
			stop(err)
			return false
		}
	}
}

// writeRest moves the checkpoint past what was handled when our work ended. If it fails, that is handled again.
func (r *reactor) writeRest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if err := r.move(ctx, nil); err != nil {
		r.logger.WarnContext(ctx, "the checkpoint stays behind what was handled", "error", err)
	}
}

// move moves the checkpoint by compare-and-set past the events that are done, and all others that are, and with it writes what is
// owed for them. It relies on read committed, the row lock of the update, and on the disk: what is owed must outlive a crash.
func (r *reactor) move(ctx context.Context, done []handled) error {
	to := r.seen.passed() // what was handled before it is in the channel by now
	done = r.collect(done)
	if n := len(done); n > 0 && (n == maxTogether || to == nil || to.Position < done[n-1].event.Position) {
		to = &done[n-1].event
	}
	if to == nil || to.Position <= r.at.position {
		return nil
	}
	owing := false
	err := durably(ctx, r.pool, func(tx pgx.Tx) error {
		var batch pgx.Batch
		stream, revision, id := identityOf(*to).columns()
		batch.Queue(`UPDATE projections.checkpoints
			SET position = $4, stream = $5, revision = $6, event_id = $7, moved_at = clock_timestamp()
			WHERE projection = $1 AND position = $2 AND epoch = $3`,
			r.reaction.StoredName, r.at.position, r.at.epoch, to.Position, stream, revision, id).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return fmt.Errorf("%s: %w", r.reaction.Name, errFenced)
			}
			return nil
		})
		for _, h := range done {
			if r.reaction.Deliver != nil {
				queueOwed(&batch, r.reaction.StoredName, h.event, h.owed)
			}
			owing = owing || len(h.owed) > 0
		}
		r.log.queueCheck(&batch)
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return err
	}
	r.at.position = to.Position
	if owing {
		r.wake()
	}
	return nil
}

// collect adds what else has been handled, up to maxTogether in all.
func (r *reactor) collect(done []handled) []handled {
	for len(done) < maxTogether {
		select {
		case h := <-r.seen.handled:
			done = append(done, h)
		default:
			return done
		}
	}
	return done
}
