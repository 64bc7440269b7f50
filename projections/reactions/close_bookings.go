// Package reactions holds the side effects of events, one file each.
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
	"waybill/projections/bookings"
	"waybill/projections/runtime"
)

// All are all side effects of Waybill. Without an outside, what is owed to the outside is written down and not delivered.
func All(service *commands.Service, pool *pgxpool.Pool, outside ...Outside) []runtime.Reaction {
	return []runtime.Reaction{
		closeBookings(service, pool), endCases(service, pool), matchPlaces(service), tellWebhooks(service, pool, outside...),
	}
}

// closeBookings ends the open inquiries about a product that was deleted or a provider that was closed (Q17).
func closeBookings(service *commands.Service, pool *pgxpool.Pool) runtime.Reaction {
	c := closing{service: service, pool: pool}
	return runtime.Reaction{
		Name:       "close_bookings",
		StoredName: "reaction_close_bookings",
		Begins:     runtime.FromStart,
		Applies:    projections.TypesOf(product.Deleted{}, provider.Closed{}, booking.Requested{}),
		PassesOver: projections.TypesOf(
			product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
			product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{},
			provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
			provider.Reinstated{},
			booking.Replied{}, booking.Read{}, booking.Closed{},
			account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
			account.TokenIssued{}, account.TokenRevoked{},
			uscc.Reserved{}, uscc.Confirmed{}, provider.PinLimitSet{}, pins.Taken{},
			provider.FirstApproved{}, provider.ApprovalRevoked{}, product.ApprovalRevoked{},
			claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
			calendar.Corrected{}, canned.Set{}, digest.Made{},
			operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
			audit.Opened{}, audit.Exported{},
			webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
		),
		Handle: func(ctx context.Context, e projections.Event) ([]runtime.Item, error) { return nil, c.handle(ctx, e) },
	}
}

type closing struct {
	service *commands.Service
	pool    *pgxpool.Pool
}

func (c closing) handle(ctx context.Context, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	switch fact := e.Fact.(type) {
	case product.Deleted:
		return c.closeAll(ctx, e, booking.ProductDeleted, bookings.Queries{DB: c.pool}.OpenBookingsOfProduct, id)
	case provider.Closed:
		return c.closeAll(ctx, e, booking.ProviderClosed, bookings.Queries{DB: c.pool}.OpenBookingsOfProvider, id)
	case booking.Requested:
		// The request was decided on a product that was gone before the request was recorded.
		reason, err := c.gone(ctx, fact)
		if err != nil || reason == "" {
			return err
		}
		return c.close(ctx, e, id, reason)
	}
	return nil
}

// closeAll closes the bookings that were open when e happened. Later ones are closed as they come.
func (c closing) closeAll(ctx context.Context, e projections.Event, reason booking.CloseReason,
	open func(context.Context, uuid.UUID) ([]uuid.UUID, error), id uuid.UUID,
) error {
	if err := c.upTo(ctx, bookings.Model, e); err != nil {
		return err
	}
	ids, err := open(ctx, id)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := c.close(ctx, e, id, reason); err != nil {
			return err
		}
	}
	return nil
}

// upTo is runtime.ErrBehind, which passes, until a read model shows e.
func (c closing) upTo(ctx context.Context, model projections.ReadModel, e projections.Event) error {
	var at domain.Position
	err := c.pool.QueryRow(ctx, `SELECT position FROM projections.checkpoints WHERE projection = $1`, model.Schema).Scan(&at)
	if err != nil {
		return fmt.Errorf("position of %s: %w", model.Name, err)
	}
	if at < e.Position {
		return runtime.ErrBehind
	}
	return nil
}

// because is Waybill's own request about the aggregate id, because of e; the same each time that e comes.
func because(service *commands.Service, e projections.Event, id uuid.UUID) commands.Request {
	return commands.Request{
		ID: uuid.NewSHA1(e.ID, id[:]), Actor: domain.System, CorrelationID: e.Meta.CorrelationID,
		RequestID: e.Meta.RequestID, At: service.Now(),
	}
}

func (c closing) close(ctx context.Context, e projections.Event, id uuid.UUID, reason booking.CloseReason) error {
	_, err := c.service.CloseBooking(ctx, because(c.service, e, id), id, reason)
	if err != nil {
		return fmt.Errorf("close booking %s: %w", id, err)
	}
	return nil
}

// gone says why nobody will answer a request, or "".
func (c closing) gone(ctx context.Context, r booking.Requested) (booking.CloseReason, error) {
	replayed, err := c.service.Replay(ctx, domain.Stream(product.Category, r.ProductID), commands.Until{})
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return "", err
	}
	if p, ok := replayed.State.(product.State); ok && p.Deleted {
		return booking.ProductDeleted, nil
	}
	owner, err := c.service.Provider(ctx, r.ProviderID)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return "", err
	}
	if owner.Standing == provider.StandingClosed {
		return booking.ProviderClosed, nil
	}
	return "", nil
}
