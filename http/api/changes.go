package api

import (
	"time"

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
	item, _, err := s.submission(ctx, kind, id, revision)
	if err != nil {
		return err
	}
	out := SubmissionChanges{Item: s.reviewItemOf(item.Submission)}
	approved, err := s.review.LastBefore(ctx, item.Submission, domain.ReviewApproved)
	if err != nil {
		return err
	}
	rejected, err := s.review.LastBefore(ctx, item.Submission, domain.ReviewRejected)
	if err != nil {
		return err
	}
	revoked, err := s.review.RevokedOf(ctx, item.Submission)
	if err != nil {
		return err
	}
	if approved != nil {
		if out.Approved, err = compared(item, approved, approved.DecidedAt, approved.DecidedBy, nil); err != nil {
			return err
		}
	}
	if rejected != nil {
		if out.Rejected, err = compared(item, rejected, rejected.DecidedAt, rejected.DecidedBy, rejected.Reasons); err != nil {
			return err
		}
	}
	if revoked != nil {
		r := item.Revocation
		if out.Revoked, err = compared(item, revoked, &r.At, &r.By, r.Reasons); err != nil {
			return err
		}
	}
	return conditional(c, item.Revision, out)
}

// compared compares a submission with an earlier one, about which reasons were given.
func compared(item review.SubmissionDetail, earlier *review.SubmissionDetail, decided *time.Time, by *uuid.UUID,
	reasons []domain.Reason,
) (Comparison, error) {
	found, err := compare.Revisions(item.Kind, earlier.Content, item.Content, reasons)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{
		Revision: int32of(earlier.ContentRevision), DecidedAt: timeOf(decided),
		Fields: convert(found.Changes, fieldChangeOf), Reasons: reasonsOf(found.Reasons),
	}
	if by != nil {
		out.DecidedBy = *by
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
		out.Items = convert(c.Items, itemChangeOf)
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

func itemChangeOf(i compare.Item) ItemChange {
	return ItemChange{Value: i.Value, Fate: ItemChangeFate(i.Fate), BeforePlace: int32of(i.Was), AfterPlace: int32of(i.Is)}
}

func spotOf(s compare.Spot) Spot {
	out := Spot{Latitude: s.Latitude, Longitude: s.Longitude, Crs: s.CRS}
	if p := s.Point(); !p.IsZero() {
		out.Point = wgs84(p)
	}
	return out
}
