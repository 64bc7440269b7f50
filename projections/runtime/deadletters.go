package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/operation"
	"waybill/projections"
)

// DeadLetter is an event that a read model could not apply, or that follows one in its stream; one that a reaction could not
// handle; or an item that it could not deliver. The event itself is in the event store.
type DeadLetter struct {
	// Name is the read model's or the reaction's.
	Name     string
	Position domain.Position
	Stream   domain.StreamName
	Revision domain.Revision
	EventID  uuid.UUID
	Type     string
	Error    string
	ParkedAt time.Time
	// Recipient is whom an item was for; empty for what is none.
	Recipient string
}

// Retried is what became of the dead letters of a stream that were tried again.
type Retried struct {
	// Done were applied or handled, Left were not; with none left the stream goes on by itself.
	Done, Left int
	// Due are items whose delivery is tried again from now on, by the node that holds the reaction.
	Due int
}

// Refusals of DeadLetters.
var (
	ErrNoDeadLetter = domain.Refuse(domain.KindNotFound, "no_dead_letter", "没有该死信", "there is no such dead letter")
	ErrNotFirst     = domain.Refuse(domain.KindConflict, "not_the_first_dead_letter", "只能跳过该流的第一条死信",
		"only the first dead letter of a stream can be skipped")
)

// DeadLetters lists what was parked, and tries it again or gives it up when an operator says so.
type DeadLetters struct {
	pool        *pgxpool.Pool
	store       domain.EventStore
	models      map[string]projections.ReadModel // by name
	reactions   map[string]Reaction              // by name
	projections []string
	names       map[string]string // by projection
	recipient   string            // whose items alone they are; empty for all there is
}

// NewDeadLetters makes the DeadLetters of read models and reactions; reactions may be nil where none is to be tried again.
func NewDeadLetters(pool *pgxpool.Pool, store domain.EventStore, models []projections.ReadModel, reactions []Reaction) *DeadLetters {
	d := &DeadLetters{
		pool: pool, store: store, models: map[string]projections.ReadModel{}, reactions: map[string]Reaction{}, names: map[string]string{},
	}
	for _, m := range models {
		d.models[m.Name], d.names[m.Schema] = m, m.Name
		d.projections = append(d.projections, m.Schema)
	}
	for _, r := range reactions {
		d.reactions[r.Name], d.names[r.StoredName] = r, r.Name
		d.projections = append(d.projections, r.StoredName)
	}
	return d
}

// For is the same of the items for one recipient alone; all there is for "".
func (d *DeadLetters) For(recipient string) *DeadLetters {
	one := *d
	one.recipient = recipient
	return &one
}

// deadLetterRows selects what was parked and what was given up, each by a condition and in an order; of so many each, so many in all.
// The parameter $3 is whom it was for, "" for all.
func deadLetterRows(condition, rest string) string {
	return `SELECT * FROM (
		(SELECT projection, position, stream, revision, event_id, type, error, parked_at, '' AS recipient FROM projections.dead_letters
			WHERE $3 = '' AND ` + condition + rest + `)
		UNION ALL
		(SELECT projection, position, stream, revision, event_id, type, error, settled_at, recipient FROM projections.ledger
			WHERE state = 'given_up' AND ($3 = '' OR recipient = $3) AND ` + condition + rest + `)) d` + rest
}

// List gives up to so many dead letters of one read model or reaction, or of all for "": of each the oldest events first.
func (d *DeadLetters) List(ctx context.Context, name string, most int) ([]DeadLetter, error) {
	projections := d.projections
	if name != "" {
		projection, err := d.projection(name)
		if err != nil {
			return nil, err
		}
		projections = []string{projection}
	}
	var letters []DeadLetter
	for _, projection := range slices.Sorted(slices.Values(projections)) {
		// Named in the order, so that the planner does not walk along what others have.
		rows, err := d.pool.Query(ctx, deadLetterRows(`projection >= $1 AND projection <= $1`, ` ORDER BY projection, position, recipient LIMIT $2`),
			projection, most-len(letters), d.recipient)
		if err != nil {
			return nil, err
		}
		some, err := d.collect(rows)
		if err != nil {
			return nil, err
		}
		letters = append(letters, some...)
	}
	return letters, nil
}

// Show gives the dead letters that one event is, one for each recipient where it is an item, and the event, payload included, as the
// store holds it.
func (d *DeadLetters) Show(ctx context.Context, name string, position domain.Position) ([]DeadLetter, domain.RecordedEvent, error) {
	projection, err := d.projection(name)
	if err != nil {
		return nil, domain.RecordedEvent{}, err
	}
	rows, err := d.pool.Query(ctx, deadLetterRows(`projection = $1 AND position = $2`, ` ORDER BY recipient`), projection, position, d.recipient)
	if err != nil {
		return nil, domain.RecordedEvent{}, err
	}
	found, err := d.collect(rows)
	if err != nil {
		return nil, domain.RecordedEvent{}, err
	}
	if len(found) == 0 {
		return nil, domain.RecordedEvent{}, ErrNoDeadLetter
	}
	recorded, err := d.event(ctx, found[0])
	return found, recorded, err
}

