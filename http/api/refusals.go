package api

import (
	"maps"
	nethttp "net/http"
	"slices"
	"strings"

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

// What a decision on a case, the revocation of an approval, and what is done with claims may be refused with.
var (
	ruling = []*domain.Error{
		domain.ErrOwnCase, domain.ErrOwnEnterprise, provider.ErrClosed, domain.ErrStale, domain.ErrAlreadyDecided,
		decision.ErrContentDiffers, claim.ErrClaimed, claim.ErrExpired, claim.ErrLost,
	}
	revoking = []*domain.Error{
		domain.ErrOwnCase, domain.ErrOwnEnterprise, provider.ErrClosed, domain.ErrStale, domain.ErrNoApproval, decision.ErrContentDiffers,
	}
	claiming = []*domain.Error{
		domain.ErrOwnCase, domain.ErrOwnEnterprise, provider.ErrClosed, domain.ErrStale, domain.ErrAlreadyDecided,
		claim.ErrClaimed, claim.ErrExpired, claim.ErrLost,
	}
	handingBack = []*domain.Error{claim.ErrNotClaimed, claim.ErrExpired, claim.ErrClaimed}
	takingOver  = []*domain.Error{
		claim.ErrNotClaimed, claim.ErrLost, domain.ErrOwnCase, domain.ErrOwnEnterprise, provider.ErrClosed, domain.ErrAlreadyDecided,
	}
)

// replaying is what a replay may be refused with.
var replaying = []*domain.Error{audit.ErrOpeningNeeded, commands.ErrUnavailable, domain.ErrStoreRefuses, errNotThere}

// refusals are what the commands behind an operation refuse, by operation id, beside what any operation of its kind may refuse.
var refusals = map[string][]*domain.Error{
	"applyAsProvider": {account.ErrNotCertified, provider.ErrClosed, provider.ErrAlreadyApplied, uscc.ErrTaken, media.ErrUnavailable},
	"reviseApplication": {
		account.ErrNotCertified, provider.ErrClosed, domain.ErrNotFound, provider.ErrTypeFixed, provider.ErrUSCCFixed, uscc.ErrTaken,
		domain.ErrTooSoon, media.ErrUnavailable,
	},
	"listEvents":               {errReadersFull, errOwnReadersFull},
	"getApplication":           {domain.ErrNotFound},
	"exportAuditEvents":        {history.ErrNotShown, export.ErrTooManyRows, errManyExports, errBusyExports},
	"getAuditExport":           {domain.ErrNotFound},
	"requestBooking":           {account.ErrNotCertified, domain.ErrNotFound, booking.ErrOwnProduct, booking.ErrNotAvailable},
	"markBookingRead":          {booking.ErrNotReplied},
	"withdrawBooking":          {booking.ErrAlreadyReplied},
	"replyToBooking":           {booking.ErrAlreadyReplied, booking.ErrClosed, booking.ErrEnterpriseClosed},
	"submitProduct":            {media.ErrUnavailable},
	"reviseProduct":            {domain.ErrTooSoon, media.ErrUnavailable},
	"publishProduct":           {product.ErrNotApproved, product.ErrTakenDown},
	"pinProduct":               {product.ErrNotApproved, product.ErrTakenDown, pins.ErrLimit},
	"approveProduct":           ruling,
	"rejectProduct":            ruling,
	"approveProvider":          append(slices.Clone(ruling), provider.ErrSecondApprover, uscc.ErrTaken),
	"rejectProvider":           ruling,
	"claimProduct":             claiming,
	"claimProvider":            claiming,
	"handBackProduct":          handingBack,
	"handBackProvider":         handingBack,
	"takeOverProductClaim":     takingOver,
	"takeOverProviderClaim":    takingOver,
	"suspendProvider":          {provider.ErrClosed, provider.ErrNotActive},
	"reinstateProvider":        {provider.ErrClosed, provider.ErrNotActive, provider.ErrApprovalRevoked},
	"revokeProductApproval":    revoking,
	"revokeProviderApproval":   revoking,
	"limitPins":                {provider.ErrClosed},
	"liftPinLimit":             {provider.ErrClosed},
	"takeDownProduct":          {product.ErrNeverPublic},
	"openRecord":               {domain.ErrNotFound, audit.ErrNotDeleted},
	"replayRecord":             replaying,
	"recordTimeline":           replaying,
	"recordChanges":            replaying,
	"recordDecision":           replaying,
	"uploadImage":              {domain.ErrKeyReused, media.ErrQuota, media.ErrUnavailable},
	"getImage":                 {media.ErrUnavailable},
	"registerWebhook":          {webhook.ErrLimit},
	"changeWebhook":            {webhook.ErrRemoved},
	"rotateWebhookSecret":      {webhook.ErrRemoved, webhook.ErrManySecret},
	"pauseWebhook":             {webhook.ErrRemoved},
	"resumeWebhook":            {webhook.ErrRemoved},
	"removeWebhook":            {webhook.ErrRemoved},
	"testWebhook":              {webhook.ErrRemoved, errTestUnderWay},
	"listWebhookDeliveries":    {commands.ErrUnavailable},
	"registerOwnWebhook":       {webhook.ErrLimit},
	"changeOwnWebhook":         {webhook.ErrRemoved},
	"rotateOwnWebhookSecret":   {webhook.ErrRemoved, webhook.ErrManySecret},
	"pauseOwnWebhook":          {webhook.ErrRemoved},
	"resumeOwnWebhook":         {webhook.ErrRemoved},
	"removeOwnWebhook":         {webhook.ErrRemoved},
	"testOwnWebhook":           {webhook.ErrRemoved, errTestUnderWay},
	"listOwnWebhookDeliveries": {commands.ErrUnavailable},
}

// codes are all codes that an operation can answer, with their statuses: by its kind, and by refusals.
func (op *operation) codes() map[int][]*http.Refusal {
	all := map[string]*http.Refusal{}
	add := func(errs ...error) {
		for _, err := range errs {
			r := http.Explain(err)
			all[r.Code] = r
		}
	}
	for _, r := range http.Refusals() {
		if r.Code != "unknown_route" && r.Code != "unauthorized" && r.Code != "method_not_allowed" {
			add(r)
		}
	}
	add(errBadQuery, domain.ErrInvalid)
	if !op.public() || op.identifies {
		add(explained["unauthorized"], access.ErrTokenUnknown, access.ErrTokenExpired, access.ErrTokenRevoked)
		add(account.ErrClosed, account.ErrRoleNotHeld, commands.ErrStreamDeleted)
	}
	if !op.public() && !slices.Contains(op.roles, roleAny) {
		add(domain.ErrForbidden)
	}
	write := op.method != nethttp.MethodGet
	if slices.Contains(op.roles, domain.RoleProvider) {
		add(provider.ErrNotApproved, provider.ErrSuspended, provider.ErrClosed)
	}
	if strings.Contains(op.path, "{") {
		add(domain.ErrNotFound)
	}
	switch {
	case op.takesFile():
		add(errEmptyBody, errNotOneFile, errUploadTooSlow, errTooLarge, errMediaType)
	case op.takes != nil:
		add(errEmptyBody, errNotJSON, errTooDeep, errTooLarge, errMediaType)
	default:
		add(errUnexpectedBody)
	}
	if write && !op.takesFile() {
		add(domain.ErrKeyReused, domain.ErrContention, commands.ErrOutcomeUnknown, commands.ErrTooLarge)
		add(commands.ErrUnavailable, domain.ErrStoreRefuses)
	}
	if op.tagged || slices.ContainsFunc(op.params, func(p *parameter) bool { return p.name == "If-Match" }) {
		add(domain.ErrPrecondition)
	}
	if len(op.readModels) > 0 {
		add(runtime.ErrBehind, runtime.ErrLogChanged, errTooManyWaiting, domain.ErrStoreRefuses)
	}
	if op.id == "readyz" {
		add(errNotReady)
	}
	if op.partial {
		add(errRange)
	}
	for _, e := range refusals[op.id] {
		add(e)
	}
	byStatus := map[int][]*http.Refusal{}
	for _, code := range slices.Sorted(maps.Keys(all)) {
		byStatus[all[code].Status] = append(byStatus[all[code].Status], all[code])
	}
	return byStatus
}
