package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// OpenAccount opens an account.
func (s *Service) OpenAccount(ctx context.Context, req Request, displayName string) (Outcome[account.State], error) {
	return create(ctx, s.store, req, account.Decider, given[account.State, account.Command](account.Open{DisplayName: displayName}))
}

// CertifyAccount records what source asserts about the account's enterprise.
func (s *Service) CertifyAccount(ctx context.Context, req Request, id uuid.UUID, e account.Enterprise,
	source string,
) (Outcome[account.State], error) {
	return s.account(ctx, req, id, account.Certify{Enterprise: e, Source: source})
}

// GrantRole gives an account a staff role.
func (s *Service) GrantRole(ctx context.Context, req Request, id uuid.UUID, role domain.Role) (Outcome[account.State], error) {
	return s.account(ctx, req, id, account.GrantRole{Role: role})
}

// RevokeRole takes a staff role back.
func (s *Service) RevokeRole(ctx context.Context, req Request, id uuid.UUID, role domain.Role,
	reason string,
) (Outcome[account.State], error) {
	return s.account(ctx, req, id, account.RevokeRole{Role: role, Reason: reason})
}

// CloseAccount ends an account for good, once its provider, if it has one, is closed.
func (s *Service) CloseAccount(ctx context.Context, req Request, id uuid.UUID, reason string) (Outcome[account.State], error) {
	return execute(ctx, s.store, req, account.Decider, id, plan[account.State, account.Command]{
		command: func(ctx context.Context, _ account.State) (account.Command, error) {
			standing, err := s.standing(ctx, id)
			return account.Close{Reason: reason, HasProvider: standing != "" && standing != provider.StandingClosed}, err
		},
	})
}

// ApplyAsProvider submits the actor's application, and reserves its code first if that is the certified one.
func (s *Service) ApplyAsProvider(ctx context.Context, req Request, p provider.Profile) (Outcome[provider.State], error) {
	return s.submit(ctx, req, p, func(known provider.Facts, _ domain.Pace) provider.Command {
		return provider.Apply{Profile: p, Facts: known}
	})
}

// ReviseApplication submits a later revision of it, as ApplyAsProvider does.
func (s *Service) ReviseApplication(ctx context.Context, req Request, p provider.Profile) (Outcome[provider.State], error) {
	return s.submit(ctx, req, p, func(known provider.Facts, pace domain.Pace) provider.Command {
		return provider.Revise{Profile: p, Facts: known, Pace: pace}
	})
}

// SuspendProvider takes a provider and all its products out of public view for a time.
func (s *Service) SuspendProvider(ctx context.Context, req Request, id uuid.UUID, reason string) (Outcome[provider.State], error) {
	return s.provider(ctx, req, id, provider.Suspend{Reason: reason})
}

// ReinstateProvider ends a suspension.
func (s *Service) ReinstateProvider(ctx context.Context, req Request, id uuid.UUID, reason string) (Outcome[provider.State], error) {
	return s.provider(ctx, req, id, provider.Reinstate{Reason: reason})
}

// CloseProvider ends a provider for good.
func (s *Service) CloseProvider(ctx context.Context, req Request, id uuid.UUID, reason string) (Outcome[provider.State], error) {
	return s.provider(ctx, req, id, provider.Close{Reason: reason})
}

// SetPinLimit says how many products a provider may pin at a time; nil lifts the limit.
func (s *Service) SetPinLimit(ctx context.Context, req Request, id uuid.UUID, limit *int, reason string) (Outcome[provider.State], error) {
	return s.provider(ctx, req, id, provider.SetPinLimit{Limit: limit, Reason: reason})
}

// SubmitProduct submits a new product of the actor's for review.
func (s *Service) SubmitProduct(ctx context.Context, req Request, c product.Content) (Outcome[product.State], error) {
	return create(ctx, s.store, req, product.Decider, plan[product.State, product.Command]{
		command: func(ctx context.Context, _ product.State) (product.Command, error) {
			standing, err := s.standing(ctx, req.Actor.ID)
			if err != nil {
				return nil, err
			}
			known, err := s.facts(ctx, req, c)
			return product.Submit{ProviderID: req.Actor.ID, Provider: standing, Content: c, Facts: known}, err
		},
	})
}

// ReviseProduct submits a later revision of the actor's product for review.
func (s *Service) ReviseProduct(ctx context.Context, req Request, id uuid.UUID, c product.Content) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, plan[product.State, product.Command]{
		command: func(ctx context.Context, _ product.State) (product.Command, error) {
			standing, err := s.standing(ctx, req.Actor.ID)
			if err != nil {
				return nil, err
			}
			known, err := s.facts(ctx, req, c)
			if err != nil {
				return nil, err
			}
			pace, err := s.pace(ctx, domain.Stream(product.Category, id), req)
			return product.Revise{By: req.Actor.ID, Provider: standing, Content: c, Facts: known, Pace: pace}, err
		},
	})
}

