package api

import (
	nethttp "net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/http/export"
	"waybill/projections/history"
)

// ListAuditEvents reads the history (R44).
func (s *server) ListAuditEvents(c echo.Context, params ListAuditEventsParams) error {
	filter, err := historyFilter{
		Stream: params.Stream, Kind: string(params.Kind), Actor: params.Actor, Role: string(params.Role), Type: params.Type,
		Decision: string(params.Decision), Reason: params.Reason, Provider: params.Provider, EventID: params.EventID,
		CorrelationID: params.CorrelationID, RequestID: params.RequestID, From: params.From, To: params.To, FromDay: params.FromDay,
		ToDay: params.ToDay, Q: params.Q,
	}.parse()
	if err != nil {
		return err
	}
	filter.After, filter.Limit, filter.Total = params.Cursor, params.Limit, params.Total
	filter.Descending = params.Order == ListAuditEventsParamsOrderDesc
	page, err := s.history.Query(c.Request().Context(), filter)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, AuditPage{
		Items: convert(page.Rows, auditEventOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// historyFilter are the parameters that say which events of the history are asked for.
type historyFilter struct {
	Stream, Kind, Type, Role, Decision, Reason, RequestID, FromDay, ToDay, Q string
	Actor, Provider, EventID, CorrelationID                                  *uuid.UUID
	From, To                                                                 *Instant
}

func (p historyFilter) parse() (history.Filter, error) {
	f := history.Filter{
		Stream: domain.StreamName(p.Stream), Kind: p.Kind, Type: p.Type, Role: domain.Role(p.Role), Decision: history.Decision(p.Decision),
		Reason: p.Reason, Actor: p.Actor, Provider: p.Provider, EventID: p.EventID, CorrelationID: p.CorrelationID, RequestID: p.RequestID,
		From: given(p.From), To: given(p.To), Text: p.Q,
	}
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		return f, wrongParameter("to", "bad_range", "结束时间须晚于开始时间", "must be later than from")
	}
	if p.Type != "" && !slices.ContainsFunc(meanings, func(m meaning) bool { return m.fact.EventType() == p.Type }) {
		return f, wrongParameter("type", "unknown_value", "没有此事件类型，见 /api/v1/event-types", "not a type of event; see /api/v1/event-types")
	}
	var mistakes domain.Fields
	day := func(name, text string) *workdays.Day {
		if text == "" {
			return nil
		}
		d, err := workdays.ParseDay(text)
		if err != nil {
			mistakes.Add(name, "bad_date", "请输入正确的日期，如 2026-01-31", "must be a date such as 2026-01-31")
		}
		return &d
	}
	from, to := day("from_day", p.FromDay), day("to_day", p.ToDay)
	if len(mistakes) == 0 && from != nil && to != nil && *to < *from {
		mistakes.Add("to_day", "bad_range", "结束日期不能早于开始日期", "must not be before from_day")
	}
	if err := mistakes.Err(); err != nil {
		return f, err
	}
	export.Days(&f, from, to)
	return f, nil
}
