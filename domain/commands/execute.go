package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

const (
	// maxAttempts bounds how often a command is decided again because somebody else was faster.
	maxAttempts = 20
	// maxAppends bounds how often one append is sent when its outcome stays unknown.
	maxAppends = 5
	// firstPause is the wait before an append of unknown outcome is sent again; it doubles.
	firstPause = 20 * time.Millisecond
)

// Refusals of the store, as the caller sees them.
var (
	ErrUnavailable = domain.Refuse(domain.KindUnavailable, "store_unavailable",
		"系统繁忙，请稍后重试", "the event store cannot be reached; try again")
	ErrOutcomeUnknown = domain.Refuse(domain.KindUnavailable, "outcome_unknown",
		"操作结果未知，请使用相同的幂等键重试", "it may or may not have taken effect; send it again with the same Idempotency-Key")
	ErrStreamDeleted = domain.Refuse(domain.KindConflict, "stream_deleted", "该记录的历史在事件存储中被删除或截断，请联系运营人员",
		"the history of this record was deleted or truncated in the event store; tell the operators")
	ErrTooLarge = domain.Refuse(domain.KindTooLarge, "too_large", "提交的内容过大", "the content is too large")
)

// plan is how a command comes about. Both functions run again when the state has moved on.
type plan[S, C any] struct {
	// command makes the command for the state it will be decided on.
	command func(ctx context.Context, before S) (C, error)
	// ahead, when given, is what must stand in other streams before the decision is appended; after is the state the decision
	// will make. It is not undone when the append fails.
	ahead func(ctx context.Context, after S) error
}

// given is the plan of a command that needs nothing more.
func given[S, C any](c C) plan[S, C] {
	return plan[S, C]{command: func(context.Context, S) (C, error) { return c, nil }}
}

// execute carries out a command on the aggregate id: load, decide, append; and again when somebody else was faster.
// For a request that has been carried out before it returns what it did then, before anything else is looked at.
func execute[S, C any](ctx context.Context, store domain.EventStore, req Request, d domain.Decider[S, C], id uuid.UUID,
	p plan[S, C],
) (Outcome[S], error) {
	for range maxAttempts {
		before, err := load(ctx, store, req, d, id)
		if err != nil {
			return Outcome[S]{}, err
		}
		if before.done != nil {
			return *before.done, assured(ctx, store, before.done.Position)
		}
		after, err := attempt(ctx, store, req, d, before, p)
		if !errors.Is(err, domain.ErrConflict) {
			return after, err
		}
	}
	return Outcome[S]{}, domain.ErrContention
}

// create is execute for a command that makes its aggregate, whose id derives from the request: it takes for granted that the
// stream does not exist, and reads it only when that turns out wrong or the command is refused.
func create[S, C any](ctx context.Context, store domain.EventStore, req Request, d domain.Decider[S, C], p plan[S, C]) (Outcome[S], error) {
	id := req.newID(d.Category)
	after, err := attempt(ctx, store, req, d, loaded[S]{Outcome: Outcome[S]{ID: id}}, p)
	if err == nil {
		return after, nil
	}
	before, loadErr := load(ctx, store, req, d, id)
	switch {
	case loadErr != nil:
		return Outcome[S]{}, loadErr
	case before.done != nil:
		return *before.done, assured(ctx, store, before.done.Position)
	case errors.Is(err, domain.ErrConflict):
		return execute(ctx, store, req, d, id, p)
	}
	return Outcome[S]{}, err
}

// attempt decides once on what was loaded and appends. It returns domain.ErrConflict when the stream has moved on, and
// also when the append had been there already: loading then finds whose it was.
func attempt[S, C any](ctx context.Context, store domain.EventStore, req Request, d domain.Decider[S, C], before loaded[S],
	p plan[S, C],
) (Outcome[S], error) {
	facts, err := decide(ctx, d, before.State, p)
	// Whoever may not know of the aggregate does not learn of its revision either.
	if stale := before.exists && req.IfRevision != nil && *req.IfRevision != before.Revision; stale && !errors.Is(err, domain.ErrNotFound) {
		return Outcome[S]{}, domain.ErrPrecondition
	}
	if err != nil {
		return Outcome[S]{}, err
	}
	if len(facts) == 0 {
		return before.Outcome, assured(ctx, store, before.Position)
	}
	after := before.Outcome
	for _, fact := range facts {
		after.State = d.Evolve(after.State, fact)
	}
	if p.ahead != nil {
		if err := p.ahead(ctx, after.State); err != nil {
			return Outcome[S]{}, err
		}
	}
	stream := domain.Stream(d.Category, before.ID)
	events, err := encode(req, stream, facts)
	if err != nil {
		return Outcome[S]{}, err
	}
	expected := domain.NoStream()
	if before.exists {
		expected = domain.Exactly(before.Revision)
	}
	result, err := appendSurely(ctx, store, stream, expected, events)
	if err == nil && result.Unconfirmed && !result.Duplicate {
		result.Duplicate, err = isAnothers(ctx, store, stream, result, events)
	}
	if err == nil && result.Duplicate {
		err = domain.ErrConflict
	}
	after.Revision, after.Position = result.Revision, result.Position
	return after, err
}

