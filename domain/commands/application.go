package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/workdays"
)

// One provider per code (Q19) without a transaction over two streams: whoever applies with the code that the account is certified
// for appends to the code's own stream first, and nobody is approved whom that stream does not name. Any other code is nobody's
// business before approval: it reserves nothing, and nothing is learned about it. A crash between the two appends leaves a
// reservation that the same request finds again, and that another account may take over a minute later.

// submit carries out Apply or Revise for the actor.
func (s *Service) submit(ctx context.Context, req Request, p provider.Profile,
	command func(provider.Facts, domain.Pace) provider.Command,
) (Outcome[provider.State], error) {
	known := provider.Facts{Policies: s.sources.Policies}
	return execute(ctx, s.store, req, provider.Decider, req.Actor.ID, plan[provider.State, provider.Command]{
		command: func(ctx context.Context, _ provider.State) (provider.Command, error) {
			var err error
			if known.Certified, err = s.certified(ctx, req.Actor.ID); err != nil {
				return command(known, domain.Pace{}), err
			}
			if known.Images, err = s.uploaded(ctx, req.Actor.ID, p.References()); err != nil {
				return nil, err
			}
			days, err := s.Calendar(ctx)
			if err != nil {
				return nil, err
			}
			known.Due = days.Due(req.At, workdays.ForApplication)
			pace, err := s.pace(ctx, domain.Stream(provider.Category, req.Actor.ID), req)
			return command(known, pace), err
		},
		ahead: func(ctx context.Context, after provider.State) error {
			if after.Latest.USCC != known.Certified.USCC {
				return nil
			}
			return s.reserve(ctx, req, uscc.Code(after.Latest.USCC), req.Actor.ID)
		},
	})
}

// confirm makes the code of an application that is approved its provider's for good.
func (s *Service) confirm(ctx context.Context, req Request, id uuid.UUID, code uscc.Code) error {
	return s.reservation(ctx, req, code, id, plan[uscc.State, uscc.Command]{
		command: func(ctx context.Context, held uscc.State) (_ uscc.Command, err error) {
			c := uscc.Confirm{ProviderID: id, HolderGone: held.Holder == uuid.Nil}
			if held.Holder != uuid.Nil && held.Holder != id {
				c.HolderGone, err = s.holderGone(ctx, req, code, held)
			}
			return c, err
		},
	})
}

// inFlight is how long a reservation, or a decision that was begun, stands whose request has not got to its own stream: it is under way, or
// was cut short.
const inFlight = time.Minute

// reserve makes the code the applicant's, when nobody else needs it.
func (s *Service) reserve(ctx context.Context, req Request, code uscc.Code, applicant uuid.UUID) error {
	return s.reservation(ctx, req, code, applicant, plan[uscc.State, uscc.Command]{
		command: func(ctx context.Context, held uscc.State) (_ uscc.Command, err error) {
			c := uscc.Reserve{ProviderID: applicant}
			if held.Holder != uuid.Nil && held.Holder != applicant {
				c.HolderGone, err = s.holderGone(ctx, req, code, held)
			}
			return c, err
		},
	})
}

// holderGone finds out whether the code's holder no longer needs it. Should it change its mind meanwhile, it renews its
// reservation first, and so this request's append loses.
func (s *Service) holderGone(ctx context.Context, req Request, code uscc.Code, held uscc.State) (bool, error) {
	var last domain.Metadata
	for recorded, err := range s.store.ReadStream(ctx, domain.Stream(uscc.Category, code.StreamID()), domain.End, domain.Backward, 1) {
		if err != nil {
			return false, refusal(err)
		}
		if last, err = recorded.DecodeMetadata(); err != nil {
			return false, err
		}
	}
	holder, err := load(ctx, s.store, Request{ID: last.CausationID, Fingerprint: last.Fingerprint}, provider.Decider, held.Holder)
	if err != nil {
		return false, err
	}
	followed := held.Confirmed || holder.done != nil || req.At.Sub(last.At) > inFlight
	if !followed {
		return false, nil
	}
	if !holder.State.Needs(string(code), held.Confirmed) {
		return true, nil
	}
	return s.squats(ctx, code, held)
}

// squats reports whether a code is held by an application only, of an account that is certified for another code. None comes to
// hold one any more, but older logs have such reservations.
func (s *Service) squats(ctx context.Context, code uscc.Code, held uscc.State) (bool, error) {
	if held.Confirmed {
		return false, nil
	}
	certified, err := s.certified(ctx, held.Holder)
	if errors.Is(err, account.ErrNotCertified) || errors.Is(err, account.ErrClosed) {
		err = nil
	}
	return certified.USCC != string(code), err
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
