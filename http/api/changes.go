package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/compare"
	"waybill/projections/review"
)

// GetProductChanges shows what changed in a revision of a product.
func (s *server) GetProductChanges(c echo.Context, id ProductID, params GetProductChangesParams) error {
	return s.changesOf(c, product.Category, id, params.Revision)
}

// GetProviderChanges shows what changed in a revision of an application.
func (s *server) GetProviderChanges(c echo.Context, id ProviderID, params GetProviderChangesParams) error {
	return s.changesOf(c, provider.Category, id, params.Revision)
}

func (s *server) changesOf(c echo.Context, kind string, id uuid.UUID, revision int32) error {
	ctx := c.Request().Context()
	var content map[string]any
	item, err := s.submission(ctx, kind, id, revision, &content)
	if err != nil {
		return err
	}
	out := SubmissionChanges{Item: s.reviewItemOf(item.Submission)}
	if out.Approved, err = s.comparedWith(ctx, item, domain.ReviewApproved); err != nil {
		return err
	}
	if out.Rejected, err = s.comparedWith(ctx, item, domain.ReviewRejected); err != nil {
		return err
	}
	return conditional(c, item.Revision, out)
}

// comparedWith compares a submission with the last before it that was decided so; it is zero, and left out, without one.
func (s *server) comparedWith(ctx context.Context, item review.SubmissionDetail, decided domain.Review) (Comparison, error) {
	before, err := s.review.LastBefore(ctx, item.Kind, item.SubjectID, item.ContentRevision, decided)
	if err != nil || before == nil {
		return Comparison{}, err
	}
	found, err := compare.Revisions(item.Kind, before.Content, item.Content, before.Reasons)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{
		Revision: int32of(before.ContentRevision), DecidedAt: timeOf(before.DecidedAt),
		Fields: convert(found.Changes, fieldChangeOf), Reasons: reasonsOf(found.Reasons),
	}
	if before.DecidedBy != nil {
		out.DecidedBy = *before.DecidedBy
	}
	return out, nil
}

func fieldChangeOf(c compare.Change) FieldChange {
	out := FieldChange{
		Pointer: c.Pointer, Label: textOf(c.Label), Kind: FieldChangeKind(c.Kind), Changed: c.Changed, Before: c.Before, After: c.After,
		Reasons: reasonsOf(c.Reasons),
	}
	if len(c.Parts) > 0 {
		out.Parts = convert(c.Parts, func(p compare.Part) TextPart { return TextPart{Op: TextPartOp(p.Op), Text: p.Text} })
	}
	if len(c.Items) > 0 {
		out.Items = convert(c.Items, func(i compare.Item) ItemChange {
			return ItemChange{Value: i.Value, Fate: ItemChangeFate(i.Fate), BeforePlace: int32of(i.Was), AfterPlace: int32of(i.Is)}
		})
	}
	if c.BeforeSpot != nil && c.AfterSpot != nil {
		out.BeforeSpot, out.AfterSpot = spotOf(*c.BeforeSpot), spotOf(*c.AfterSpot)
		was, is := c.BeforeSpot.Point(), c.AfterSpot.Point()
		if !was.IsZero() && !is.IsZero() {
			out.DistanceKm = rounded(place.Distance(was, is), 3)
		}
	}
	return out
}

func spotOf(s compare.Spot) Spot {
	out := Spot{Latitude: s.Latitude, Longitude: s.Longitude, Crs: s.CRS}
	if p := s.Point(); !p.IsZero() {
		out.Point = wgs84(p)
	}
	return out
}
