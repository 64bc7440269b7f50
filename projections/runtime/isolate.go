package runtime

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// parkedEvent is an event that was parked, and why.
type parkedEvent struct {
	event projections.Event
	err   error
}

// isolator finds the events that cannot be applied, by halves under savepoints, and parks their streams.
type isolator struct {
	target
	broken map[domain.Position]error
	parked map[domain.StreamName]bool
	newly  []parkedEvent
}

// errParked is the error of the events that follow a parked one in its stream.
var errParked = errors.New("an earlier event of this stream is parked")

func (i *isolator) apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	events = i.park(events)
	if len(events) == 0 {
		return nil
	}
	err := i.try(ctx, tx, events)
	switch {
	case !blames(err):
		return err
	case len(events) == 1:
		if i.parked == nil {
			i.parked = map[domain.StreamName]bool{}
		}
		i.parked[events[0].Stream] = true
		i.newly = append(i.newly, parkedEvent{events[0], err})
		return nil
	}
	half := len(events) / 2
	if err := i.apply(ctx, tx, events[:half]); err != nil {
		return err
	}
	return i.apply(ctx, tx, events[half:])
}

func (i *isolator) try(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	for _, e := range events {
		if err := i.broken[e.Position]; err != nil {
			return err
		}
	}
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return errors.Join(errConnectionLost, err)
	}
	if err := i.call(ctx, savepoint, events); err != nil {
		if undo := savepoint.Rollback(ctx); undo != nil {
			return errors.Join(errConnectionLost, undo, err)
		}
		return err
	}
	return savepoint.Commit(ctx)
}

// park turns events of parked streams into dead letters and returns the others.
func (i *isolator) park(events []projections.Event) []projections.Event {
	if len(i.parked) == 0 {
		return events
	}
	var free []projections.Event
	for _, e := range events {
		if i.parked[e.Stream] {
			i.newly = append(i.newly, parkedEvent{e, errParked})
		} else {
			free = append(free, e)
		}
	}
	return free
}

func queueDeadLetter(batch *pgx.Batch, projection string, p parkedEvent) {
	e := p.event
	batch.Queue(`INSERT INTO projections.dead_letters (projection, position, stream, revision, event_id, type, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, projection, e.Position, string(e.Stream), e.Revision, e.ID, e.Type, deadLetterText(p.err))
}

// deadLetterText is an error as a dead letter and the log keep it: bounded, and storable as text.
func deadLetterText(err error) string {
	text := err.Error()
	if len(text) > maxDeadLetterText {
		text = text[:maxDeadLetterText]
	}
	return projections.Storable(text)
}

const maxDeadLetterText = 4000
