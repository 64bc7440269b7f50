package reactions

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/runtime"
)

// endCases ends, with a reason, every case that a closed account or provider leaves open: the enterprise's bookings, and
// what awaits a decision. What was decided while the party was closed is recorded after that, and ended as it comes.
// closeBookings does the same for the provider's side of bookings.
func endCases(service *commands.Service, pool *pgxpool.Pool) runtime.Reaction {
	c := ending{closing{service: service, pool: pool}}
	return runtime.Reaction{
		Name:       "end_cases",
		StoredName: "reaction_end_cases",
		Begins:     runtime.FromStart,
		Applies: projections.TypesOf(account.Closed{}, provider.Closed{}, booking.Requested{}, provider.Applied{},
			product.Submitted{}, product.Revised{}, product.ApprovalRevoked{}),
		PassesOver: projections.TypesOf(
			product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
			product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
			provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{}, provider.Reinstated{},
			booking.Replied{}, booking.Read{}, booking.Closed{},
			account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{},
			account.TokenIssued{}, account.TokenRevoked{},
			uscc.Reserved{}, uscc.Confirmed{}, provider.PinLimitSet{}, pins.Taken{},
			provider.FirstApproved{}, provider.ApprovalRevoked{},
			claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
			calendar.Corrected{}, canned.Set{}, digest.Made{},
			operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
			audit.Opened{}, audit.Exported{},
			webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
		),
		Handle: func(ctx context.Context, e projections.Event) ([]runtime.Item, error) { return nil, c.handle(ctx, e) },
	}
}

type ending struct{ closing }

func (c ending) handle(ctx context.Context, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	switch fact := e.Fact.(type) {
	case account.Closed:
		if err := c.closeProvider(ctx, e, id); err != nil {
			return err
		}
		return c.closeAll(ctx, e, booking.EnterpriseClosed, bookings.Queries{DB: c.pool}.OpenBookingsOfEnterprise, id)
	case provider.Closed:
		return c.endReviews(ctx, e, id)
	case booking.Requested:
		if closed, err := c.accountClosed(ctx, fact.EnterpriseID); err != nil || !closed {
			return err
		}
		return c.close(ctx, e, id, booking.EnterpriseClosed)
	case provider.Applied:
		if closed, err := c.accountClosed(ctx, id); err != nil || !closed {
			return err
		}
		return c.closeProvider(ctx, e, id)
	case product.Submitted:
		if owner, err := c.providerOf(ctx, fact.ProviderID); err != nil || owner.Standing != provider.StandingClosed {
			return err
		}
		return c.endProductReview(ctx, e, id)
	case product.Revised, product.ApprovalRevoked: // which may await a decision by now
		return c.endProductReview(ctx, e, id)
	}
	return nil
}

// closeProvider closes the provider of a closed account. An account with a provider cannot be closed, but the application may
// have been decided before and recorded after.
func (c ending) closeProvider(ctx context.Context, e projections.Event, id uuid.UUID) error {
	owner, err := c.providerOf(ctx, id)
	if err != nil || owner.Standing == "" || owner.Standing == provider.StandingClosed {
		return err
	}
	if _, err := c.service.CloseProvider(ctx, because(c.service, e, id), id, "账号已注销 (the account is closed)"); err != nil {
		return fmt.Errorf("close provider %s: %w", id, err)
	}
	return nil
}

// endReviews ends what awaited a decision when the provider was closed.
func (c ending) endReviews(ctx context.Context, e projections.Event, id uuid.UUID) error {
	if _, err := c.service.EndProviderReview(ctx, because(c.service, e, id), id); err != nil {
		return fmt.Errorf("end the review of provider %s: %w", id, err)
	}
	if err := c.upTo(ctx, backoffice.Model, e); err != nil {
		return err
	}
	products, err := backoffice.Queries{DB: c.pool}.PendingProducts(ctx, id)
	if err != nil {
		return err
	}
	for _, id := range products {
		if err := c.endProductReview(ctx, e, id); err != nil {
			return err
		}
	}
	return nil
}

// endProductReview leaves alone what is decided, deleted, or not of a closed provider.
func (c ending) endProductReview(ctx context.Context, e projections.Event, id uuid.UUID) error {
	_, err := c.service.EndProductReview(ctx, because(c.service, e, id), id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return fmt.Errorf("end the review of product %s: %w", id, err)
	}
	return nil
}

// providerOf is blank when the account never applied.
func (c ending) providerOf(ctx context.Context, id uuid.UUID) (provider.State, error) {
	owner, err := c.service.Provider(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	return owner, err
}

func (c ending) accountClosed(ctx context.Context, id uuid.UUID) (bool, error) {
	holder, err := c.service.Account(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	return holder.Closed, err
}
