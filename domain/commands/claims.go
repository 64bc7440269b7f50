package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// A case has a stream of claims of its own, under the case's id, so that who looks at a case when does not make the product's stream
// longer. Whoever decides appends there first, and so does not get past a claim that was answered before.

// ClaimCase makes the case the actor's for the length of a lease, or renews the actor's claim. revision is the submission that the
// actor saw. With renews, only that claim is renewed, and none is made instead.
func (s *Service) ClaimCase(ctx context.Context, req Request, kind string, id uuid.UUID, revision domain.ContentRevision,
	renews uuid.UUID,
) (Outcome[claim.State], error) {
	out, err := execute(ctx, s.store, onClaims(req), claim.Decider, id, s.claiming(req, kind, id, revision, renews))
	return out, s.naming(ctx, err)
}

// claiming is the plan of a claim. Revision 0 is the latest.
func (s *Service) claiming(req Request, kind string, id uuid.UUID, revision domain.ContentRevision,
	renews uuid.UUID,
) plan[claim.State, claim.Command] {
	return plan[claim.State, claim.Command]{command: func(ctx context.Context, _ claim.State) (claim.Command, error) {
		by, err := s.party(ctx, req.Actor.ID)
		if err != nil {
			return nil, err
		}
		c, err := s.claimOn(ctx, req, kind, id, by)
		c.Revision, c.Renews = revision, renews
		if revision == 0 {
			c.Revision = c.Case.Revision
		}
		return c, err
	}}
}

// claimOn is a reviewer's claim on a case as the log has it now; domain.ErrNotFound when there is no such case.
func (s *Service) claimOn(ctx context.Context, req Request, kind string, id uuid.UUID, by domain.Party) (claim.Claim, error) {
	c := claim.Claim{By: by, New: claimID(req), At: req.At, Lease: s.lease()}
	var err error
	c.Case, err = s.caseOf(ctx, kind, id, len(by.Codes) > 0)
	return c, err
}

// claimID is the id of the claim that a request makes.
func claimID(req Request) uuid.UUID { return uuid.NewSHA1(req.ID, []byte(claim.Category)) }

func (s *Service) lease() time.Duration {
	if s.sources.ClaimLease == 0 {
		return claim.DefaultLease
	}
	return s.sources.ClaimLease
}

// caseOf is a case as the log has it now; domain.ErrNotFound when there is none, or it was deleted. The submitter's codes are looked up
// only on demand: they say nothing to a reviewer who has none.
func (s *Service) caseOf(ctx context.Context, kind string, id uuid.UUID, codes bool) (claim.Case, error) {
	c := claim.Case{Kind: kind}
	submitter := id
	switch kind {
	case provider.Category:
	case product.Category:
		of, err := current(ctx, s.store, product.Decider, id)
		if err == nil && of.Deleted {
			err = domain.ErrNotFound
		}
		if err != nil {
			return c, err
		}
		c.Revision, c.Review, submitter = of.Revision, of.Review, of.ProviderID
	default:
		return c, fmt.Errorf("claim on a %q: %w", kind, domain.ErrNotFound)
	}
	owner, err := s.Provider(ctx, submitter)
	if err != nil {
		return c, err
	}
	if kind == provider.Category {
		c.Revision, c.Review = owner.Revision, owner.Review
		if owner.First != nil {
			c.First = owner.First.Reviewer
		}
	}
	c.Closed = owner.Standing == provider.StandingClosed
	c.Submitter.ID = submitter
	if codes {
		c.Submitter, err = s.party(ctx, submitter)
	}
	return c, err
}

// HandBackClaim ends the actor's claim.
func (s *Service) HandBackClaim(ctx context.Context, req Request, kind string, id uuid.UUID) (Outcome[claim.State], error) {
	out, err := execute(ctx, s.store, onClaims(req), claim.Decider, id, plan[claim.State, claim.Command]{
		command: func(ctx context.Context, _ claim.State) (claim.Command, error) {
			_, err := s.caseOf(ctx, kind, id, false)
			return claim.HandBack{By: req.Actor.ID, At: req.At}, err
		},
	})
	return out, s.naming(ctx, err)
}

// TakeOver is how an operator takes a claim over.
type TakeOver struct {
	// Claim, when given, is the one that is meant: any other is refused with claim.ErrLost.
	Claim  uuid.UUID
	Reason string
	// Reviewer, when given, gets the case.
	Reviewer uuid.UUID
}

