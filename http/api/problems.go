package api

import (
	nethttp "net/http"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/http"
	"waybill/projections/runtime"
)

// explained is every refusal that a problem's type can lead to, by code.
var explained = func() map[string]*http.Refusal {
	byCode := map[string]*http.Refusal{}
	for _, r := range append(http.Refusals(),
		errNotReady, errBadQuery, errMediaType, errTooLarge, errEmptyBody, errUnexpectedBody, errNotJSON, errTooDeep,
	) {
		byCode[r.Code] = r
	}
	for _, e := range []*domain.Error{
		domain.ErrInvalid, domain.ErrNotFound, domain.ErrForbidden, domain.ErrStale, domain.ErrKeyReused, domain.ErrContention,
		domain.ErrPrecondition, domain.ErrAlreadyDecided, domain.ErrOwnCase, domain.ErrTooSoon,
		account.ErrExists, account.ErrClosed, account.ErrNotCertified, account.ErrOtherEnterprise, account.ErrHasProvider,
		account.ErrRoleNotHeld, commands.ErrNoOperator,
		provider.ErrAlreadyApplied, provider.ErrTypeFixed, provider.ErrUSCCFixed, provider.ErrNotApproved, provider.ErrSuspended,
		provider.ErrClosed, provider.ErrNotActive, uscc.ErrTaken, pins.ErrLimit,
		product.ErrAlreadySubmitted, product.ErrNotApproved,
		booking.ErrAlreadyRequested, booking.ErrOwnProduct, booking.ErrNotAvailable, booking.ErrAlreadyReplied,
		booking.ErrNotReplied, booking.ErrClosed, booking.ErrEnterpriseClosed,
		access.ErrTokenUnknown, access.ErrTokenExpired, access.ErrTokenRevoked,
		commands.ErrUnavailable, commands.ErrOutcomeUnknown, commands.ErrTooLarge,
		runtime.ErrBehind, errTooManyWaiting,
	} {
		byCode[e.Code] = http.Explain(e)
	}
	return byCode
}()

// ExplainProblem is where a problem's type leads.
func (s *server) ExplainProblem(c echo.Context, code string) error {
	r, ok := explained[code]
	if !ok {
		return domain.ErrNotFound
	}
	return answer(c, nethttp.StatusOK, ProblemType{Code: r.Code, Status: r.Status, Messages: textOf(r.Text)})
}