// EndProductReview ends, for the system, what awaits a decision of a provider that is closed.
func (s *Service) EndProductReview(ctx context.Context, req Request, id uuid.UUID) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, s.reviewing(func(p provider.Standing) product.Command {
		return product.EndReview{Provider: p}
	}))
}

// EndProviderReview ends, for the system, the application that awaits a decision though its provider is closed.
func (s *Service) EndProviderReview(ctx context.Context, req Request, id uuid.UUID) (Outcome[provider.State], error) {
	return s.provider(ctx, req, id, provider.EndReview{})
}

// MatchPlace records, for the system, where the destination of a revision is that was submitted before its event said so.
func (s *Service) MatchPlace(ctx context.Context, req Request, id uuid.UUID,
	revision domain.ContentRevision,
) (Outcome[product.State], error) {
	if s.sources.Places == nil {
		return Outcome[product.State]{}, errors.New("no gazetteer to match a place with")
	}
	return execute(ctx, s.store, req, product.Decider, id, plan[product.State, product.Command]{
		command: func(_ context.Context, before product.State) (product.Command, error) {
			return product.MatchPlace{Revision: revision, Place: before.Latest.Destination.Find(s.sources.Places)}, nil
		},
	})
}

// PublishProduct shows the actor's product to the public.
func (s *Service) PublishProduct(ctx context.Context, req Request, id uuid.UUID) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, s.offering(req, func(p provider.Standing) product.Command {
		return product.Publish{By: req.Actor.ID, Provider: p}
	}))
}

// UnpublishProduct hides the actor's product.
func (s *Service) UnpublishProduct(ctx context.Context, req Request, id uuid.UUID) (Outcome[product.State], error) {
	return s.product(ctx, req, id, product.Unpublish{By: req.Actor.ID})
}

// PinProduct places the actor's product before all that are not pinned, and takes a slot first when an operator limits the pins.
// known is asked then for what was pinned before there was a limit, when nobody took a slot.
func (s *Service) PinProduct(ctx context.Context, req Request, id uuid.UUID, known ...PinnedBy) (Outcome[product.State], error) {
	p := s.offering(req, func(p provider.Standing) product.Command {
		return product.Pin{By: req.Actor.ID, Provider: p}
	})
	p.ahead = func(ctx context.Context, _ product.State) error { return s.takePin(ctx, req, id, known) }
	return execute(ctx, s.store, req, product.Decider, id, p)
}

// UnpinProduct puts the actor's product back in order of creation.
func (s *Service) UnpinProduct(ctx context.Context, req Request, id uuid.UUID) (Outcome[product.State], error) {
	return s.product(ctx, req, id, product.Unpin{By: req.Actor.ID})
}

// DeleteProduct removes the actor's product for good.
func (s *Service) DeleteProduct(ctx context.Context, req Request, id uuid.UUID) (Outcome[product.State], error) {
	return s.product(ctx, req, id, product.Delete{By: req.Actor.ID})
}

// TakeDownProduct hides a product from the public, for an operator.
func (s *Service) TakeDownProduct(ctx context.Context, req Request, id uuid.UUID, reason string) (Outcome[product.State], error) {
	return s.product(ctx, req, id, product.TakeDown{Reason: reason})
}

// RequestBooking files the actor's inquiry about a product.
func (s *Service) RequestBooking(ctx context.Context, req Request, productID uuid.UUID, q booking.Inquiry) (Outcome[booking.State], error) {
	return create(ctx, s.store, req, booking.Decider, plan[booking.State, booking.Command]{
		command: func(ctx context.Context, _ booking.State) (booking.Command, error) {
			return s.inquiry(ctx, req, productID, q)
		},
	})
}

// ReplyToBooking answers an inquiry about the actor's product.
func (s *Service) ReplyToBooking(ctx context.Context, req Request, id uuid.UUID, text string) (Outcome[booking.State], error) {
	return execute(ctx, s.store, req, booking.Decider, id, plan[booking.State, booking.Command]{
		command: func(ctx context.Context, before booking.State) (booking.Command, error) {
			asking, err := s.Account(ctx, before.Request.EnterpriseID)
			if errors.Is(err, domain.ErrNotFound) {
				err = nil
			}
			return booking.Reply{By: req.Actor.ID, Text: text, EnterpriseClosed: asking.Closed}, err
		},
	})
}

