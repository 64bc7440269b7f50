package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// target is a read model in one schema: the live one, or the one that a rebuild fills. The schema's name is also the
// checkpoint's.
type target struct {
	pool   *pgxpool.Pool
	model  projections.ReadModel
	schema string
	reader reader
	// log is what the batches are runs of.
	log ownLog
	// begins is the transaction of a batch: beginBriefly, or beginHolding where nobody waits for its rows.
	begins string
	// most bounds the events of a transaction. It is halved when one was cut off, as on a slow link, and grows again.
	most int
}

func newTarget(pool *pgxpool.Pool, model projections.ReadModel, schema string, v Vocabulary) target {
	return target{
		pool: pool, model: model, schema: schema, reader: newReader(v, model.Applies), begins: beginBriefly, most: rebuildBatchEvents,
	}
}

// batch is a run of the log: what concerns the model, and how far the run goes.
type batch struct {
	events []projections.Event
	// broken holds what was wrong with the events (in events, without a Fact) that could not be decoded.
	broken map[domain.Position]error
	// last is the position of the run's last event, whether or not it concerns the model, and event that event.
	last  domain.Position
	event eventIdentity
	// passed counts all events of the run.
	passed int
	// size is the number of bytes of the events.
	size int
	// unknown is why the run ends here: the log's next event is an UnknownEventError. nil for none.
	unknown error
	// messages are those that carried the run, to be acked once it is written; none in a rebuild.
	messages []*message.Message
}

// streams are those of the batch's events, each once.
func (b *batch) streams() []string {
	all := []string{}
	for _, e := range b.events {
		all = append(all, string(e.Stream))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// add takes the log's next event into the batch; one that this binary does not know is an UnknownEventError, and stays out.
func (b *batch) add(r reader, recorded domain.RecordedEvent) error {
	wanted, err := r.wants(recorded)
	if err != nil {
		return err
	}
	b.last, b.event = recorded.Position, identityOf(recorded)
	b.passed++
	if !wanted {
		return nil
	}
	event, err := projections.Decode(r.vocabulary.Types, recorded)
	if err != nil {
		if b.broken == nil {
			b.broken = map[domain.Position]error{}
		}
		b.broken[recorded.Position] = err
		event = projections.Event{RecordedEvent: recorded}
	}
	b.events = append(b.events, event)
	b.size += len(recorded.Data) + len(recorded.Metadata)
	return nil
}

// after is what a batch has after a position, up to so many events; when that is all of the rest, it is the batch, whatever came before.
func (b batch) after(at domain.Position, most int) batch {
	left := b.events[len(b.events):]
	if first := slices.IndexFunc(b.events, func(e projections.Event) bool { return e.Position > at }); first >= 0 {
		left = b.events[first:]
	}
	if len(left) <= most {
		return b
	}
	last := left[most-1].RecordedEvent
	return batch{events: left[:most], broken: b.broken, last: last.Position, event: identityOf(last)}
}

// advance applies what comes next of a batch, in one transaction: all of it, unless one as large was cut off. The checkpoint tells how far
// it came. smaller says of an error that the next try is a smaller one.
func (t *target) advance(ctx context.Context, known checkpoint, b batch) (now checkpoint, parked []parkedEvent, smaller bool, err error) {
	part := b.after(known.position, t.most)
	now, parked, err = t.apply(ctx, known, part)
	switch n := min(len(part.events), t.most); {
	case err == nil:
		t.most = min(t.most+t.most/8+1, rebuildBatchEvents)
	case n > 1 && (cutOff(err) || ctx.Err() != nil): // the lease was lost: its renewals wait behind what is sent
		t.most, smaller = n/2, true
	}
	return now, parked, smaller, err
}

// cutOff reports whether the server, or the way to it, ended a transaction in the middle: it may have taken too long.
func cutOff(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errConnectionLost) || ok && refused.Code == pgerrFroze
}

// apply writes the batch and moves the checkpoint in one transaction. What was applied before is left out. When an event
// cannot be applied its stream is parked, and the rest is applied; those that were newly parked are returned.
func (t target) apply(ctx context.Context, known checkpoint, b batch) (checkpoint, []parkedEvent, error) {
	now, newly, err := t.transact(ctx, known, b, len(b.broken) > 0)
	if blames(err) {
		now, newly, err = t.transact(ctx, known, b, true)
	}
	return now, newly, err
}

func (t target) transact(ctx context.Context, known checkpoint, b batch, isolate bool) (checkpoint, []parkedEvent, error) {
	tx, err := begin(ctx, t.pool, t.begins, t.schema)
	if err != nil {
		return known, nil, err
	}
	defer rollback(ctx, tx)
	now, parked, err := lockCheckpoint(ctx, tx, t.schema, known, t.log, b.streams())
	if err != nil || now.position >= b.last {
		return now, nil, err
	}
	newly, err := t.write(ctx, tx, now, b, parked, isolate)
	if err != nil {
		return known, nil, err
	}
	if err := t.bury(ctx, tx, newly); err != nil {
		return known, nil, err
	}
	var moved pgx.Batch
	queueMove(&moved, t.schema, b.last, b.event)
	if err := tx.SendBatch(ctx, &moved).Close(); err != nil {
		return known, nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return known, nil, err
	}
	return checkpoint{position: b.last, epoch: now.epoch, event: b.event}, newly, nil
}

// write applies what is new and not parked.
func (t target) write(
	ctx context.Context, tx pgx.Tx, now checkpoint, b batch, parked map[domain.StreamName]bool, isolate bool,
) ([]parkedEvent, error) {
	events := b.events
	if first := slices.IndexFunc(events, func(e projections.Event) bool { return e.Position > now.position }); first >= 0 {
		events = events[first:]
	} else {
		events = nil
	}
	i := isolator{target: t, broken: b.broken, parked: parked}
	if len(parked) > 0 {
		events = i.park(events)
	}
	switch {
	case len(events) == 0:
		return i.newly, nil
	case isolate:
		err := i.apply(ctx, tx, events)
		// Where a later half was parked, its events come after those of an earlier one: the log's order.
		slices.SortFunc(i.newly, func(a, b parkedEvent) int { return cmp.Compare(a.event.Position, b.event.Position) })
		return i.newly, err
	default:
		return i.newly, t.call(ctx, tx, events)
	}
}

// call runs the model's Apply; a panic in it is an error of the events.
func (t target) call(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	err := guarded("apply", func() error { return t.model.Apply(ctx, tx, events) })
	// Where the server said what it refused, and went on, it was we who gave the connection up for that.
	refused, said := errors.AsType[*pgconn.PgError](err)
	if err != nil && tx.Conn().IsClosed() && (!said || refused.SeverityUnlocalized != "ERROR") {
		return errors.Join(errConnectionLost, err)
	}
	return err
}

// bury writes the dead letters of events that were parked just now, and then tells the model of their streams.
func (t target) bury(ctx context.Context, tx pgx.Tx, newly []parkedEvent) error {
	if len(newly) == 0 {
		return nil
	}
	var letters pgx.Batch
	for _, p := range newly {
		queueDeadLetter(&letters, t.schema, p)
	}
	if err := tx.SendBatch(ctx, &letters).Close(); err != nil {
		return err
	}
	if t.model.SetParked == nil {
		return nil
	}
	var streams []domain.StreamName
	for _, p := range newly {
		if !slices.Contains(streams, p.event.Stream) {
			streams = append(streams, p.event.Stream)
		}
	}
	if err := t.model.SetParked(ctx, tx, streams, true); err != nil {
		return fmt.Errorf("withhold what depends on parked streams: %w", err)
	}
	return nil
}
