package api

import (
	"context"
	"errors"
	nethttp "net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/provider"
	"waybill/http"
	"waybill/projections/runtime"
)

// operationTimeout bounds everything an operation does, but for the time in which a file is sent.
const operationTimeout = 10 * time.Second

// call is one request of an operation.
type call struct {
	*http.Call
	op *operation
	// role is the one of the operation's that the caller has; empty when it is public.
	role domain.Role
	// principal is whose token it is, with the roles that its account held.
	principal access.Principal
	// body is what was read of the request's body, for its fingerprint.
	body []byte
	// head hears of the positions of writes.
	head *head
}

const callKey = "waybill/api"

// callOf returns the call that the guard made.
func callOf(c echo.Context) *call {
	if in, ok := c.Get(callKey).(*call); ok {
		return in
	}
	return &call{Call: http.CallOf(c)}
}

// guard lets an operation's handler see only requests that the specification allows: from a caller who may, with the
// parameters it knows, and for a read, not before its read model shows the position that the caller names.
func (s *server) guard(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			in := &call{Call: http.CallOf(c), op: op, head: &s.waiting.head}
			in.Route, in.Quiet = op.path, op.public() && len(op.readModels) == 0
			c.Set(callKey, in)
			r := c.Request()
			ctx, cancel := context.WithTimeout(r.Context(), op.timeout())
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
			if op.takes == nil {
				if err := refuseBody(r); err != nil {
					return err
				}
			}
			if err := s.wait(c, op); err != nil {
				return err
			}
			if slices.ContainsFunc(op.readModels, s.Status.Outdated) {
				return runtime.ErrBehind // it would show what was so before
			}
			if log := s.waiting.head.log; log != nil && slices.ContainsFunc(op.readModels, log.AnotherLog) {
				return runtime.ErrLogChanged // it would show what the log does not have
			}
			if op.streams {
				c.SetRequest(r)
			}
			return next(c)
		}
	}
}

// authorize finds out who calls, and in which of the operation's roles.
func (s *server) authorize(c echo.Context, in *call) error {
	principal, err := s.web.Authenticate(c)
	if err != nil {
		return err
	}
	if principal, err = s.checkAccount(c.Request(), principal); err != nil {
		return err
	}
	in.Roles = principal.Roles
	role, err := s.roleFor(c.Request().Context(), in.op, principal)
	if err != nil {
		return err
	}
	in.role, in.principal = role, principal
	return nil
}

// stillCalls asks again whose token it is and what it may: of a call that takes long.
func (s *server) stillCalls(c echo.Context) (access.Principal, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), operationTimeout)
	defer cancel()
	r := c.Request()
	c.SetRequest(r.WithContext(ctx))
	defer c.SetRequest(r)
	principal, err := s.web.Authenticate(c)
	if err != nil {
		return principal, err
	}
	return s.checkAccount(c.Request(), principal)
}

// checkAccount asks the log whether the token is still of use: its account may have been closed, and a role or the token itself
// taken back, whatever the table of tokens says, which may be restored from before that. It leaves the roles that the account
// holds now. Of a closed account only its enterprise's is left, to read: what it did stays its own.
func (s *server) checkAccount(r *nethttp.Request, principal access.Principal) (access.Principal, error) {
	if len(principal.Roles) == 0 {
		return principal, nil // there is no right that could outlive anything
	}
	state, err := s.Commands.AccountNow(r.Context(), principal.AccountID)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return principal, err
	}
	err = state.CheckToken(principal.TokenID)
	reads := r.Method == nethttp.MethodGet || r.Method == nethttp.MethodHead
	its := principal.Has(domain.RoleEnterprise) && state.Enterprise != nil && !slices.Contains(state.RevokedTokens, principal.TokenID)
	if errors.Is(err, account.ErrClosed) && reads && its {
		principal.Roles = []domain.Role{domain.RoleEnterprise}
		return principal, nil
	}
	if err != nil {
		return principal, err
	}
	held := slices.DeleteFunc(slices.Clone(principal.Roles), func(role domain.Role) bool { return !state.Holds(role) })
	if len(held) == 0 {
		return principal, account.ErrRoleNotHeld
	}
	principal.Roles = held
	return principal, nil
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
	case state.ApprovalRevoked() && slices.Contains(op.standings, provider.StandingSuspended):
		return nil
	}
	if err := state.Standing.MayOffer(); err != nil {
		return err
	}
	return domain.ErrForbidden
}

// wait holds a read back until its read models show the position that the caller names.
func (s *server) wait(c echo.Context, op *operation) error {
	named := c.Request().Header.Get("Waybill-Position")
	if len(op.readModels) == 0 || named == "" {
		return nil
	}
	position, err := strconv.ParseUint(named, 10, 63)
	if err != nil {
		return http.ErrBadRequest.Because(err)
	}
	for _, model := range op.readModels {
		if err := s.waiting.wait(c.Request().Context(), callOf(c).Account, model, domain.Position(position)); err != nil {
			return err
		}
	}
	return nil
}
