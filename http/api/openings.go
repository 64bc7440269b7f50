package api

import (
	nethttp "net/http"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// OpenRecord opens what was deleted for the caller, with a reason.
func (s *server) OpenRecord(c echo.Context, _ OpenRecordParams) error {
	body, err := decode[Opening](c)
	if err != nil {
		return err
	}
	switch body.Kind {
	case account.Category, provider.Category, product.Category, booking.Category:
	default:
		var f domain.Fields
		f.Add("/kind", "unknown_value", "须为 account、provider、product 或 booking", "must be account, provider, product or booking")
		return f.Err()
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.OpenRecord(c.Request().Context(), req, string(body.Kind), body.ID, body.Reason)
	if err != nil {
		return err
	}
	opened := record{kind: RecordKind(out.State.Kind), id: out.State.Object}
	return untagged(c, nethttp.StatusCreated, out, OpenedRecord{
		ID: out.ID, Kind: opened.kind, Object: opened.id, Reason: out.State.Reason, Until: at(out.State.Until), URL: opened.url(),
	})
}
