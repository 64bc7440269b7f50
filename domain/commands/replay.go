package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
)

// Until says where a replay stops: after the event with Revision, after the last event up to Position, and before the first event later
// than At, to the microsecond in which times are shown. Nil is no bound.
type Until struct {
	Revision *domain.Revision
	Position *domain.Position
	At       *time.Time
}

// passed reports whether a step comes after the end.
func (u Until) passed(s Step) bool {
	return u.Revision != nil && s.Revision > *u.Revision || u.Position != nil && s.Position > *u.Position ||
		u.At != nil && s.Meta.At.Truncate(time.Microsecond).After(*u.At)
}

// limit is how many events there can be up to the end, and one more.
func (u Until) limit() int {
	if u.Revision == nil || *u.Revision >= domain.End-1 {
		return domain.NoLimit
	}
	return int(*u.Revision) + 2
}

// Replayed is what an aggregate was.
type Replayed struct {
	Stream domain.StreamName `json:"stream"`
	// Revision and Position are those of the last event folded, At its time.
	Revision domain.Revision `json:"revision"`
	Position domain.Position `json:"position"`
	At       time.Time       `json:"at"`
	// State is the aggregate's State.
	State any `json:"state"`
	// Step is the last event folded, and More says that others came after it.
	Step Step `json:"-"`
	More bool `json:"-"`
}

// Step is one event of a stream.
type Step struct {
	domain.RecordedEvent
	Fact domain.Event
	Meta domain.Metadata
}

// Replay folds one stream with the aggregate's own Evolve, for auditors. domain.ErrNotFound says that it had no event by then.
func (s *Service) Replay(ctx context.Context, stream domain.StreamName, until Until) (Replayed, error) {
	out := Replayed{Stream: stream}
	var last func() any
	var err error
	out.More, err = s.Walk(ctx, stream, until, func(step Step, state func() any) bool {
		out.Step, last = step, state
		return true
	})
	switch {
	case err != nil:
		return out, err
	case last == nil:
		return out, domain.ErrNotFound
	}
	out.Revision, out.Position, out.At, out.State = out.Step.Revision, out.Step.Position, out.Step.Meta.At, last()
	return out, nil
}

// Walk folds one stream with the aggregate's own Evolve and shows each step up to a bound, or until see returns false; state is what the
// aggregate is after the last step that was shown. more says that the stream may go on. It keeps no more of the stream than one state and a
// page of its events. A stream without events has no steps; domain.ErrNotFound is for one of no aggregate.
func (s *Service) Walk(ctx context.Context, stream domain.StreamName, until Until,
	see func(step Step, state func() any) (on bool),
) (more bool, err error) {
	switch stream.Category() {
	case account.Category:
		return walk(ctx, s.store, account.Decider, stream, until, see)
	case provider.Category:
		return walk(ctx, s.store, provider.Decider, stream, until, see)
	case product.Category:
		return walk(ctx, s.store, product.Decider, stream, until, see)
	case booking.Category:
		return walk(ctx, s.store, booking.Decider, stream, until, see)
	case pins.Category:
		return walk(ctx, s.store, pins.Decider, stream, until, see)
	case claim.Category:
		return walk(ctx, s.store, claim.Decider, stream, until, see)
	case uscc.Category:
		return walk(ctx, s.store, uscc.Decider, stream, until, see)
	case canned.Category:
		return walk(ctx, s.store, canned.Decider, stream, until, see)
	case calendar.Category:
		return walk(ctx, s.store, calendar.Decider, stream, until, see)
	case digest.Category:
		return walk(ctx, s.store, digest.Decider, stream, until, see)
	case webhook.Category:
		return walk(ctx, s.store, webhook.Decider, stream, until, see)
	}
	return false, fmt.Errorf("stream %q: %w", string(stream), domain.ErrNotFound)
}

func walk[S, C any](ctx context.Context, store domain.EventStore, d domain.Decider[S, C], stream domain.StreamName,
	until Until, see func(Step, func() any) bool,
) (more bool, err error) {
	var folded S
	state := func() any { return folded }
	for recorded, err := range wholeStream(ctx, store, stream, 0, until.limit()) {
		if err != nil {
			return false, refusal(err)
		}
		step := Step{RecordedEvent: recorded}
		if step.Meta, err = recorded.DecodeMetadata(); err != nil {
			return false, err
		}
		if until.passed(step) {
			return true, nil
		}
		if step.Fact, err = d.Types.Of(recorded); err != nil {
			return false, fmt.Errorf("%s@%d: %w", recorded.Stream, recorded.Revision, err)
		}
		folded = d.Evolve(folded, step.Fact)
		if !see(step, state) {
			return true, nil
		}
	}
	return false, nil
}

// Head is the position of the log's last event; 0 when there is none.
func (s *Service) Head(ctx context.Context) (domain.Position, error) {
	for last, err := range s.store.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		return last.Position, refusal(err)
	}
	return 0, nil
}

// Account is the account as the log has it now; domain.ErrNotFound when there is none.
func (s *Service) Account(ctx context.Context, id uuid.UUID) (account.State, error) {
	return current(ctx, s.store, account.Decider, id)
}

// AccountNow is Account for who asks often.
func (s *Service) AccountNow(ctx context.Context, id uuid.UUID) (account.State, error) {
	now, err := upToDate(ctx, s.store, &s.accounts, account.Decider, id)
	if err == nil && !now.exists {
		err = domain.ErrNotFound
	}
	return now.State, err
}

// Provider is the provider as the log has it now; domain.ErrNotFound when there is none.
func (s *Service) Provider(ctx context.Context, id uuid.UUID) (provider.State, error) {
	return current(ctx, s.store, provider.Decider, id)
}

// OwnerStanding is the standing of a product's provider: now, or for a request that had been carried out before, what it was when
// that left its last event, so that the same request is answered the same.
func (s *Service) OwnerStanding(ctx context.Context, out Outcome[product.State]) (provider.Standing, error) {
	if !out.Replayed {
		return s.standing(ctx, out.State.ProviderID)
	}
	var then loaded[provider.State]
	owner := domain.Stream(provider.Category, out.State.ProviderID)
	for recorded, err := range wholeStream(ctx, s.store, owner, 0, domain.NoLimit) {
		if err != nil {
			return "", refusal(err)
		}
		if recorded.Position > out.Position {
			break
		}
		if err := then.add(provider.Types, provider.Evolve, recorded); err != nil {
			return "", err
		}
	}
	return then.State.Standing, nil
}

func current[S, C any](ctx context.Context, store domain.EventStore, d domain.Decider[S, C], id uuid.UUID) (S, error) {
	l, err := load(ctx, store, Request{}, d, id)
	if err == nil && !l.exists {
		err = domain.ErrNotFound
	}
	return l.State, err
}
