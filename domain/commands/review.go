package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/workdays"
)

// Decision is what a reviewer decides of a case, beside which case and which way.
type Decision struct {
	// Revision is the content revision that was judged, and Digest, when given, that of its content (decision.Digest): any other than
	// the latest is refused.
	Revision domain.ContentRevision
	Digest   string
	// Claim, when given, is the claim under which it is decided, and no other way.
	Claim uuid.UUID
	// Reasons are what whoever submitted reads of a rejection or a revocation; Note is among colleagues.
	Reasons []domain.Reason
	Note    string
}

// ApproveProvider makes a revision of the application the live one, and confirms its code first. Where two persons have to approve
// (Sources.SecondApprover) the first approval is recorded, and the second, by somebody else, is the one.
func (s *Service) ApproveProvider(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[provider.State], error) {
	p := s.rulingOnProvider(req, id, d, func(r decision.Ruling) provider.Command {
		return provider.Approve{Ruling: r, TwoPersons: s.sources.SecondApprover}
	})
	begin := p.ahead
	p.ahead = func(ctx context.Context, after provider.State) error {
		if err := begin(ctx, after); err != nil || after.Review != domain.ReviewApproved {
			return err
		}
		return s.confirm(ctx, req, id, uscc.Code(after.Approved.USCC))
	}
	return execute(ctx, s.store, req, provider.Decider, id, p)
}

// RejectProvider refuses a revision of the application.
func (s *Service) RejectProvider(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[provider.State], error) {
	return execute(ctx, s.store, req, provider.Decider, id, s.rulingOnProvider(req, id, d, func(r decision.Ruling) provider.Command {
		return provider.Reject{Ruling: r}
	}))
}

// RevokeProviderApproval takes back the approval of the live revision of the application. Claims have no part in it: what should not be
// public is not held up by whoever looks at a later revision.
func (s *Service) RevokeProviderApproval(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[provider.State], error) {
	return execute(ctx, s.store, req, provider.Decider, id, plan[provider.State, provider.Command]{
		command: func(ctx context.Context, _ provider.State) (provider.Command, error) {
			r, err := s.ruling(ctx, req, id, d)
			if err != nil {
				return nil, err
			}
			calendar, err := s.Calendar(ctx)
			if err != nil {
				return nil, err
			}
			return provider.RevokeApproval{Ruling: r, Due: calendar.Due(req.At, workdays.ForApplication)}, nil
		},
	})
}

// ApproveProduct makes a revision of the product the live one; the first time, and the first after a revocation, it also lists it.
func (s *Service) ApproveProduct(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, s.rulingOnProduct(req, id, d,
		func(r decision.Ruling, owner provider.Standing) product.Command {
			return product.Approve{Ruling: r, Provider: owner}
		}))
}

// RejectProduct refuses a revision of the product.
func (s *Service) RejectProduct(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, s.rulingOnProduct(req, id, d,
		func(r decision.Ruling, owner provider.Standing) product.Command {
			return product.Reject{Ruling: r, Provider: owner}
		}))
}

// RevokeProductApproval takes back the approval of the product's live revision, as RevokeProviderApproval does.
func (s *Service) RevokeProductApproval(ctx context.Context, req Request, id uuid.UUID, d Decision) (Outcome[product.State], error) {
	return execute(ctx, s.store, req, product.Decider, id, plan[product.State, product.Command]{
		command: func(ctx context.Context, before product.State) (product.Command, error) {
			r, err := s.ruling(ctx, req, before.ProviderID, d)
			if err != nil {
				return nil, err
			}
			owner, err := s.standing(ctx, before.ProviderID)
			if err != nil {
				return nil, err
			}
			calendar, err := s.Calendar(ctx)
			if err != nil {
				return nil, err
			}
			return product.RevokeApproval{Ruling: r, Provider: owner, Due: calendar.Due(req.At, workdays.ForProduct)}, nil
		},
	})
}

// rulingOnProvider is the plan of a decision on an application.
func (s *Service) rulingOnProvider(req Request, id uuid.UUID, d Decision,
	command func(decision.Ruling) provider.Command,
) plan[provider.State, provider.Command] {
	var claim uuid.UUID
	return plan[provider.State, provider.Command]{
		command: func(ctx context.Context, _ provider.State) (provider.Command, error) {
			r, err := s.claimed(ctx, req, id, id, d)
			claim = r.Claim
			return command(r), err
		},
		ahead: func(ctx context.Context, _ provider.State) error {
			return s.beginDecision(ctx, req, provider.Category, id, d.Revision, claim)
		},
	}
}

// rulingOnProduct is the plan of a decision on a product; command also gets the standing of its owner.
func (s *Service) rulingOnProduct(req Request, id uuid.UUID, d Decision,
	command func(decision.Ruling, provider.Standing) product.Command,
) plan[product.State, product.Command] {
	var claim uuid.UUID
	return plan[product.State, product.Command]{
		command: func(ctx context.Context, before product.State) (product.Command, error) {
			r, err := s.claimed(ctx, req, id, before.ProviderID, d)
			if err != nil {
				return nil, err
			}
			claim = r.Claim
			owner, err := s.standing(ctx, before.ProviderID)
			return command(r, owner), err
		},
		ahead: func(ctx context.Context, _ product.State) error {
			return s.beginDecision(ctx, req, product.Category, id, d.Revision, claim)
		},
	}
}

// claimed is the actor's ruling on a case, with its claim. What the claims refuse is for the decider to say, once nothing else is wrong: of
// a case that is decided, that it is.
func (s *Service) claimed(ctx context.Context, req Request, id, submitter uuid.UUID, d Decision) (decision.Ruling, error) {
	r, err := s.ruling(ctx, req, submitter, d)
	if err != nil {
		return r, err
	}
	r.Claim, err = s.claimOf(ctx, req, id, d.Claim)
	var refusal *domain.Error
	if errors.As(err, &refusal) && refusal.Kind != domain.KindUnavailable {
		r.Held, err = err, nil
	}
	return r, err
}

// ruling is what the actor decides of a submitter's case, with the two parties as they are now.
func (s *Service) ruling(ctx context.Context, req Request, submitter uuid.UUID, d Decision) (decision.Ruling, error) {
	r := decision.Ruling{Revision: d.Revision, Digest: d.Digest, Reasons: d.Reasons, Note: d.Note}
	var err error
	if r.Reviewer, err = s.party(ctx, req.Actor.ID); err != nil {
		return r, err
	}
	r.Submitter, err = s.party(ctx, submitter)
	return r, err
}