// MarkBookingRead records that the actor has seen the reply to its inquiry.
func (s *Service) MarkBookingRead(ctx context.Context, req Request, id uuid.UUID) (Outcome[booking.State], error) {
	return s.booking(ctx, req, id, booking.MarkRead{By: req.Actor.ID})
}

// WithdrawBooking takes the actor's unanswered inquiry back.
func (s *Service) WithdrawBooking(ctx context.Context, req Request, id uuid.UUID) (Outcome[booking.State], error) {
	return s.booking(ctx, req, id, booking.Withdraw{By: req.Actor.ID})
}

// CloseBooking ends an unanswered inquiry for the system.
func (s *Service) CloseBooking(ctx context.Context, req Request, id uuid.UUID, reason booking.CloseReason) (Outcome[booking.State], error) {
	return s.booking(ctx, req, id, booking.Close{Reason: reason})
}

func (s *Service) account(ctx context.Context, req Request, id uuid.UUID, c account.Command) (Outcome[account.State], error) {
	return execute(ctx, s.store, req, account.Decider, id, given[account.State](c))
}

func (s *Service) provider(ctx context.Context, req Request, id uuid.UUID, c provider.Command) (Outcome[provider.State], error) {
	return execute(ctx, s.store, req, provider.Decider, id, given[provider.State](c))
}

func (s *Service) product(ctx context.Context, req Request, id uuid.UUID, c product.Command) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, given[product.State](c))
}

func (s *Service) booking(ctx context.Context, req Request, id uuid.UUID, c booking.Command) (Outcome[booking.State], error) {
	return execute(ctx, s.store, req, booking.Decider, id, given[booking.State](c))
}

// offering makes a command that depends on the actor's standing as a provider.
func (s *Service) offering(req Request, command func(provider.Standing) product.Command) plan[product.State, product.Command] {
	return plan[product.State, product.Command]{command: func(ctx context.Context, _ product.State) (product.Command, error) {
		standing, err := s.standing(ctx, req.Actor.ID)
		return command(standing), err
	}}
}

// reviewing makes a command that depends on the standing of the product's owner.
func (s *Service) reviewing(command func(provider.Standing) product.Command) plan[product.State, product.Command] {
	return plan[product.State, product.Command]{command: func(ctx context.Context, before product.State) (product.Command, error) {
		standing, err := s.standing(ctx, before.ProviderID)
		return command(standing), err
	}}
}

// standing is empty when the account never applied.
func (s *Service) standing(ctx context.Context, id uuid.UUID) (provider.Standing, error) {
	p, err := s.Provider(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	return p.Standing, err
}

// facts are what is known of a product's content that the actor submits.
func (s *Service) facts(ctx context.Context, req Request, c product.Content) (product.Facts, error) {
	images, err := s.uploaded(ctx, req.Actor.ID, c.References())
	if err != nil {
		return product.Facts{}, err
	}
	days, err := s.Calendar(ctx)
	return product.Facts{
		Images: images, Policies: s.sources.Policies, Place: c.Destination.Find(s.sources.Places),
		Due: days.Due(req.At, workdays.ForProduct),
	}, err
}

// inquiry makes the command from what the enterprise sees of the product now.
func (s *Service) inquiry(ctx context.Context, req Request, productID uuid.UUID, q booking.Inquiry) (booking.Command, error) {
	enterprise, err := s.certified(ctx, req.Actor.ID)
	if err != nil {
		return nil, err
	}
	wanted, err := current(ctx, s.store, product.Decider, productID)
	if err != nil {
		return nil, err
	}
	if wanted.ApprovedRevision == 0 && wanted.ProviderID != req.Actor.ID {
		return nil, domain.ErrNotFound // it never was public, or is approved no longer: nobody else knows of it
	}
	owner, err := s.Provider(ctx, wanted.ProviderID)
	if err != nil {
		return nil, err
	}
	return booking.Request{
		Snapshot: booking.Requested{
			ProductID: productID, ProductRevision: wanted.ApprovedRevision, ProductName: wanted.Approved.Name,
			ProviderID: wanted.ProviderID, EnterpriseID: req.Actor.ID, EnterpriseName: enterprise.Name, Inquiry: q,
			ProviderName: owner.Approved.Name,
		},
		Available: wanted.Public(owner.Standing),
		At:        req.At,
	}, nil
}

// certified is the enterprise that an account acts for; account.ErrNotCertified also when there is no such account.
func (s *Service) certified(ctx context.Context, id uuid.UUID) (account.Enterprise, error) {
	state, err := s.Account(ctx, id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return account.Enterprise{}, err
	}
	return state.Certified()
}
