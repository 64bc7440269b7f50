package api

import (
	"maps"
	nethttp "net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/decision"
	"waybill/domain/media"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/http"
	"waybill/http/export"
	"waybill/projections/history"
	"waybill/projections/runtime"
)

// explained is every refusal that a problem's type can lead to, by code.
var explained = func() map[string]*http.Refusal {
	byCode := map[string]*http.Refusal{}
	for _, r := range append(http.Refusals(),
		errNotReady, errBadQuery, errMediaType, errTooLarge, errEmptyBody, errUnexpectedBody, errNotJSON, errTooDeep,
		errNotOneFile, errUploadTooSlow, errRange, errNotAttempted,
	) {
		byCode[r.Code] = r
	}
	for _, e := range []*domain.Error{
		domain.ErrInvalid, domain.ErrNotFound, domain.ErrForbidden, domain.ErrStale, domain.ErrKeyReused, domain.ErrContention,
		domain.ErrPrecondition, domain.ErrAlreadyDecided, domain.ErrOwnCase, domain.ErrTooSoon, domain.ErrStoreRefuses,
		domain.ErrOwnEnterprise, domain.ErrNoApproval, decision.ErrContentDiffers, provider.ErrApprovalRevoked, provider.ErrSecondApprover,
		claim.ErrClaimed, claim.ErrExpired, claim.ErrLost, claim.ErrNotClaimed,
		account.ErrExists, account.ErrClosed, account.ErrNotCertified, account.ErrOtherEnterprise, account.ErrHasProvider,
		account.ErrRoleNotHeld, commands.ErrNoOperator,
		provider.ErrAlreadyApplied, provider.ErrTypeFixed, provider.ErrUSCCFixed, provider.ErrNotApproved, provider.ErrSuspended,
		provider.ErrClosed, provider.ErrNotActive, uscc.ErrTaken, pins.ErrLimit,
		product.ErrAlreadySubmitted, product.ErrNotApproved, product.ErrTakenDown, product.ErrNeverPublic,
		booking.ErrAlreadyRequested, booking.ErrOwnProduct, booking.ErrNotAvailable, booking.ErrAlreadyReplied,
		booking.ErrNotReplied, booking.ErrClosed, booking.ErrEnterpriseClosed,
		audit.ErrOpeningNeeded, audit.ErrNotDeleted,
		access.ErrTokenUnknown, access.ErrTokenExpired, access.ErrTokenRevoked,
		commands.ErrUnavailable, commands.ErrOutcomeUnknown, commands.ErrTooLarge, commands.ErrStreamDeleted,
		runtime.ErrBehind, runtime.ErrLogChanged, errTooManyWaiting, errReadersFull, errOwnReadersFull,
		media.ErrQuota, media.ErrUnavailable,
		history.ErrNotShown, export.ErrTooManyRows, errManyExports, errBusyExports,
		webhook.ErrExists, webhook.ErrLimit, webhook.ErrRemoved, webhook.ErrManySecret, errTestUnderWay,
	} {
		byCode[e.Code] = http.Explain(e)
	}
	return byCode
}()

// problemTypes are all codes that an answer can have, those of problems first, then those of single mistakes; each in order.
var problemTypes = func() []ProblemType {
	var all []ProblemType
	for _, code := range slices.Sorted(maps.Keys(explained)) {
		r := explained[code]
		all = append(all, ProblemType{
			Code: code, Status: r.Status, Of: ProblemTypeOfProblem, Messages: textOf(r.Text), Cause: textOf(causes[code]),
		})
	}
	for _, code := range slices.Sorted(maps.Keys(mistakes)) {
		all = append(all, ProblemType{
			Code: code, Status: nethttp.StatusUnprocessableEntity, Of: ProblemTypeOfMistake,
			Messages: textOf(mistakes[code]), Cause: textOf(mistakes[code]),
		})
	}
	return all
}()

// ListProblems lists every code that an answer can have.
func (s *server) ListProblems(c echo.Context) error {
	return answer(c, nethttp.StatusOK, ProblemTypes{Items: problemTypes})
}

// ExplainProblem is where a problem's type leads.
func (s *server) ExplainProblem(c echo.Context, code string) error {
	i := slices.IndexFunc(problemTypes, func(p ProblemType) bool { return p.Code == code })
	if i < 0 {
		return domain.ErrNotFound
	}
	return answer(c, nethttp.StatusOK, problemTypes[i])
}
