package api

import (
	"context"
	nethttp "net/http"

	"github.com/labstack/echo/v4"

	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// previewApplication answers what would be submitted, or the submission's own refusal.
func (s *server) previewApplication(c echo.Context, profile provider.Profile,
	preview func(context.Context, commands.Request, provider.Profile) (commands.Outcome[provider.State], error),
) error {
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := preview(c.Request().Context(), req, profile)
	if err != nil {
		return err
	}
	v := out.State.Verdict
	return answer(c, nethttp.StatusOK, ApplicationPreview{
		Rules: int32of(v.Rules), Findings: s.findingsOf(v), Images: imagesOf(v),
		DueAt: at(out.State.Due.At), DueEstimated: out.State.Due.Estimated, Profile: profileOf(out.State.Latest),
	})
}

// previewProduct is previewApplication of a product.
func (s *server) previewProduct(c echo.Context,
	preview func(context.Context, commands.Request) (commands.Outcome[product.State], error),
) error {
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := preview(c.Request().Context(), req)
	if err != nil {
		return err
	}
	v := out.State.Verdict
	return answer(c, nethttp.StatusOK, ProductPreview{
		Rules: int32of(v.Rules), Findings: s.findingsOf(v), Images: imagesOf(v), Place: out.State.Place, Point: wgs84(out.State.Point),
		DueAt: at(out.State.Due.At), DueEstimated: out.State.Due.Estimated,
		Content: contentOf(out.State.Latest),
	})
}
