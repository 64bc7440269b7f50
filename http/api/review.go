package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/review"
)

// GetProductForReview shows exactly what was submitted as one revision.
func (s *server) GetProductForReview(c echo.Context, id ProductID, params GetProductForReviewParams) error {
	item, digest, err := s.submission(c.Request().Context(), product.Category, id, params.Revision)
	if err != nil {
		return err
	}
	out := ProductReview{
		Item: s.reviewItemOf(item.Submission), Content: item.Content, Digest: digest, LiveContent: item.LiveContent,
		TakenDownReason: takedownOf(item.TakenDown), Images: imagesOf(item.Verdict), Place: item.Place,
	}
	if item.Point != nil {
		out.Point = wgs84(*item.Point)
	}
	return conditional(c, item.Revision, out)
}

// GetProviderForReview shows exactly what was submitted as one revision.
func (s *server) GetProviderForReview(c echo.Context, id ProviderID, params GetProviderForReviewParams) error {
	item, digest, err := s.submission(c.Request().Context(), provider.Category, id, params.Revision)
	if err != nil {
		return err
	}
	was, now, err := s.certified(c.Request().Context(), id, item.Certified, item.SubmittedAt)
	if err != nil {
		return err
	}
	return conditional(c, item.Revision, ProviderReview{
		Item: s.reviewItemOf(item.Submission), Profile: item.Content, Digest: digest, LiveProfile: item.LiveContent,
		Certified: was, CertifiedNow: now, Images: imagesOf(item.Verdict),
	})
}

// submission reads one submission, the latest for revision 0, and the digest of its content.
func (s *server) submission(ctx context.Context, kind string, id uuid.UUID, revision int32) (review.SubmissionDetail, string, error) {
	var detail review.SubmissionDetail
	var err error
	if revision == 0 {
		detail, err = s.review.Item(ctx, kind, id)
	} else {
		detail, err = s.review.ItemAt(ctx, kind, id, domain.ContentRevision(revision))
	}
	if err != nil {
		return detail, "", err
	}
	digest, err := detail.Digest()
	return detail, digest, err
}

// ApproveProduct approves the named revision (R27).
func (s *server) ApproveProduct(c echo.Context, id ProductID, _ ApproveProductParams) error {
	return judge[Approval](c, s, id, s.Commands.ApproveProduct, s.productWritten)
}

// RejectProduct rejects the named revision with reasons (R28).
func (s *server) RejectProduct(c echo.Context, id ProductID, _ RejectProductParams) error {
	return judge[Rejection](c, s, id, s.Commands.RejectProduct, s.productWritten)
}

// ApproveProvider approves the named revision of an application (R21).
func (s *server) ApproveProvider(c echo.Context, id ProviderID, _ ApproveProviderParams) error {
	return judge[Approval](c, s, id, s.Commands.ApproveProvider, applicationWritten)
}

// RejectProvider rejects the named revision of an application with reasons (R20).
func (s *server) RejectProvider(c echo.Context, id ProviderID, _ RejectProviderParams) error {
	return judge[Rejection](c, s, id, s.Commands.RejectProvider, applicationWritten)
}

// RevokeProductApproval takes back the approval of the product's live revision.
func (s *server) RevokeProductApproval(c echo.Context, id ProductID, _ RevokeProductApprovalParams) error {
	return judge[Revocation](c, s, id, s.Commands.RevokeProductApproval, s.productWritten)
}

// RevokeProviderApproval takes back the approval of the application's live revision.
func (s *server) RevokeProviderApproval(c echo.Context, id ProviderID, _ RevokeProviderApprovalParams) error {
	return judge[Revocation](c, s, id, s.Commands.RevokeProviderApproval, applicationWritten)
}

// judge carries out what a reviewer decides of one case, as the body B says.
func judge[B interface{ toDomain() commands.Decision }, S any](c echo.Context, s *server, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID, commands.Decision) (commands.Outcome[S], error),
	write func(echo.Context, int, commands.Outcome[S]) error,
) error {
	body, err := decode[B](c)
	if err != nil {
		return err
	}
	d := body.toDomain()
	if err := checkRevision(int32of(d.Revision)); err != nil {
		return err
	}
	return change(c, s, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[S], error) {
		return command(ctx, req, id, d)
	}, write)
}

func (s *server) changeProvider(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID) (commands.Outcome[provider.State], error),
) error {
	return change(c, s, id, command, applicationWritten)
}

func (a Approval) toDomain() commands.Decision {
	return commands.Decision{Revision: domain.ContentRevision(a.Revision), Digest: a.Digest, Claim: a.Claim, Note: a.Note}
}

func (r Rejection) toDomain() commands.Decision {
	return commands.Decision{
		Revision: domain.ContentRevision(r.Revision), Digest: r.Digest, Claim: r.Claim, Note: r.Note,
		Reasons: convert(r.Reasons, Reason.toDomain),
	}
}

func (r Revocation) toDomain() commands.Decision {
	return commands.Decision{
		Revision: domain.ContentRevision(r.Revision), Digest: r.Digest, Note: r.Note,
		Reasons: convert(r.Reasons, Reason.toDomain),
	}
}

// checkRevision refuses a decision that does not name a content revision.
func checkRevision(revision int32) error {
	var f domain.Fields
	if revision < 1 {
		f.Add("/revision", "required", "请指明审核的是第几版内容", "say which content revision was judged, from 1")
	}
	return f.Err()
}
