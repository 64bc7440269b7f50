package api

import (
	nethttp "net/http"

	"github.com/labstack/echo/v4"

	"waybill/domain/commands"
	"waybill/domain/provider"
)

// ApplyAsProvider submits the caller's application (R12–R17).
func (s *server) ApplyAsProvider(c echo.Context, _ ApplyAsProviderParams) error {
	profile, err := decode[ProviderProfile](c)
	if err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.ApplyAsProvider(c.Request().Context(), req, profile.toDomain())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/provider/application")
	return applicationWritten(c, nethttp.StatusCreated, out)
}

// ReviseApplication submits a later revision of it (R20, Q12).
func (s *server) ReviseApplication(c echo.Context, _ ReviseApplicationParams) error {
	profile, err := decode[ProviderProfile](c)
	if err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.ReviseApplication(c.Request().Context(), req, profile.toDomain())
	if err != nil {
		return err
	}
	return applicationWritten(c, nethttp.StatusOK, out)
}

// GetApplication shows the caller's own application and what became of it (R19–R21).
func (s *server) GetApplication(c echo.Context, _ GetApplicationParams) error {
	a, err := s.backoffice.Application(c.Request().Context(), callOf(c).Account)
	if err != nil {
		return err
	}
	return conditional(c, a.Revision, applicationOf(a))
}

func applicationWritten(c echo.Context, status int, out commands.Outcome[provider.State]) error {
	return written(c, status, out, applicationStateOf(out.ID, out.State))
}
