package api

import (
	"context"
	"errors"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
	"waybill/domain/provider"
)

// ApplyAsProvider submits the caller's application (R12–R17).
func (s *server) ApplyAsProvider(c echo.Context, params ApplyAsProviderParams) error {
	profile, err := decode[ProviderProfile](c)
	if err != nil {
		return err
	}
	if params.Mode != "" {
		return s.previewApplication(c, profile.toDomain(), s.Commands.Preview().ApplyAsProvider)
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
	return applicationSubmitted(c, nethttp.StatusCreated, out)
}

// ReviseApplication submits a later revision of it (R20, Q12).
func (s *server) ReviseApplication(c echo.Context, params ReviseApplicationParams) error {
	profile, err := decode[ProviderProfile](c)
	if err != nil {
		return err
	}
	if params.Mode != "" {
		return s.previewApplication(c, profile.toDomain(), s.Commands.Preview().ReviseApplication)
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.ReviseApplication(c.Request().Context(), req, profile.toDomain())
	if err != nil {
		return err
	}
	return applicationSubmitted(c, nethttp.StatusOK, out)
}

// GetApplication shows the caller's own application and what became of it (R19–R21).
func (s *server) GetApplication(c echo.Context, _ GetApplicationParams) error {
	return s.showApplication(c, callOf(c).Account)
}

func (s *server) showApplication(c echo.Context, id uuid.UUID) error {
	a, err := s.backoffice.Application(c.Request().Context(), id)
	if err != nil {
		return err
	}
	shown := s.applicationOf(a)
	if shown.Certified, shown.CertifiedNow, err = s.certified(c.Request().Context(), a.ProviderID, a.Certified, a.SubmittedAt); err != nil {
		return err
	}
	return conditional(c, a.Revision, shown)
}

// certified returns what a submission of the account's was compared with (recorded, or as of its time where the event does not
// say), and what the certificate says now, zero when that is the same.
func (s *server) certified(ctx context.Context, id uuid.UUID, recorded *account.Enterprise, at time.Time) (was, now Certified, err error) {
	if recorded == nil {
		replayed, err := s.Commands.Replay(ctx, domain.Stream(account.Category, id), commands.Until{At: &at})
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return was, now, err
		}
		if then, ok := replayed.State.(account.State); ok {
			recorded = then.Enterprise
		}
	}
	if recorded != nil {
		was = certifiedOf(*recorded)
	}
	state, err := s.Commands.Account(ctx, id)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return was, now, nil
	case err != nil:
		return was, now, err
	case state.Enterprise != nil && certifiedOf(*state.Enterprise) != was:
		now = certifiedOf(*state.Enterprise)
	}
	return was, now, nil
}

// applicationSubmitted is applicationWritten of a submission, and says when its result is due.
func applicationSubmitted(c echo.Context, status int, out commands.Outcome[provider.State]) error {
	state := applicationStateOf(out.ID, out.State)
	state.DueAt, state.DueEstimated = at(out.State.Due.At), out.State.Due.Estimated
	return written(c, status, out, state)
}

func applicationWritten(c echo.Context, status int, out commands.Outcome[provider.State]) error {
	return written(c, status, out, applicationStateOf(out.ID, out.State))
}
