package api

import (
	"errors"
	nethttp "net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// GetBadges counts what waits for the caller, in each of its roles.
func (s *server) GetBadges(c echo.Context, _ GetBadgesParams) error {
	in, ctx := callOf(c), c.Request().Context()
	var badges Badges
	var failed error
	count := func(n projections.Count, err error) Badge {
		failed = errors.Join(failed, err)
		return badgeOf(n)
	}
	if slices.Contains(in.Roles, domain.RoleEnterprise) {
		badges.Enterprise = &EnterpriseBadges{
			AwaitingReply: count(s.bookings.AwaitingReply(ctx, in.Account)),
			UnreadReplies: count(s.bookings.UnreadReplies(ctx, in.Account)),
		}
		var err error
		if badges.Provider, err = s.providerBadges(c, in.Account); err != nil {
			return err
		}
	}
	if slices.Contains(in.Roles, domain.RoleReviewer) {
		badges.Reviewer = &ReviewerBadges{
			PendingProducts:  count(s.review.Pending(ctx, product.Category)),
			PendingProviders: count(s.review.Pending(ctx, provider.Category)),
		}
	}
	if failed != nil {
		return failed
	}
	return answer(c, nethttp.StatusOK, badges)
}

// providerBadges is nil for an enterprise that never was a provider.
func (s *server) providerBadges(c echo.Context, id uuid.UUID) (*ProviderBadges, error) {
	ctx := c.Request().Context()
	state, err := s.Commands.Provider(ctx, id)
	if errors.Is(err, domain.ErrNotFound) || (err == nil && state.ApprovedRevision == 0) {
		return nil, nil //nolint:nilnil // no provider, no badges
	}
	if err != nil {
		return nil, err
	}
	products, err := s.backoffice.CountByReview(ctx, id)
	if err != nil {
		return nil, err
	}
	received, err := s.bookings.ReceivedAwaitingReply(ctx, id)
	if err != nil {
		return nil, err
	}
	return &ProviderBadges{
		PendingProducts: badgeOf(products[domain.ReviewPending]), ApprovedProducts: badgeOf(products[domain.ReviewApproved]),
		RejectedProducts: badgeOf(products[domain.ReviewRejected]), AwaitingReply: badgeOf(received),
	}, nil
}

func badgeOf(c projections.Count) Badge {
	return Badge{Total: int32of(c.N), TotalIsLowerBound: c.AtLeast}
}
