package api

import (
	"errors"
	nethttp "net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/listing"
)

// BrowseProducts is the public list (R29, R32, R34).
func (s *server) BrowseProducts(c echo.Context, params BrowseProductsParams) error {
	f := filterOf(params.Mode, params.Country, params.City, params.Tag, params.Provider, params.Q)
	f.After, f.Limit, f.Total = params.Cursor, params.Limit, params.Total
	page, err := s.listing.Page(c.Request().Context(), f)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, ProductPage{
		Items: convert(page.Rows, cardOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// worldZoom is the zoom level of the specification's default.
const worldZoom = 2

// MapProducts is the public list on a map (R32).
func (s *server) MapProducts(c echo.Context, params MapProductsParams) error {
	box, zoom := listing.World, worldZoom
	if params.Bbox != "" {
		var wrong domain.Fields
		if box, wrong = parseBox("bbox", params.Bbox); len(wrong) > 0 {
			return wrong.Err()
		}
	}
	if params.Zoom != nil {
		zoom = *params.Zoom
	}
	f := filterOf(params.Mode, params.Country, params.City, params.Tag, params.Provider, params.Q)
	m, err := s.listing.Map(c.Request().Context(), f, box, zoom)
	if err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, mapOf(m, zoom))
}

// GetProduct is the detail of a public product (R30, R31). No write can name its tag.
func (s *server) GetProduct(c echo.Context, id ProductID, _ GetProductParams) error {
	p, err := s.listing.Product(c.Request().Context(), id)
	if err != nil {
		return err
	}
	raw, err := encode(publicProductOf(p))
	if err != nil {
		return err
	}
	return tagged(c, tagOf(raw), echo.MIMEApplicationJSON, raw)
}

// GetMe tells the caller who it is, and whether it is a provider.
func (s *server) GetMe(c echo.Context) error {
	in := callOf(c)
	me := Me{AccountID: in.Account, Roles: []MeRoles{}}
	for _, role := range in.Roles {
		me.Roles = append(me.Roles, MeRoles(role))
	}
	if !slices.Contains(in.Roles, domain.RoleEnterprise) {
		return answer(c, nethttp.StatusOK, me)
	}
	own, err := s.Commands.Account(c.Request().Context(), in.Account)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	me.Closed = own.Closed
	if own.Enterprise != nil {
		me.Certified = certifiedOf(*own.Enterprise)
	}
	state, err := s.Commands.Provider(c.Request().Context(), in.Account)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return answer(c, nethttp.StatusOK, me)
	case err != nil:
		return err
	}
	me.Standing = Standing(state.Standing)
	if state.Standing == provider.StandingActive || state.Standing == provider.StandingSuspended || state.ApprovalRevoked() {
		me.Roles = append(me.Roles, MeRoles(domain.RoleProvider))
	}
	return answer(c, nethttp.StatusOK, me)
}

// inPage names the parameter when a page was refused for its cursor.
func inPage(err error) error {
	if errors.Is(err, projections.ErrBadCursor) {
		text := projections.ErrBadCursor.Text
		return wrongParameter("cursor", projections.ErrBadCursor.Code, text.ZH, text.EN)
	}
	return err
}
