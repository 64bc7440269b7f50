package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"waybill/domain"
)

// party is an account with the codes of its certificate and of its application, approved and latest: an enterprise is the same by any of
// them. An account that is not known stands for nobody, and one that was never certified has not applied.
func (s *Service) party(ctx context.Context, id uuid.UUID) (domain.Party, error) {
	p := domain.Party{ID: id}
	a, err := s.AccountNow(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	if err != nil || a.Enterprise == nil {
		return p, err
	}
	applied, err := s.Provider(ctx, id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return p, err
	}
	for _, code := range []string{a.Enterprise.USCC, applied.Approved.USCC, applied.Latest.USCC} {
		if code != "" && !slices.Contains(p.Codes, code) {
			p.Codes = append(p.Codes, code)
		}
	}
	return p, nil
}
