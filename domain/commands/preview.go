package commands

import (
	"context"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// Preview carries out submissions without effect: each is the command itself on a store that keeps nothing, so it refuses just what the
// submission would at this moment, and State.Latest and State.Verdict are what the submission would leave behind.
type Preview struct{ service *Service }

// Preview is what the service's submissions would do.
func (s *Service) Preview() Preview {
	return Preview{&Service{store: unsaved{s.store}, sources: s.sources, calendars: s.calendars}}
}

// ApplyAsProvider previews Service.ApplyAsProvider.
func (p Preview) ApplyAsProvider(ctx context.Context, req Request, profile provider.Profile) (Outcome[provider.State], error) {
	return p.service.ApplyAsProvider(ctx, req.afresh(), profile)
}

// ReviseApplication previews Service.ReviseApplication.
func (p Preview) ReviseApplication(ctx context.Context, req Request, profile provider.Profile) (Outcome[provider.State], error) {
	return p.service.ReviseApplication(ctx, req.afresh(), profile)
}

// SubmitProduct previews Service.SubmitProduct.
func (p Preview) SubmitProduct(ctx context.Context, req Request, c product.Content) (Outcome[product.State], error) {
	return p.service.SubmitProduct(ctx, req.afresh(), c)
}

// ReviseProduct previews Service.ReviseProduct.
func (p Preview) ReviseProduct(ctx context.Context, req Request, id uuid.UUID, c product.Content) (Outcome[product.State], error) {
	return p.service.ReviseProduct(ctx, req.afresh(), id, c)
}

// afresh is the request under an id that no other has: a preview is nobody's repetition, and is never answered with what a submission
// under the same key left behind.
func (r Request) afresh() Request {
	r.ID = uuid.New()
	return r
}

// unsaved is a store whose appends all succeed, and leave nothing behind.
type unsaved struct{ domain.EventStore }

// Append looks only whether any store would take it.
func (unsaved) Append(_ context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, error) {
	return domain.AppendResult{}, domain.CheckAppend(stream, expected, events)
}