// TakeOverClaim ends the claim on a case for an operator, and may give the case to another reviewer.
func (s *Service) TakeOverClaim(ctx context.Context, req Request, kind string, id uuid.UUID, t TakeOver) (Outcome[claim.State], error) {
	return execute(ctx, s.store, onClaims(req), claim.Decider, id, plan[claim.State, claim.Command]{
		command: func(ctx context.Context, _ claim.State) (claim.Command, error) {
			c := claim.TakeOver{Claim: t.Claim, Reason: t.Reason, At: req.At}
			if t.Reviewer == uuid.Nil {
				_, err := s.caseOf(ctx, kind, id, false)
				return c, err
			}
			if err := s.checkReviewer(ctx, t.Reviewer); err != nil {
				return nil, err
			}
			by, err := s.party(ctx, t.Reviewer)
			if err != nil {
				return nil, err
			}
			to, err := s.claimOn(ctx, req, kind, id, by)
			c.To = &to
			return c, err
		},
	})
}

// checkReviewer refuses an account that may not decide cases.
func (s *Service) checkReviewer(ctx context.Context, id uuid.UUID) error {
	a, err := s.AccountNow(ctx, id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	var f domain.Fields
	if !a.Holds(domain.RoleReviewer) {
		f.Add("/reviewer", "not_a_reviewer", "该账号不是审核人员", "the account is not a reviewer's")
	}
	return f.Err()
}

// ExpireClaim records, for the system, that a claim's time is over. Nothing happens when it is not, or when it has ended otherwise.
func (s *Service) ExpireClaim(ctx context.Context, req Request, id, claimed uuid.UUID) (Outcome[claim.State], error) {
	return execute(ctx, s.store, onClaims(req), claim.Decider, id,
		given[claim.State, claim.Command](claim.Expire{Claim: claimed, At: req.At}))
}

// claimOf returns the actor's claim on a case, the nil id without one. It refuses what somebody else holds, and, with a claim named, any
// state of the case but that this claim holds it: or did, until this very request began its decision.
func (s *Service) claimOf(ctx context.Context, req Request, id, named uuid.UUID) (uuid.UUID, error) {
	l, err := load(ctx, s.store, req, claim.Decider, id)
	if err != nil {
		return uuid.Nil, err
	}
	if l.done != nil && l.done.State.Claim == l.State.Claim && l.done.State.Begun != nil {
		return l.done.State.Begun.Claim, nil
	}
	held, err := l.State.Held(req.Actor.ID, named, req.At)
	return held, s.naming(ctx, err)
}

// beginDecision records on the claim's stream that the actor decides the case. Where the claims have changed since claimOf looked, so that
// they refuse it now, that is domain.ErrConflict: the decision looks at the case and its claims again, and says what it finds there.
// A request that comes again begins again when the case was claimed since it began.
func (s *Service) beginDecision(ctx context.Context, req Request, kind string, id uuid.UUID, revision domain.ContentRevision,
	held uuid.UUID,
) error {
	begin := given[claim.State, claim.Command](claim.Begin{By: req.Actor.ID, Kind: kind, Revision: revision, Claim: held, At: req.At})
	begun, err := execute(ctx, s.store, onClaims(req), claim.Decider, id, begin)
	if err != nil || !begun.Replayed {
		return moved(err)
	}
	now, err := current(ctx, s.store, claim.Decider, id)
	if err != nil || now.Claim == begun.State.Claim {
		return err
	}
	req.ID = uuid.New()
	_, err = execute(ctx, s.store, onClaims(req), claim.Decider, id, begin)
	return moved(err)
}

// moved is domain.ErrConflict for what the claims refuse.
func moved(err error) error {
	if errors.Is(err, claim.ErrClaimed) || errors.Is(err, claim.ErrLost) || errors.Is(err, claim.ErrExpired) {
		return domain.ErrConflict
	}
	return err
}

// onClaims is a request on a case's claims: the revision it names, if any, is of another stream.
func onClaims(req Request) Request {
	req.IfRevision = nil
	return req
}

// naming says in a refusal who holds the case and until when.
func (s *Service) naming(ctx context.Context, err error) error {
	var refused *domain.Error
	if !errors.As(err, &refused) || refused.Claim == nil {
		return err
	}
	holder, lookErr := s.AccountNow(ctx, refused.Claim.Reviewer)
	if lookErr != nil && !errors.Is(lookErr, domain.ErrNotFound) {
		return lookErr
	}
	e, c := *refused, *refused.Claim
	c.Name = holder.DisplayName
	e.Claim = &c
	until := c.Until.In(domain.Beijing).Format("2006-01-02 15:04")
	e.Text = domain.Text{
		ZH: fmt.Sprintf("该案件已由审核人员%s领取，至%s（北京时间）", c.Name, until),
		EN: fmt.Sprintf("reviewer %s has claimed the case until %s (Beijing)", c.Name, until),
	}
	return &e
}
