package api

import (
	"context"
	nethttp "net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain/commands"
	"waybill/domain/provider"
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

// ListReadModels tells how far every read model is.
func (s *server) ListReadModels(c echo.Context) error {
	models, err := readModels(c.Request().Context(), s.Status)
	if err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, ReadModels{Items: models})
}
