package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/provider"
)

// party is an account with the codes of its certificate and of its application, approved and latest: an enterprise is the same by any of
// them. An account that is not known stands for nobody, and one that was never certified has not applied.
func (s *Service) party(ctx context.Context, id uuid.UUID) (domain.Party, error) {
	a, err := s.AccountNow(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	if err != nil || a.Enterprise == nil {
		return domain.Party{ID: id}, err
	}
	applied, err := s.Provider(ctx, id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return domain.Party{ID: id}, err
	}
	return partyOf(id, a, applied), nil
}

// partyOf is party for whom account and application are known of; zero is none.
func partyOf(id uuid.UUID, a account.State, applied provider.State) domain.Party {
	p := domain.Party{ID: id}
	if a.Enterprise != nil {
		p.Codes = append(p.Codes, a.Enterprise.USCC)
	}
	for _, code := range []string{applied.Approved.USCC, applied.Latest.USCC} {
		if code != "" && !slices.Contains(p.Codes, code) {
			p.Codes = append(p.Codes, code)
		}
	}
	return p
}
