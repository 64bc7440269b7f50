package api

import (
	nethttp "net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/projections/history"
)

// ListAuditEvents reads the history (R44).
func (s *server) ListAuditEvents(c echo.Context, params ListAuditEventsParams) error {
	if params.From != nil && params.To != nil && !params.From.Before(params.To.Time) {
		return wrongParameter("to", "bad_range", "结束时间须晚于开始时间", "must be later than from")
	}
	if params.Type != "" && !slices.ContainsFunc(meanings, func(m meaning) bool { return m.fact.EventType() == params.Type }) {
		return wrongParameter("type", "unknown_value", "没有此事件类型，见 /api/v1/event-types", "not a type of event; see /api/v1/event-types")
	}
	page, err := s.history.Query(c.Request().Context(), history.Filter{
		Stream: domain.StreamName(params.Stream), Kind: string(params.Kind), Type: params.Type, Actor: params.Actor,
		From: given(params.From), To: given(params.To), After: params.Cursor, Limit: params.Limit, Total: params.Total,
		Descending: params.Order == ListAuditEventsParamsOrderDesc,
	})
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, AuditPage{
		Items: convert(page.Rows, auditEventOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}
