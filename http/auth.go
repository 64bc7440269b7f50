package http

import (
	"context"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain/access"
)

// Tokens knows whose a bearer token is; a refusal of domain.KindUnauthorized when it is nobody's (any more).
type Tokens interface {
	Authenticate(ctx context.Context, secret access.Secret, now time.Time) (access.Principal, error)
}

// Authenticate returns whose the request's bearer token is, and notes it in the call. Without exactly one well-formed token
// it refuses with 401, and otherwise as Tokens does.
func (w *Web) Authenticate(c echo.Context) (access.Principal, error) {
	r := c.Request()
	secret, ok := bearer(r.Header.Values("Authorization"))
	if !ok {
		return access.Principal{}, errUnauthorized
	}
	principal, err := w.Tokens.Authenticate(r.Context(), access.Secret(secret), w.Clock())
	if err != nil {
		return access.Principal{}, err
	}
	in := CallOf(c)
	in.Account, in.Roles = principal.AccountID, principal.Roles
	return principal, nil
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
