package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5emb"

	"waybill/http"
	"waybill/http/ready"
)

var errNotReady = http.Refuse(nethttp.StatusServiceUnavailable, "not_ready", "尚未就绪", "not ready")

// service is what the server says about itself.
type service struct {
	assets  map[string]*asset
	page    []byte
	pageTag string
	policy  string
	// specification is as it is served.
	specification []byte
	tag           string // of it
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// newService renders the documentation page once, and allows in its policy exactly the scripts that are on it.
func newService() (*service, error) {
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	ui := v5emb.New("Waybill API", "/openapi.yaml", "/docs")
	rendered := httptest.NewRecorder()
	request, err := nethttp.NewRequestWithContext(context.Background(), nethttp.MethodGet, "/docs", nil)
	if err != nil {
		return nil, fmt.Errorf("documentation: %w", err)
	}
	ui.ServeHTTP(rendered, request)
	page := rendered.Body.Bytes()
	scripts := []string{"'self'"}
	for _, match := range inlineScript.FindAllSubmatch(page, -1) {
		digest := sha256.Sum256(match[1])
		scripts = append(scripts, "'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
	}
	if len(scripts) == 1 || !bytes.Contains(page, []byte("swagger-ui-bundle.js")) {
		return nil, fmt.Errorf("documentation: the page is not as expected")
	}
	return &service{
		assets: assets, page: page, pageTag: tagOf(page),
		policy: "default-src 'none'; script-src " + strings.Join(scripts, " ") +
			"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'" +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}, nil
}

// Livez says that the process is alive.
func (s *server) Livez(c echo.Context) error {
	return answer(c, nethttp.StatusOK, Health{Status: HealthStatusOk})
}

// Readyz says whether every part of the node is well, or which is not. It is for anybody, so it names nothing inside.
func (s *server) Readyz(c echo.Context) error {
	report := s.ready.Check(c.Request().Context())
	if report.Ready() {
		return answer(c, nethttp.StatusOK, Health{Status: HealthStatusOk, Parts: convert(report.Parts, func(p ready.Part) HealthPart {
			return HealthPart{Part: HealthPartPart(p.Name), Status: HealthPartStatus(p.State)}
		})})
	}
	refusal, said := *errNotReady, errNotReady.Text
	for _, p := range report.Parts {
		refusal.Parts = append(refusal.Parts, http.Part{Part: p.Name, Status: p.State})
		if p.State != ready.OK {
			said.ZH += "，" + p.Text.ZH
			said.EN += "; " + p.Text.EN
		}
	}
	return refusal.Saying(said).Because(report.Err)
}

func readModels(ctx context.Context, status Status) ([]ReadModel, error) {
	all, err := status.Status(ctx)
	if err != nil {
		return nil, err
	}
	models := make([]ReadModel, len(all))
	for i, m := range all {
		models[i] = ReadModel{
			Name:     m.Name,
			Position: int64(m.Position), Head: int64(m.Head), LagEvents: int64(m.LagEvents), //nolint:gosec // positions fit a bigint
			LagSeconds: m.Lag.Seconds(), Parked: int32of(m.Parked), Holder: m.Holder,
		}
	}
	return models, nil
}

// Openapi serves the specification.
func (s *server) Openapi(c echo.Context) error {
	return tagged(c, s.service.tag, "application/yaml", s.service.specification)
}

// Home leads to the documentation.
func (s *server) Home(c echo.Context) error {
	return c.Redirect(nethttp.StatusSeeOther, "/docs")
}

// Docs serves the page that shows the specification.
func (s *server) Docs(c echo.Context) error {
	c.Response().Header().Set("Content-Security-Policy", s.service.policy)
	return tagged(c, s.service.pageTag, "text/html; charset=utf-8", s.service.page)
}
