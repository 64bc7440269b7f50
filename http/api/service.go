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
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/swaggest/swgui/v5emb"

	"waybill/domain"
	"waybill/http"
)

// maxReadyLag is how old the oldest event may be that a read model does not show, before the node is not ready.
const maxReadyLag = 10 * time.Second

var errNotReady = http.Refuse(nethttp.StatusServiceUnavailable, "not_ready", "尚未就绪", "not ready")

// service is what the server says about itself.
type service struct {
	metrics nethttp.Handler
	ui      nethttp.Handler
	page    []byte
	policy  string
	// specification is as it is served.
	specification []byte
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// newService renders the documentation page once, and allows in its policy exactly the scripts that are on it.
func newService(registry *prometheus.Registry) (*service, error) {
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
		metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), ui: ui, page: page,
		policy: "default-src 'none'; script-src " + strings.Join(scripts, " ") +
			"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'" +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}, nil
}

// Livez says that the process is alive.
func (s *server) Livez(c echo.Context) error {
	return answer(c, nethttp.StatusOK, Health{Status: Ok})
}

// Readyz says whether the database can be reached and every read model of the API keeps up, or which does not.
func (s *server) Readyz(c echo.Context) error {
	models, err := readModels(c.Request().Context(), s.Status)
	if err != nil {
		return http.ErrUnavailable.Because(err)
	}
	if names := s.behind(models); names != "" {
		return notReady("以下读模型落后："+names, "behind: "+names, nil)
	}
	if err := s.replicaReady(c.Request().Context()); err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, Health{Status: Ok, ReadModels: models})
}

// replicaReady is nil when queries do not go to a replica, or to one that keeps up.
func (s *server) replicaReady(ctx context.Context) error {
	if s.Replica == nil {
		return nil
	}
	models, err := readModels(ctx, s.Replica)
	if err != nil {
		return notReady("只读副本（read replica）不可用", "the read replica is not available", err)
	}
	if names := s.behind(models); names != "" {
		return notReady("只读副本（read replica）上以下读模型落后："+names, "behind on the read replica: "+names, nil)
	}
	return nil
}

func notReady(zh, en string, cause error) error {
	return errNotReady.Saying(domain.Text{ZH: "尚未就绪，" + zh, EN: "not ready; " + en}).Because(cause)
}

// behind names the needed read models that do not keep up; it is empty when all do.
func (s *server) behind(models []ReadModel) string {
	var behind []string
	for _, name := range s.needed() {
		at := slices.IndexFunc(models, func(m ReadModel) bool { return m.Name == name })
		if at < 0 || models[at].LagSeconds > maxReadyLag.Seconds() {
			behind = append(behind, name)
		}
	}
	return strings.Join(behind, ", ")
}

// needed are the read models that some operation reads.
func (s *server) needed() []string {
	var names []string
	for _, op := range s.operations {
		for _, model := range op.readModels {
			if !slices.Contains(names, model) {
				names = append(names, model)
			}
		}
	}
	slices.Sort(names)
	return names
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

// Metrics serves the registry.
func (s *server) Metrics(c echo.Context) error {
	s.service.metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}

// Openapi serves the specification.
func (s *server) Openapi(c echo.Context) error {
	digest := sha256.Sum256(s.service.specification)
	tag := `"` + base64.RawURLEncoding.EncodeToString(digest[:12]) + `"`
	c.Response().Header().Set("ETag", tag)
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(nethttp.StatusNotModified)
	}
	return c.Blob(nethttp.StatusOK, "application/yaml", s.service.specification)
}

// Docs serves the page that shows the specification.
func (s *server) Docs(c echo.Context) error {
	c.Response().Header().Set("Content-Security-Policy", s.service.policy)
	return c.Blob(nethttp.StatusOK, "text/html; charset=utf-8", s.service.page)
}

// docsAsset serves what that page needs; all of it is in the binary.
func (s *server) docsAsset(c echo.Context) error {
	if c.Param("*") == "" {
		return s.Docs(c)
	}
	// The assets' own handler would refuse in plain text.
	rendered := httptest.NewRecorder()
	s.service.ui.ServeHTTP(rendered, c.Request())
	if rendered.Code >= nethttp.StatusBadRequest {
		return http.ErrNoRoute
	}
	header := c.Response().Header()
	for name, values := range rendered.Header() {
		header[name] = values
	}
	header.Set("Cache-Control", "public, max-age=3600")
	c.Response().WriteHeader(rendered.Code)
	_, err := rendered.Body.WriteTo(c.Response())
	return err
}