// Retry applies the dead letters of a stream again, in order and in one transaction. It stops at the first that fails,
// which keeps its place and gets the new error. Items that were given up are due again. That actor asked for it is recorded as
// an event; without an actor, nothing is.
func (d *DeadLetters) Retry(ctx context.Context, name string, stream domain.StreamName, actor ...domain.Actor) (Retried, error) {
	var r Retried
	projection, err := d.projection(name)
	if err != nil {
		return r, err
	}
	tx, err := d.begin(ctx, name)
	if err != nil {
		return r, err
	}
	defer rollback(ctx, tx)
	letters, err := d.lock(ctx, tx, projection, stream)
	if err != nil {
		return r, err
	}
	for _, by := range actor {
		fact := operation.DeadLettersRetried{ReadModel: name, Stream: stream, Position: letters[0].Position, Letters: len(letters)}
		if err := d.record(ctx, uuid.New(), letters[0].EventID, fact, by); err != nil {
			return r, err
		}
	}
	stopped := false
	for _, l := range letters {
		switch {
		case l.Recipient != "":
			r.Due++
			_, err = makeDue(ctx, tx, projection, l.EventID, l.Recipient)
		case stopped:
			r.Left++
		default:
			stopped, err = d.again(ctx, tx, name, projection, l)
			if stopped {
				r.Left++
			} else {
				r.Done++
			}
		}
		if err != nil {
			return Retried{}, err
		}
	}
	if err := d.setParked(ctx, tx, name, stream, r.Left > 0); err != nil {
		return Retried{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return Retried{}, err
	}
	return r, nil
}

// again tries one dead letter: it is removed, or gets its new error and stays (failed).
func (d *DeadLetters) again(ctx context.Context, tx pgx.Tx, name, projection string, l DeadLetter) (failed bool, err error) {
	recorded, err := d.event(ctx, l)
	if err != nil {
		return false, err
	}
	failure := d.apply(ctx, tx, name, projection, recorded)
	switch {
	case failure == nil:
		return false, d.remove(ctx, tx, projection, l)
	case !poison(failure):
		return false, failure
	}
	_, err = tx.Exec(ctx, `UPDATE projections.dead_letters SET error = $3 WHERE projection = $1 AND position = $2`,
		projection, l.Position, deadLetterText(failure))
	return true, err
}

// apply applies or handles one event; after an error of the event the transaction is still usable.
func (d *DeadLetters) apply(ctx context.Context, tx pgx.Tx, name, projection string, recorded domain.RecordedEvent) error {
	if r, ok := d.reactions[name]; ok {
		items, err := r.call(ctx, KnownVocabulary(), recorded)
		if err != nil || r.Deliver == nil {
			return err
		}
		var owed pgx.Batch
		queueOwed(&owed, projection, recorded, items)
		return tx.SendBatch(ctx, &owed).Close()
	}
	var b batch
	t := newTarget(d.pool, d.models[name], projection, KnownVocabulary())
	if err := b.add(t.reader, recorded); err != nil {
		return err
	}
	i := isolator{target: t, broken: b.broken}
	return i.try(ctx, tx, b.events)
}

// setParked tells a read model whether a stream of its is still parked.
func (d *DeadLetters) setParked(ctx context.Context, tx pgx.Tx, name string, stream domain.StreamName, parked bool) error {
	m := d.models[name]
	if m.SetParked == nil {
		return nil
	}
	return m.SetParked(ctx, tx, []domain.StreamName{stream}, parked)
}

// begin starts the transaction in which dead letters are applied: for a read model as its projector's is; for a reaction it is
// on the disk when it is committed, since what it owes was decided in it, and may take as long as that takes.
func (d *DeadLetters) begin(ctx context.Context, name string) (pgx.Tx, error) {
	if m, ok := d.models[name]; ok {
		return begin(ctx, d.pool, beginBriefly, m.Schema)
	}
	return d.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginFollowing + durable})
}

