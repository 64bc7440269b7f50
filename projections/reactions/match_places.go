package reactions

import (
	"context"
	"errors"
	"fmt"

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
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/runtime"
)

// matchPlaces records where the destinations of products are whose submissions are from before their events said so (R24, Q24), of each
// product's latest one.
func matchPlaces(service *commands.Service) runtime.Reaction {
	return runtime.Reaction{
		Name:       "match_places",
		StoredName: "reaction_match_places",
		Begins:     runtime.FromStart,
		Applies:    projections.TypesOf(product.Submitted{}, product.Revised{}),
		PassesOver: projections.TypesOf(
			product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{}, product.Pinned{}, product.Unpinned{},
			product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
			provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
			provider.Reinstated{}, provider.Closed{},
			booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
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
		Handle: func(ctx context.Context, e projections.Event) ([]runtime.Item, error) {
			return nil, matchPlace(ctx, service, e)
		},
	}
}

func matchPlace(ctx context.Context, service *commands.Service, e projections.Event) error {
	var (
		revision domain.ContentRevision
		at       place.Point
	)
	switch fact := e.Fact.(type) {
	case product.Submitted:
		revision, at = fact.Revision, fact.Point
	case product.Revised:
		revision, at = fact.Revision, fact.Point
	}
	if !at.IsZero() {
		return nil
	}
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	// Nothing is left to match of a product that is deleted.
	if _, err := service.MatchPlace(ctx, because(service, e, id), id, revision); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return fmt.Errorf("match the place of product %s: %w", id, err)
	}
	return nil
}