func decide[S, C any](ctx context.Context, d domain.Decider[S, C], before S, p plan[S, C]) ([]domain.Event, error) {
	command, err := p.command(ctx, before)
	if err != nil {
		return nil, err
	}
	return d.Decide(before, command)
}

// appendSurely appends; while the outcome is unknown it sends the very same append again, which a store recognises.
func appendSurely(ctx context.Context, store domain.EventStore, stream domain.StreamName, expected domain.ExpectedRevision,
	events []domain.NewEvent,
) (domain.AppendResult, error) {
	pause := firstPause
	for sent := 1; ; sent++ {
		result, err := store.Append(ctx, stream, expected, events)
		switch {
		case err == nil, errors.Is(err, domain.ErrConflict):
			return result, err
		case !errors.Is(err, domain.ErrOutcomeUnknown) || sent == maxAppends:
			return result, refusal(err)
		}
		select {
		case <-ctx.Done():
			return result, refusal(err)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// assured returns once what was found in the log is as safe as what an append acknowledges, or says that nobody knows. A store in which
// that is not so from the beginning can tell.
func assured(ctx context.Context, store domain.EventStore, at domain.Position) error {
	s, ok := store.(interface {
		Assure(ctx context.Context, at domain.Position) error
	})
	if !ok || at == 0 {
		return nil
	}
	return refusal(s.Assure(ctx, at))
}

// isAnothers looks whether what an unconfirmed append left in the stream is its own: another request with the same id has the
// same event ids, but never the same metadata.
func isAnothers(ctx context.Context, store domain.EventStore, stream domain.StreamName, result domain.AppendResult,
	events []domain.NewEvent,
) (bool, error) {
	last := events[len(events)-1]
	for stored, err := range store.ReadStream(ctx, stream, result.Revision, domain.Forward, 1) {
		if err != nil {
			return false, ErrOutcomeUnknown.Because(err)
		}
		return stored.ID != last.ID || !bytes.Equal(stored.Metadata, last.Metadata) || !bytes.Equal(stored.Data, last.Data), nil
	}
	return false, ErrOutcomeUnknown.Because(fmt.Errorf("%s@%d cannot be read", stream, result.Revision))
}

// refusal names what a store refused for the caller.
func refusal(err error) error {
	switch {
	case errors.Is(err, domain.ErrOutcomeUnknown):
		return ErrOutcomeUnknown.Because(err)
	case errors.Is(err, domain.ErrRefused):
		return domain.ErrStoreRefuses.Because(err)
	case errors.Is(err, domain.ErrUnavailable):
		return ErrUnavailable.Because(err)
	case errors.Is(err, domain.ErrStreamDeleted):
		return ErrStreamDeleted.Because(err)
	case errors.Is(err, domain.ErrWentBack): // what was read is of another log than what is to be read: from the start it is of one
		return ErrUnavailable.Because(err)
	case errors.Is(err, domain.ErrTooLarge):
		return ErrTooLarge.Because(err)
	}
	return err
}

// encode makes the events ready for the store. Their ids derive from the request, the stream and their place, so the same
// request appended twice is recognised.
func encode(req Request, stream domain.StreamName, facts []domain.Event) ([]domain.NewEvent, error) {
	if req.ID == uuid.Nil {
		return nil, errors.New("request without an id")
	}
	metadata, err := json.Marshal(req.metadata())
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	events := make([]domain.NewEvent, len(facts))
	for i, fact := range facts {
		data, err := json.Marshal(fact)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", fact.EventType(), err)
		}
		id := uuid.NewSHA1(req.ID, []byte(string(stream)+"/"+strconv.Itoa(i)))
		events[i] = domain.NewEvent{ID: id, Type: fact.EventType(), Data: data, Metadata: metadata}
	}
	return events, nil
}

// loaded is an aggregate as its stream has it. done is what this very request left behind, if it was carried out before.
type loaded[S any] struct {
	Outcome[S]
	exists bool
	done   *Outcome[S]
}

// load folds the stream and looks for the request in it. domain.ErrKeyReused means that it holds the request's id under
// another fingerprint.
func load[S, C any](ctx context.Context, store domain.EventStore, req Request, d domain.Decider[S, C], id uuid.UUID) (loaded[S], error) {
	l := loaded[S]{Outcome: Outcome[S]{ID: id}}
	for recorded, err := range wholeStream(ctx, store, domain.Stream(d.Category, id), 0, domain.NoLimit) {
		if err != nil {
			return l, refusal(err)
		}
		if err := l.add(d.Types, d.Evolve, recorded); err != nil {
			return l, err
		}
		meta, err := recorded.DecodeMetadata()
		if err != nil {
			return l, err
		}
		if meta.CausationID != req.ID {
			continue
		}
		if meta.Fingerprint != req.Fingerprint {
			return l, domain.ErrKeyReused
		}
		done := l.Outcome
		done.Replayed = true
		l.done = &done
	}
	return l, nil
}

func (l *loaded[S]) add(types domain.Types, evolve func(S, domain.Event) S, recorded domain.RecordedEvent) error {
	fact, err := types.Of(recorded)
	if err != nil {
		return fmt.Errorf("%s@%d: %w", recorded.Stream, recorded.Revision, err)
	}
	l.State, l.Revision, l.Position, l.exists = evolve(l.State, fact), recorded.Revision, recorded.Position, true
	return nil
}