// Skip gives up the first dead letter of a stream: the read model goes on without it until it is rebuilt, and nobody gets the
// item, or only the recipient of For does not. The skip is recorded as an event, with the reason and who decided; repeating a
// skip that broke off is harmless. The stream's other dead letters wait for Retry.
func (d *DeadLetters) Skip(
	ctx context.Context, name string, stream domain.StreamName, position domain.Position, reason string, actor domain.Actor,
) error {
	projection, err := d.projection(name)
	if err != nil {
		return err
	}
	var f domain.Fields
	f.Required("/reason", &reason, domain.MaxReasonNote, domain.Text{ZH: "跳过原因", EN: "reason"})
	if err := f.Err(); err != nil {
		return err
	}
	tx, err := d.begin(ctx, name)
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	letters, err := d.lock(ctx, tx, projection, stream)
	if err != nil {
		return err
	}
	if letters[0].Position != position {
		return ErrNotFirst
	}
	if err := d.recordSkip(ctx, letters[0], reason, actor); err != nil {
		return err
	}
	left := 0
	for _, l := range letters {
		if l.Position != position {
			left++
		} else if err := d.remove(ctx, tx, projection, l); err != nil {
			return err
		}
	}
	if err := d.setParked(ctx, tx, name, stream, left > 0); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// recordSkip appends the skip to the log first: a skip that shows nowhere must not happen. Its id derives from what is skipped.
func (d *DeadLetters) recordSkip(ctx context.Context, l DeadLetter, reason string, actor domain.Actor) error {
	id := uuid.NewSHA1(l.EventID, []byte("skip\x00"+l.Name+"\x00"+l.ParkedAt.UTC().Format(time.RFC3339Nano)+d.recipient))
	fact := operation.DeadLetterSkipped{ReadModel: l.Name, Stream: l.Stream, Revision: l.Revision, Position: l.Position, Reason: reason}
	return d.record(ctx, id, l.EventID, fact, actor)
}

// record appends what an operator did, as an operation of its own. It is correlated with the recipient when that alone is meant.
func (d *DeadLetters) record(ctx context.Context, id, cause uuid.UUID, fact domain.Event, actor domain.Actor) error {
	correlation, err := uuid.Parse(d.recipient)
	if err != nil {
		correlation = id
	}
	_, err = d.recordOnce(ctx, id, cause, correlation, fact, actor)
	return err
}

// recordOnce is record, and reports whether the very operation had been recorded before.
func (d *DeadLetters) recordOnce(ctx context.Context, id, cause, correlation uuid.UUID, fact domain.Event,
	actor domain.Actor,
) (repeated bool, err error) {
	data, err := json.Marshal(fact)
	if err != nil {
		return false, err
	}
	metadata, err := json.Marshal(domain.Metadata{
		Actor: actor, At: time.Now().UTC(), CausationID: cause, CorrelationID: correlation, Schema: domain.MetadataSchema,
	})
	if err != nil {
		return false, err
	}
	result, err := d.store.Append(ctx, domain.Stream(operation.Category, id), domain.NoStream(),
		[]domain.NewEvent{{ID: id, Type: fact.EventType(), Data: data, Metadata: metadata}})
	return result.Duplicate, err
}

// lock stops the projector and gives the stream's dead letters, at least one, in order.
func (d *DeadLetters) lock(ctx context.Context, tx pgx.Tx, projection string, stream domain.StreamName) ([]DeadLetter, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM projections.checkpoints WHERE projection = $1 FOR UPDATE`, projection); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, deadLetterRows(`projection = $1 AND stream = $2`, ` ORDER BY position, recipient`),
		projection, string(stream), d.recipient)
	if err != nil {
		return nil, err
	}
	letters, err := d.collect(rows)
	if err == nil && len(letters) == 0 {
		err = ErrNoDeadLetter
	}
	return letters, err
}

// remove takes a dead letter from the list.
func (d *DeadLetters) remove(ctx context.Context, tx pgx.Tx, projection string, l DeadLetter) error {
	if l.Recipient == "" {
		_, err := tx.Exec(ctx, `DELETE FROM projections.dead_letters WHERE projection = $1 AND position = $2`, projection, l.Position)
		return err
	}
	// Due again meanwhile, it is no dead letter any more, and may be the head of its object.
	tag, err := tx.Exec(ctx, `UPDATE projections.ledger SET state = 'skipped'
		WHERE projection = $1 AND event_id = $2 AND recipient = $3 AND state = 'given_up'`, projection, l.EventID, l.Recipient)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNoDeadLetter
	}
	return err
}

// event reads the letter's event from the store.
func (d *DeadLetters) event(ctx context.Context, l DeadLetter) (domain.RecordedEvent, error) {
	for e, err := range d.store.ReadStream(ctx, l.Stream, l.Revision, domain.Forward, 1) {
		if err != nil {
			return e, err
		}
		if e.ID == l.EventID {
			return e, nil
		}
	}
	return domain.RecordedEvent{}, fmt.Errorf("event %s of %s@%d is not in the store", l.EventID, l.Stream, l.Revision)
}

func (d *DeadLetters) projection(name string) (string, error) {
	if m, ok := d.models[name]; ok {
		return m.Schema, nil
	}
	if r, ok := d.reactions[name]; ok {
		return r.StoredName, nil
	}
	return "", ErrNoDeadLetter.Because(errors.New("no read model or reaction " + name))
}

func (d *DeadLetters) collect(rows pgx.Rows) ([]DeadLetter, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (DeadLetter, error) {
		var (
			l          DeadLetter
			projection string
		)
		err := row.Scan(&projection, &l.Position, &l.Stream, &l.Revision, &l.EventID, &l.Type, &l.Error, &l.ParkedAt, &l.Recipient)
		l.Name, l.ParkedAt = d.names[projection], l.ParkedAt.UTC()
		return l, err
	})
}
