package api

import (
	"context"
	nethttp "net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/projections/backoffice"
)

// ListOwnProducts is the provider's product list (R23).
func (s *server) ListOwnProducts(c echo.Context, params ListOwnProductsParams) error {
	filter := backoffice.ProductFilter{
		Review: domain.Review(params.Review), Mode: product.Mode(params.Mode), Text: params.Q,
		After: params.Cursor, Limit: params.Limit, Total: params.Total,
	}
	if params.Display != "" {
		listed := params.Display == ListOwnProductsParamsDisplayListed
		filter.Listed = &listed
	}
	page, err := s.backoffice.Products(c.Request().Context(), callOf(c).Account, filter)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, OwnProductPage{
		Items: convert(page.Rows, s.ownProductOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// SubmitProduct submits a new product (R23).
func (s *server) SubmitProduct(c echo.Context, params SubmitProductParams) error {
	content, err := decode[ProductContent](c)
	if err != nil {
		return err
	}
	if params.Mode != "" {
		return s.previewProduct(c, func(ctx context.Context, req commands.Request) (commands.Outcome[product.State], error) {
			return s.Commands.Preview().SubmitProduct(ctx, req, content.toDomain())
		})
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.SubmitProduct(c.Request().Context(), req, content.toDomain())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/provider/products/"+out.ID.String())
	return s.productSubmitted(c, nethttp.StatusCreated, out)
}

// GetOwnProduct shows the latest revision, what became of it, and what the public sees.
func (s *server) GetOwnProduct(c echo.Context, id ProductID, _ GetOwnProductParams) error {
	p, err := s.backoffice.Product(c.Request().Context(), callOf(c).Account, id)
	if err != nil {
		return err
	}
	return conditional(c, p.Revision, s.ownProductOf(p))
}

// ReviseProduct submits a later revision (R25, R28, Q12).
func (s *server) ReviseProduct(c echo.Context, id ProductID, params ReviseProductParams) error {
	content, err := decode[ProductContent](c)
	if err != nil {
		return err
	}
	if params.Mode != "" {
		return s.previewProduct(c, func(ctx context.Context, req commands.Request) (commands.Outcome[product.State], error) {
			return s.Commands.Preview().ReviseProduct(ctx, req, id, content.toDomain())
		})
	}
	revise := func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[product.State], error) {
		return s.Commands.ReviseProduct(ctx, req, id, content.toDomain())
	}
	return change(c, s, id, revise, s.productSubmitted)
}

// DeleteProduct removes it from every read path (R35).
func (s *server) DeleteProduct(c echo.Context, id ProductID, _ DeleteProductParams) error {
	return s.changeProduct(c, id, s.Commands.DeleteProduct)
}

// PublishProduct shows it to the public (R33).
func (s *server) PublishProduct(c echo.Context, id ProductID, _ PublishProductParams) error {
	return s.changeProduct(c, id, s.Commands.PublishProduct)
}

// UnpublishProduct hides it (R33).
func (s *server) UnpublishProduct(c echo.Context, id ProductID, _ UnpublishProductParams) error {
	return s.changeProduct(c, id, s.Commands.UnpublishProduct)
}

// PinProduct places it before all that are not pinned (R34).
func (s *server) PinProduct(c echo.Context, id ProductID, _ PinProductParams) error {
	return s.changeProduct(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[product.State], error) {
		return s.Commands.PinProduct(ctx, req, id, s.backoffice.PinnedProducts)
	})
}

// UnpinProduct puts it back in order of creation (R34).
func (s *server) UnpinProduct(c echo.Context, id ProductID, _ UnpinProductParams) error {
	return s.changeProduct(c, id, s.Commands.UnpinProduct)
}

// changeProduct carries out a command on one product and responds with what it left behind.
func (s *server) changeProduct(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID) (commands.Outcome[product.State], error),
) error {
	return change(c, s, id, command, s.productWritten)
}

// productSubmitted is productWritten of a submission, and says when its result is due.
func (s *server) productSubmitted(c echo.Context, status int, out commands.Outcome[product.State]) error {
	state, err := s.productLeft(c, out)
	state.DueAt, state.DueEstimated = at(out.State.Due.At), out.State.Due.Estimated
	if err != nil {
		return err
	}
	return written(c, status, out, state)
}

func (s *server) productWritten(c echo.Context, status int, out commands.Outcome[product.State]) error {
	state, err := s.productLeft(c, out)
	if err != nil {
		return err
	}
	return written(c, status, out, state)
}

// productLeft is the product that a command left behind.
func (s *server) productLeft(c echo.Context, out commands.Outcome[product.State]) (ProductState, error) {
	owner, err := s.Commands.OwnerStanding(c.Request().Context(), out)
	return productStateOf(out.ID, out.State, owner), err
}
