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

// Until says where a replay stops: after the event with Revision, and before the first event later than At, to the microsecond
// in which times are shown. Nil is no bound.
type Until struct {
	Revision *domain.Revision
	At       *time.Time
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
}

// Replay folds one stream with the aggregate's own Evolve, for auditors. domain.ErrNotFound says that it had no event by then.
func (s *Service) Replay(ctx context.Context, stream domain.StreamName, until Until) (Replayed, error) {
	switch stream.Category() {
	case account.Category:
		return replay(ctx, s.store, account.Decider, stream, until)
	case provider.Category:
		return replay(ctx, s.store, provider.Decider, stream, until)
	case product.Category:
		return replay(ctx, s.store, product.Decider, stream, until)
	case booking.Category:
		return replay(ctx, s.store, booking.Decider, stream, until)
	case pins.Category:
		return replay(ctx, s.store, pins.Decider, stream, until)
	case claim.Category:
		return replay(ctx, s.store, claim.Decider, stream, until)
	case uscc.Category:
		return replay(ctx, s.store, uscc.Decider, stream, until)
	case canned.Category:
		return replay(ctx, s.store, canned.Decider, stream, until)
	case calendar.Category:
		return replay(ctx, s.store, calendar.Decider, stream, until)
	case digest.Category:
		return replay(ctx, s.store, digest.Decider, stream, until)
	case webhook.Category:
		return replay(ctx, s.store, webhook.Decider, stream, until)
	}
	return Replayed{}, fmt.Errorf("stream %q: %w", string(stream), domain.ErrNotFound)
}

func replay[S, C any](ctx context.Context, store domain.EventStore, d domain.Decider[S, C], stream domain.StreamName,
	until Until,
) (Replayed, error) {
	var l loaded[S]
	var at time.Time
	for recorded, err := range store.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return Replayed{}, refusal(err)
		}
		meta, err := recorded.DecodeMetadata()
		if err != nil {
			return Replayed{}, err
		}
		if until.Revision != nil && recorded.Revision > *until.Revision {
			break
		}
		if until.At != nil && meta.At.Truncate(time.Microsecond).After(*until.At) {
			break
		}
		if err := l.add(d.Types, d.Evolve, recorded); err != nil {
			return Replayed{}, err
		}
		at = meta.At
	}
	if !l.exists {
		return Replayed{}, domain.ErrNotFound
	}
	return Replayed{Stream: stream, Revision: l.Revision, Position: l.Position, At: at, State: l.State}, nil
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
	for recorded, err := range s.store.ReadStream(ctx, owner, 0, domain.Forward, domain.NoLimit) {
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
