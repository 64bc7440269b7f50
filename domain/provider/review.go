package provider

import (
	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/workdays"
)

// FirstApproval is the first of two approvals of the latest revision.
type FirstApproval struct {
	Revision domain.ContentRevision `json:"revision"`
	Reviewer uuid.UUID              `json:"reviewer"`
}

// Approve makes the named revision, which must be the latest and pending, the live one. The submitter of the ruling says whose
// application it is.
type Approve struct {
	decision.Ruling
	// TwoPersons says that one approval is not enough: the first is recorded, and a second by somebody else makes it live.
	TwoPersons bool
}

// Reject refuses the named revision, which must be the latest and pending. A first approval of it is void.
type Reject struct{ decision.Ruling }

// RevokeApproval takes back the approval of the named revision, which must be the live one, so that none is. Due is when the decision
// is promised that the revision then waits for, if it is the latest.
type RevokeApproval struct {
	decision.Ruling
	Due workdays.Due
}

func (Approve) command()        {}
func (Reject) command()         {}
func (RevokeApproval) command() {}

// checkImpartial refuses what an applicant decides on their own application, whatever has become of it, or what somebody of their
// enterprise does.
func checkImpartial(c Command) error {
	var r decision.Ruling
	switch c := c.(type) {
	case Approve:
		r = c.Ruling
	case Reject:
		r = c.Ruling
	case RevokeApproval:
		r = c.Ruling
	default:
		return nil
	}
	return domain.CheckImpartial(r.Reviewer, r.Submitter)
}

func decideApprove(s State, c Approve) ([]domain.Event, error) {
	if err := domain.CheckDecision(s.Review, s.Revision, c.Revision); err != nil {
		return nil, err
	}
	seen, err := s.latest().Seen()
	if err != nil {
		return nil, err
	}
	record, err := c.Approve(seen)
	switch {
	case err != nil:
		return nil, err
	case c.TwoPersons && s.First == nil:
		return []domain.Event{FirstApproved{Revision: c.Revision, Reviewer: c.Reviewer.ID, Record: record}}, nil
	case c.TwoPersons && s.First.Reviewer == c.Reviewer.ID:
		return nil, ErrSecondApprover
	}
	return []domain.Event{Approved{Revision: c.Revision, Record: record}}, nil
}

func decideReject(s State, c Reject) ([]domain.Event, error) {
	if err := domain.CheckDecision(s.Review, s.Revision, c.Revision); err != nil {
		return nil, err
	}
	seen, err := s.latest().Seen()
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

// ApprovalRevoked reports whether its approval was revoked and none came since: what it offered is hidden and goes on otherwise, as in a
// suspension.
func (s State) ApprovalRevoked() bool { return s.Standing == StandingApplicant && s.Revoked != nil }

// latest is what there is to see of the latest revision.
func (s State) latest() decision.Case {
	return decision.Case{
		Content: s.Latest, Images: s.Latest.References(), Verdict: s.Verdict, Mismatches: s.Mismatches, Calendar: s.Due.Calendar,
	}
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

// endReview refuses what awaits a decision when the provider has gone: nobody could decide on it.
func (s State) endReview(gone bool) []domain.Event {
	if !gone || s.Review != domain.ReviewPending {
		return nil
	}
	return []domain.Event{Rejected{Revision: s.Revision, Reasons: domain.ProviderGone()}}
}
