package http

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/provider"
)

// operationTimeout bounds everything an operation does.
const operationTimeout = 10 * time.Second

// guard lets an operation's handler see only requests that the specification allows: from a caller who may, with the
// parameters it knows, and for a read, not before its read model shows the position that the caller names.
func (s *server) guard(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			in := callOf(c)
			in.op = op
			r := c.Request()
			ctx, cancel := context.WithTimeout(r.Context(), operationTimeout)
			c.SetRequest(r.WithContext(ctx))
			defer func() {
				cancel()
				c.SetRequest(r) // what is outside must not see its context as cancelled
			}()
			header := c.Response().Header()
			if op.public() {
				header.Set("Cache-Control", "no-cache")
			} else {
				header.Set("Cache-Control", "no-store")
				if err := s.authorize(c, in); err != nil {
					return err
				}
			}
			if err := op.checkParameters(c); err != nil {
				return err
			}
			if err := s.wait(c, op); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// authorize finds out who calls, and in which of the operation's roles.
func (s *server) authorize(c echo.Context, in *call) error {
	secret, ok := bearer(c.Request().Header.Values("Authorization"))
	if !ok {
		return errUnauthorized
	}
	ctx := c.Request().Context()
	principal, err := s.Tokens.Authenticate(ctx, access.Secret(secret), s.Clock())
	if err != nil {
		return err
	}
	in.account, in.roles = principal.AccountID, principal.Roles
	role, err := s.roleFor(ctx, in.op, principal)
	if err != nil {
		return err
	}
	in.role = role
	return nil
}

func (s *server) roleFor(ctx context.Context, op *operation, principal access.Principal) (domain.Role, error) {
	for _, role := range op.roles {
		switch {
		case role == roleAny:
			return role, nil
		case role == domain.RoleProvider && principal.Has(domain.RoleEnterprise):
			return role, s.checkStanding(ctx, op, principal)
		case principal.Has(role):
			return role, nil
		}
	}
	return "", domain.ErrForbidden
}

// checkStanding asks the log, not a read model, whether an enterprise is a provider: an approval counts at once, and so
// does a suspension.
func (s *server) checkStanding(ctx context.Context, op *operation, principal access.Principal) error {
	state, err := s.Commands.Provider(ctx, principal.AccountID)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return provider.ErrNotApproved
	case err != nil:
		return err
	case slices.Contains(op.standings, state.Standing):
		return nil
	}
	if err := state.Standing.MayOffer(); err != nil {
		return err
	}
	return domain.ErrForbidden
}

// bearer is the token of one Authorization header (RFC 6750).
func bearer(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, secret, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || secret == "" || len(secret) > 512 {
		return "", false
	}
	printable := !strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' })
	return secret, printable
}
