package api

import (
	"context"
	nethttp "net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/projections/backoffice"
	"waybill/projections/directory"
)

// SuspendProvider takes a provider and its products out of public view (R45).
func (s *server) SuspendProvider(c echo.Context, id ProviderID, _ SuspendProviderParams) error {
	return s.operate(c, id, s.Commands.SuspendProvider)
}

// ReinstateProvider ends a suspension.
func (s *server) ReinstateProvider(c echo.Context, id ProviderID, _ ReinstateProviderParams) error {
	return s.operate(c, id, s.Commands.ReinstateProvider)
}

// CloseProvider ends a provider for good.
func (s *server) CloseProvider(c echo.Context, id ProviderID, _ CloseProviderParams) error {
	return s.operate(c, id, s.Commands.CloseProvider)
}

// LimitPins says how many products a provider may pin at a time (Q14).
func (s *server) LimitPins(c echo.Context, id ProviderID, _ LimitPinsParams) error {
	body, err := decode[PinLimit](c)
	if err != nil {
		return err
	}
	limit := int(body.Limit)
	return s.changeProvider(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[provider.State], error) {
		return s.Commands.SetPinLimit(ctx, req, id, &limit, body.Reason)
	})
}

// LiftPinLimit lets a provider pin as many products as it likes.
func (s *server) LiftPinLimit(c echo.Context, id ProviderID, _ LiftPinLimitParams) error {
	lift := func(ctx context.Context, req commands.Request, id uuid.UUID, reason string) (commands.Outcome[provider.State], error) {
		return s.Commands.SetPinLimit(ctx, req, id, nil, reason)
	}
	return s.operate(c, id, lift)
}

func (s *server) operate(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID, string) (commands.Outcome[provider.State], error),
) error {
	body, err := decode[Reasoned](c)
	if err != nil {
		return err
	}
	return s.changeProvider(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[provider.State], error) {
		return command(ctx, req, id, body.Reason)
	})
}

// ListProviders finds providers.
func (s *server) ListProviders(c echo.Context, params ListProvidersParams) error {
	page, err := s.backoffice.Applications(c.Request().Context(), backoffice.ApplicationFilter{
		Standing: provider.Standing(params.Standing), USCC: codeOf(params.Uscc), Text: params.Q,
		After: params.Cursor, Limit: params.Limit, Total: params.Total,
	})
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, ApplicationPage{
		Items: convert(page.Rows, s.applicationOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// GetProvider shows an operator what the provider sees of itself.
func (s *server) GetProvider(c echo.Context, id ProviderID, _ GetProviderParams) error {
	return s.showApplication(c, id)
}

// ListAccounts finds accounts.
func (s *server) ListAccounts(c echo.Context, params ListAccountsParams) error {
	filter := directory.Filter{
		Role: domain.Role(params.Role), USCC: codeOf(params.Uscc), Text: params.Q,
		After: params.Cursor, Limit: params.Limit, Total: params.Total,
	}
	if params.State != "" {
		filter.Closed = new(params.State == ListAccountsParamsStateClosed)
	}
	page, err := s.directory.Accounts(c.Request().Context(), filter)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, AccountPage{
		Items: convert(page.Rows, accountOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// GetAccount shows one account.
func (s *server) GetAccount(c echo.Context, id AccountID, _ GetAccountParams) error {
	a, err := s.directory.Account(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return conditional(c, a.Revision, accountOf(a))
}

// GetAnyProduct shows an operator what the product's provider sees of it.
func (s *server) GetAnyProduct(c echo.Context, id ProductID, _ GetAnyProductParams) error {
	p, err := s.backoffice.AnyProduct(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return conditional(c, p.Revision, s.ownProductOf(p))
}

// TakeDownProduct hides one product from the public, with a reason that its provider sees.
func (s *server) TakeDownProduct(c echo.Context, id ProductID, _ TakeDownProductParams) error {
	body, err := decode[Reasoned](c)
	if err != nil {
		return err
	}
	return s.changeProduct(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[product.State], error) {
		return s.Commands.TakeDownProduct(ctx, req, id, body.Reason)
	})
}

// codeOf is a unified social credit code as it is stored.
func codeOf(typed string) string {
	var f domain.Fields // a code with mistakes finds nothing
	uscc.Clean(&f, "", &typed)
	return typed
}

// ListReadModels tells how far every read model is.
func (s *server) ListReadModels(c echo.Context) error {
	models, err := readModels(c.Request().Context(), s.Status)
	if err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, ReadModels{Items: models})
}
