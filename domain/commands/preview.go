package commands

import (
	"context"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// A preview is the command itself on a store that keeps nothing, so it refuses just what the submission would at this moment. It is
// nobody's repetition: a request with the id of one that was carried out before would be answered with what that left behind.

// PreviewApplication is ApplyAsProvider without effect: State.Latest is what would be submitted, as it would be stored.
func (s *Service) PreviewApplication(ctx context.Context, req Request, p provider.Profile) (Outcome[provider.State], error) {
	return s.preview().ApplyAsProvider(ctx, req.afresh(), p)
}

// PreviewRevisedApplication is ReviseApplication without effect.
func (s *Service) PreviewRevisedApplication(ctx context.Context, req Request, p provider.Profile) (Outcome[provider.State], error) {
	return s.preview().ReviseApplication(ctx, req.afresh(), p)
}

// PreviewProduct is SubmitProduct without effect.
func (s *Service) PreviewProduct(ctx context.Context, req Request, c product.Content) (Outcome[product.State], error) {
	return s.preview().SubmitProduct(ctx, req.afresh(), c)
}

// PreviewRevisedProduct is ReviseProduct without effect.
func (s *Service) PreviewRevisedProduct(ctx context.Context, req Request, id uuid.UUID, c product.Content) (Outcome[product.State], error) {
	return s.preview().ReviseProduct(ctx, req.afresh(), id, c)
}

func (s *Service) preview() *Service { return New(unsaved{s.store}, s.sources) }

// afresh is the request under an id that no other has.
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
