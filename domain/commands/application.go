package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

// One provider per code (Q19) without a transaction over two streams: whoever applies with a code appends to the code's own
// stream first, and nobody is approved whom that stream does not name. A crash between the two appends leaves a reservation
// that the same request finds again, or that another account may take over.

// submit carries out Apply or Revise for the actor.
func (s *Service) submit(ctx context.Context, req Request, command func(account.Enterprise) provider.Command) (Outcome[provider.State], error) {
	return execute(ctx, s.store, req, provider.Decider, req.Actor.ID, plan[provider.State, provider.Command]{
		command: func(ctx context.Context, _ provider.State) (provider.Command, error) {
			enterprise, err := s.certified(ctx, req.Actor.ID)
			return command(enterprise), err
		},
		ahead: func(ctx context.Context, after provider.State) error {
			return s.reserve(ctx, req, uscc.Code(after.Latest.USCC), req.Actor.ID)
		},
	})
}

// approve carries out Approve.
func (s *Service) approve(ctx context.Context, req Request, id uuid.UUID, c provider.Approve) (Outcome[provider.State], error) {
	if req.Actor.ID == id {
		return Outcome[provider.State]{}, domain.ErrOwnCase
	}
	p := given[provider.State, provider.Command](c)
	p.ahead = func(ctx context.Context, after provider.State) error {
		return s.reservation(ctx, req, uscc.Code(after.Approved.USCC), id, given[uscc.State, uscc.Command](uscc.Confirm{ProviderID: id}))
	}
	return execute(ctx, s.store, req, provider.Decider, id, p)
}

// reserve makes the code the applicant's, when nobody else needs it.
func (s *Service) reserve(ctx context.Context, req Request, code uscc.Code, applicant uuid.UUID) error {
	return s.reservation(ctx, req, code, applicant, plan[uscc.State, uscc.Command]{
		command: func(ctx context.Context, held uscc.State) (uscc.Command, error) {
			c := uscc.Reserve{ProviderID: applicant}
			if held.Holder == uuid.Nil || held.Holder == applicant {
				return c, nil
			}
			holder, err := s.Provider(ctx, held.Holder)
			if err != nil && !errors.Is(err, domain.ErrNotFound) {
				return nil, err
			}
			c.HolderGone = !holder.Needs(string(code), held.Confirmed)
			return c, nil
		},
	})
}

// reservation carries out one step on the code's stream. A step that this request took before, and that another account
// has since undone, is refused.
func (s *Service) reservation(ctx context.Context, req Request, code uscc.Code, holder uuid.UUID, p plan[uscc.State, uscc.Command]) error {
	req.IfRevision = nil // it names a revision of the provider's stream
	outcome, err := execute(ctx, s.store, req, uscc.Decider, code.StreamID(), p)
	if err != nil || !outcome.Replayed {
		return err
	}
	now, err := current(ctx, s.store, uscc.Decider, code.StreamID())
	if err == nil && now.Holder != holder {
		err = uscc.ErrTaken
	}
	return err
}
