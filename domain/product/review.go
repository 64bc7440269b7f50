package product

import (
	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// Approve makes the named revision, which must be the latest and pending, the live one. Nothing of a closed provider is decided.
type Approve struct {
	decision.Ruling
	Provider provider.Standing
}

// Reject refuses the named revision, which must be the latest and pending. Nothing of a closed provider is decided.
type Reject struct {
	decision.Ruling
	Provider provider.Standing
}

// RevokeApproval takes back the approval of the named revision, which must be the live one, so that none is. Due is when the decision
// is promised that the revision then waits for, if it is the latest. Nothing of a closed provider is revoked: it is hidden for good.
type RevokeApproval struct {
	decision.Ruling
	Provider provider.Standing
	Due      workdays.Due
}

func (Approve) command()        {}
func (Reject) command()         {}
func (RevokeApproval) command() {}

// decideApprove lists on the first approval (R27), and on the first after a revocation: later the display is as the provider left it.
// What an operator took down the provider lists.
func decideApprove(s State, c Approve) ([]domain.Event, error) {
	seen, err := s.open(c.Ruling, c.Provider)
	if err != nil {
		return nil, err
	}
	record, err := c.Approve(seen)
	if err != nil {
		return nil, err
	}
	approved := Approved{Revision: c.Revision, Record: record}
	if s.ApprovedRevision > 0 || s.TakenDown != nil {
		return []domain.Event{approved}, nil
	}
	return []domain.Event{approved, Listed{}}, nil
}

func decideReject(s State, c Reject) ([]domain.Event, error) {
	seen, err := s.open(c.Ruling, c.Provider)
	if err != nil {
		return nil, err
	}
	record, reasons, err := c.Refuse(seen, s.Latest)
	if err != nil {
		return nil, err
	}
	return []domain.Event{Rejected{Revision: c.Revision, Reasons: reasons, Record: record}}, nil
}

func decideRevokeApproval(s State, c RevokeApproval) ([]domain.Event, error) {
	if err := s.mayJudge(c.Ruling, c.Provider); err != nil {
		return nil, err
	}
	if err := domain.CheckRevocation(s.ApprovedRevision, c.Revision); err != nil {
		return nil, err
	}
	seen, err := s.live()
	if err != nil {
		return nil, err
	}
	record, reasons, err := c.Refuse(seen, s.Approved)
	if err != nil {
		return nil, err
	}
	revoked := ApprovalRevoked{Revision: c.Revision, Reasons: reasons, Record: record}
	if c.Revision == s.Revision {
		revoked.Due = c.Due
	}
	return []domain.Event{revoked}, nil
}

// open is what there is to see of the latest revision, when the ruling may be made on it.
func (s State) open(r decision.Ruling, owner provider.Standing) (decision.Seen, error) {
	if err := s.mayJudge(r, owner); err != nil {
		return decision.Seen{}, err
	}
	if err := domain.CheckDecision(s.Review, s.Revision, r.Revision); err != nil {
		return decision.Seen{}, err
	}
	return s.latest().Seen()
}

func (s State) mayJudge(r decision.Ruling, owner provider.Standing) error {
	r.Submitter.ID = s.ProviderID
	if err := domain.CheckImpartial(r.Reviewer, r.Submitter); err != nil {
		return err
	}
	if owner == provider.StandingClosed {
		return provider.ErrClosed
	}
	return nil
}

// latest is what there is to see of the latest revision.
func (s State) latest() decision.Case {
	return decision.Case{Content: s.Latest, Images: s.Latest.References(), Verdict: s.Verdict, Calendar: s.Due.Calendar}
}

// live is what there is to see of the live revision: of one that is not the latest any more, what its approval recorded.
func (s State) live() (decision.Seen, error) {
	switch {
	case s.ApprovedRevision == s.Revision:
		return s.latest().Seen()
	case s.ApprovedSeen != nil:
		return *s.ApprovedSeen, nil
	}
	return decision.Case{Content: s.Approved, Images: s.Approved.References()}.Seen()
}
