package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// target is a read model in one schema: the live one, or the one that a rebuild fills. The schema's name is also the
// checkpoint's.
type target struct {
	pool   *pgxpool.Pool
	model  ReadModel
	schema string
}

// batch is a run of the log: what concerns the model, and how far the run goes.
type batch struct {
	events []Event
	// broken holds what was wrong with the events (in events, without a Fact) that could not be decoded.
	broken map[domain.Position]error
	// last is the position of the run's last event, whether or not it concerns the model, and mark that event.
	last domain.Position
	mark mark
	// passed counts all events of the run.
	passed int
	// size is the number of bytes of the events.
	size int
}

// add takes the log's next event into the batch.
func (b *batch) add(model ReadModel, recorded domain.RecordedEvent) {
	b.last, b.mark = recorded.Position, markOf(recorded)
	b.passed++
	if model.Categories != nil && !slices.Contains(model.Categories, recorded.Stream.Category()) {
		return
	}
	event, err := Decode(recorded)
	if err != nil {
		if b.broken == nil {
			b.broken = map[domain.Position]error{}
		}
		b.broken[recorded.Position] = err
		event = Event{RecordedEvent: recorded}
	}
	b.events = append(b.events, event)
	b.size += len(recorded.Data) + len(recorded.Metadata)
}

// letter is an event that was parked, and why.
type letter struct {
	event Event
	err   error
}

// apply writes the batch and moves the checkpoint in one transaction. What was applied before is left out. When an event
// cannot be applied its stream is parked, and the rest is applied; those that were newly parked are answered.
func (t target) apply(ctx context.Context, known checkpoint, b batch) (checkpoint, []letter, error) {
	now, letters, err := t.transact(ctx, known, b, len(b.broken) > 0)
	if err != nil && !transient(err) {
		now, letters, err = t.transact(ctx, known, b, true)
	}
	return now, letters, err
}

func (t target) transact(ctx context.Context, known checkpoint, b batch, singleOut bool) (checkpoint, []letter, error) {
	tx, err := begin(ctx, t.pool, t.schema)
	if err != nil {
		return known, nil, err
	}
	defer rollback(ctx, tx)
	now, parked, err := lockCheckpoint(ctx, tx, t.schema, known)
	if err != nil || now.position >= b.last {
		return now, nil, err
	}
	letters, err := t.write(ctx, tx, now, b, parked, singleOut)
	if err != nil {
		return known, nil, err
	}
	var moved pgx.Batch
	for _, l := range letters {
		queueLetter(&moved, t.schema, l)
	}
	queueMove(&moved, t.schema, b.last, b.mark)
	if err := tx.SendBatch(ctx, &moved).Close(); err != nil {
		return known, nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return known, nil, err
	}
	return checkpoint{position: b.last, epoch: now.epoch, mark: b.mark}, letters, nil
}

// write applies what is new and not parked.
func (t target) write(ctx context.Context, tx pgx.Tx, now checkpoint, b batch, parked map[domain.StreamName]bool, singleOut bool) ([]letter, error) {
	events := b.events
	if first := slices.IndexFunc(events, func(e Event) bool { return e.Position > now.position }); first >= 0 {
		events = events[first:]
	} else {
		events = nil
	}
	s := singler{target: t, broken: b.broken, parked: parked}
	if len(parked) > 0 {
		events = s.park(events)
	}
	switch {
	case len(events) == 0:
		return s.letters, nil
	case singleOut:
		err := s.apply(ctx, tx, events)
		// Where a later half was parked, its letters come after those of an earlier one: the log's order.
		slices.SortFunc(s.letters, func(a, b letter) int { return int(a.event.Position) - int(b.event.Position) }) //nolint:gosec // below 2^63
		return s.letters, err
	default:
		return s.letters, t.call(ctx, tx, events)
	}
}

// call runs the model's Apply; a panic in it is an error of the events.
func (t target) call(ctx context.Context, tx pgx.Tx, events []Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("apply panicked: %v\n%s", r, debug.Stack())
		}
	}()
	err = t.model.Apply(ctx, tx, events)
	if err != nil && tx.Conn().IsClosed() {
		return errors.Join(errConnectionLost, err)
	}
	return err
}

// singler finds the events that cannot be applied, by halves under savepoints, and parks their streams.
type singler struct {
	target
	broken  map[domain.Position]error
	parked  map[domain.StreamName]bool
	letters []letter
}

// errParked is the error of the events that follow a parked one in its stream.
var errParked = errors.New("an earlier event of this stream is parked")

func (s *singler) apply(ctx context.Context, tx pgx.Tx, events []Event) error {
	events = s.park(events)
	if len(events) == 0 {
		return nil
	}
	err := s.try(ctx, tx, events)
	switch {
	case err == nil || transient(err):
		return err
	case len(events) == 1:
		if s.parked == nil {
			s.parked = map[domain.StreamName]bool{}
		}
		s.parked[events[0].Stream] = true
		s.letters = append(s.letters, letter{events[0], err})
		return nil
	}
	half := len(events) / 2
	if err := s.apply(ctx, tx, events[:half]); err != nil {
		return err
	}
	return s.apply(ctx, tx, events[half:])
}

func (s *singler) try(ctx context.Context, tx pgx.Tx, events []Event) error {
	for _, e := range events {
		if err := s.broken[e.Position]; err != nil {
			return err
		}
	}
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return errors.Join(errConnectionLost, err)
	}
	if err := s.call(ctx, savepoint, events); err != nil {
		if undo := savepoint.Rollback(ctx); undo != nil {
			return errors.Join(errConnectionLost, undo, err)
		}
		return err
	}
	return savepoint.Commit(ctx)
}

// park turns events of parked streams into letters and returns the others.
func (s *singler) park(events []Event) []Event {
	if len(s.parked) == 0 {
		return events
	}
	var free []Event
	for _, e := range events {
		if s.parked[e.Stream] {
			s.letters = append(s.letters, letter{e, errParked})
		} else {
			free = append(free, e)
		}
	}
	return free
}

func queueLetter(batch *pgx.Batch, projection string, l letter) {
	e := l.event
	batch.Queue(`INSERT INTO projections.dead_letters (projection, position, stream, revision, event_id, type, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, projection, e.Position, string(e.Stream), e.Revision, e.ID, e.Type, letterText(l.err))
}

// letterText is an error as a dead letter and the log keep it: bounded, and storable as text.
func letterText(err error) string {
	text := err.Error()
	if len(text) > maxLetterText {
		text = text[:maxLetterText]
	}
	return storable(text)
}

const maxLetterText = 4000
