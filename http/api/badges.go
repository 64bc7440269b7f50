package api

import (
	"context"
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
	var err error
	if slices.Contains(in.Roles, domain.RoleEnterprise) {
		if badges.Enterprise, err = s.enterpriseBadges(ctx, in.Account); err != nil {
			return err
		}
		if badges.Provider, err = s.providerBadges(ctx, in.Account); err != nil {
			return err
		}
	}
	if slices.Contains(in.Roles, domain.RoleReviewer) {
		if badges.Reviewer, err = s.reviewerBadges(ctx); err != nil {
			return err
		}
	}
	return answer(c, nethttp.StatusOK, badges)
}

func (s *server) enterpriseBadges(ctx context.Context, id uuid.UUID) (*EnterpriseBadges, error) {
	awaiting, err := s.bookings.AwaitingReply(ctx, id)
	if err != nil {
		return nil, err
	}
	unread, err := s.bookings.UnreadReplies(ctx, id)
	return &EnterpriseBadges{AwaitingReply: badgeOf(awaiting), UnreadReplies: badgeOf(unread)}, err
}

func (s *server) reviewerBadges(ctx context.Context) (*ReviewerBadges, error) {
	products, err := s.review.Pending(ctx, product.Category)
	if err != nil {
		return nil, err
	}
	providers, err := s.review.Pending(ctx, provider.Category)
	return &ReviewerBadges{PendingProducts: badgeOf(products), PendingProviders: badgeOf(providers)}, err
}

// providerBadges is nil for an enterprise that never was a provider.
func (s *server) providerBadges(ctx context.Context, id uuid.UUID) (*ProviderBadges, error) {
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
