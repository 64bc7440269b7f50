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
