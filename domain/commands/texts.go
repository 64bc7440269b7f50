package commands

import (
	"context"

	"waybill/domain"
	"waybill/domain/canned"
)

// SetReviewTexts makes the texts that reviewers pick for a reason's code.
func (s *Service) SetReviewTexts(ctx context.Context, req Request, c canned.SetTexts) (Outcome[canned.State], error) {
	return execute(ctx, s.store, req, canned.Decider, canned.ID, given[canned.State, canned.Command](c))
}

// ReviewTexts are the texts as the log has them now, and the revision of their stream; nil as long as nothing was ever set.
func (s *Service) ReviewTexts(ctx context.Context) (canned.State, *domain.Revision, error) {
	now, err := upToDate(ctx, s.store, &s.texts, canned.Decider, canned.ID)
	if err != nil || !now.exists {
		return canned.State{}, nil, err
	}
	return now.State, &now.Revision, nil
}
