package api

import (
	"context"
	nethttp "net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/review"
)

// ClaimProduct makes the product's review the caller's for a time, or renews that.
func (s *server) ClaimProduct(c echo.Context, id ProductID, _ ClaimProductParams) error {
	return s.claim(c, product.Category, id)
}

// ClaimProvider makes the application's review the caller's for a time, or renews that.
func (s *server) ClaimProvider(c echo.Context, id ProviderID, _ ClaimProviderParams) error {
	return s.claim(c, provider.Category, id)
}

func (s *server) claim(c echo.Context, kind string, id uuid.UUID) error {
	body, err := decode[Claiming](c)
	if err == nil {
		err = checkRevision(body.Revision)
	}
	if err != nil {
		return err
	}
	return s.changeClaim(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[claim.State], error) {
		return s.Commands.ClaimCase(ctx, req, kind, id, domain.ContentRevision(body.Revision), body.Claim)
	})
}

// HandBackProduct ends the caller's claim on a product.
func (s *server) HandBackProduct(c echo.Context, id ProductID, _ HandBackProductParams) error {
	return s.handBack(c, product.Category, id)
}

// HandBackProvider ends the caller's claim on an application.
func (s *server) HandBackProvider(c echo.Context, id ProviderID, _ HandBackProviderParams) error {
	return s.handBack(c, provider.Category, id)
}

func (s *server) handBack(c echo.Context, kind string, id uuid.UUID) error {
	return s.changeClaim(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[claim.State], error) {
		return s.Commands.HandBackClaim(ctx, req, kind, id)
	})
}

// TakeOverProductClaim ends a reviewer's claim on a product, for an operator.
func (s *server) TakeOverProductClaim(c echo.Context, id ProductID, _ TakeOverProductClaimParams) error {
	return s.takeOver(c, product.Category, id)
}

// TakeOverProviderClaim ends a reviewer's claim on an application, for an operator.
func (s *server) TakeOverProviderClaim(c echo.Context, id ProviderID, _ TakeOverProviderClaimParams) error {
	return s.takeOver(c, provider.Category, id)
}

func (s *server) takeOver(c echo.Context, kind string, id uuid.UUID) error {
	body, err := decode[TakeOver](c)
	if err != nil {
		return err
	}
	return s.changeClaim(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[claim.State], error) {
		return s.Commands.TakeOverClaim(ctx, req, kind, id, commands.TakeOver(body))
	})
}

// ClaimNext claims the most urgent case that is free for the caller.
func (s *server) ClaimNext(c echo.Context, _ ClaimNextParams) error {
	body, err := decode[Wanted](c)
	if err != nil {
		return err
	}
	if err := checkWanted(&body); err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	again := c.Request().Header.Get("Idempotency-Key") != ""
	out, found, err := s.Commands.ClaimNext(c.Request().Context(), req, s.waitingCases(req, body, again))
	switch {
	case err != nil:
		return err
	case !found:
		return c.NoContent(nethttp.StatusNoContent)
	}
	return claimWritten(c, nethttp.StatusOK, out)
}

// maxProviderType is how long the name of a type of provider may be, in code points.
const maxProviderType = 20

func checkWanted(w *Wanted) error {
	var f domain.Fields
	if w.Kind != "" && w.Kind != ReviewKind(product.Category) && w.Kind != ReviewKind(provider.Category) {
		f.Add("/kind", "unknown_value", "须为 product 或 provider", "must be product or provider")
	}
	f.Optional("/provider_type", &w.ProviderType, maxProviderType, domain.Text{ZH: "服务商类型", EN: "type of provider"})
	return f.Err()
}

// waitingCases are those of the read model. With again, the request may be a repetition.
func (s *server) waitingCases(req commands.Request, wanted Wanted, again bool) commands.Waiting {
	waiting := commands.Waiting{
		Of: string(wanted.Kind) + " " + wanted.ProviderType,
		List: func(ctx context.Context, limit int, except []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
			cases, known, err := s.review.Unclaimed(ctx, review.UnclaimedFilter{
				Kind: string(wanted.Kind), ProviderType: wanted.ProviderType, Now: req.At, NotOf: except,
			}, limit)
			return convert(cases, func(c review.Case) commands.WaitingCase {
				return commands.WaitingCase{Kind: c.Kind, ID: c.ID, Submitter: c.ProviderID}
			}), known, err
		},
	}
	if again {
		waiting.Find = func(ctx context.Context, claim uuid.UUID) (commands.WaitingCase, error) {
			kind, id, err := s.review.ClaimedBy(ctx, claim)
			return commands.WaitingCase{Kind: kind, ID: id}, err
		}
	}
	return waiting
}

func (s *server) changeClaim(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID) (commands.Outcome[claim.State], error),
) error {
	return change(c, s, id, command, claimWritten)
}

func claimWritten(c echo.Context, status int, out commands.Outcome[claim.State]) error {
	return untagged(c, status, out, CaseClaim{
		Kind: ReviewKind(out.State.Kind), ID: out.ID, Claim: out.State.Claim, Revision: int32of(out.State.Revision),
		Reviewer: out.State.Reviewer, Until: at(out.State.Until), Ended: CaseClaimEnded(out.State.Ended),
	})
}
