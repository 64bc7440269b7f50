package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/http"
)

// web is what every surface stands on, with no surface on it but a test's own routes.
type web struct {
	*http.Web
	t       *testing.T
	log     *bytes.Buffer
	problem *openapi3.Schema
}

// tokens knows one account, whose token is "sesame".
type tokens struct{ account uuid.UUID }

func (k tokens) Authenticate(_ context.Context, secret access.Secret, _ time.Time) (access.Principal, error) {
	if secret != "sesame" {
		return access.Principal{}, access.ErrTokenUnknown
	}
	return access.Principal{AccountID: k.account, Roles: []domain.Role{domain.RoleAuditor}}, nil
}

func start(t *testing.T) *web {
	t.Helper()
	w := &web{t: t, log: &bytes.Buffer{}}
	base, err := http.New(http.Deps{
		Tokens: tokens{account: uuid.New()}, Registry: prometheus.NewRegistry(), Clock: time.Now,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/48")}, // httptest's peer is the first
		Logger:         slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := openapi3.NewLoader().LoadFromFile("api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w.Web, w.problem = base, spec.Components.Schemas["Problem"].Value
	return w
}

// get sends a request with a copy of header.
func (w *web) get(path string, header nethttp.Header) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil)
	r.Header = header.Clone()
	recorded := httptest.NewRecorder()
	w.ServeHTTP(recorded, r)
	return recorded
}

type problem struct {
	Code, Detail string
	RequestID    string `json:"request_id"`
	Messages     struct{ Zh, En string }
	Errors       []struct{ Code, Pointer, Parameter string }
}

// refused checks that what came back is a problem as the specification has it.
func (w *web) refused(got *httptest.ResponseRecorder, status int, code string) problem {
	w.t.Helper()
	var p problem
	var any any
	err := errors.Join(json.Unmarshal(got.Body.Bytes(), &p), json.Unmarshal(got.Body.Bytes(), &any))
	if err == nil {
		err = w.problem.VisitJSON(any)
	}
	if err != nil || got.Code != status || p.Code != code || got.Header().Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("got %d %s %v, want %d %s", got.Code, got.Body, err, status, code)
	}
	return p
}

func header(pairs ...string) nethttp.Header {
	h := nethttp.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestInternalErrorsShowOnlyTheirRequestID(t *testing.T) {
	w := start(t)
	w.Echo.GET("/panic", func(echo.Context) error { panic("sesame") })
	w.Echo.GET("/error", func(echo.Context) error { return fmt.Errorf("outer: %w", errors.New("sesame")) })
	for _, path := range []string{"/panic", "/error"} {
		got := w.get(path, header("X-Request-Id", "abc-123"))
		p := w.refused(got, 500, "internal")
		if strings.Contains(got.Body.String(), "sesame") || p.RequestID != "abc-123" || got.Header().Get("X-Request-Id") != "abc-123" {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	log := w.log.String()
	if strings.Count(log, "sesame") < 2 || !strings.Contains(log, "server_test.go") || !strings.Contains(log, "request_id=abc-123") {
		t.Errorf("the log has not what happened:\n%s", log)
	}
}

func TestProblemsSpeakTheCallersLanguage(t *testing.T) {
	w := start(t)
	w.Echo.GET("/products", func(echo.Context) error { return domain.ErrNotFound })
	for accept, want := range map[string]string{
		"": "未找到该对象", "zh-CN,zh;q=0.9,en;q=0.8": "未找到该对象", "en": "no such object", "en-GB,en;q=0.9,zh;q=0.5": "no such object",
		"fr": "未找到该对象", "zh-TW": "未找到该对象", "de,en;q=0.5": "no such object", strings.Repeat("en,", 500): "未找到该对象",
	} {
		response := w.get("/products", header("Accept-Language", accept))
		got := w.refused(response, 404, "not_found")
		if got.Detail != want || got.Messages.Zh == "" || got.Messages.En == "" {
			t.Errorf("%.60q: %+v", accept, got)
		}
		language := map[string]string{got.Messages.Zh: "zh", got.Messages.En: "en"}[want]
		if h := response.Header(); h.Get("Content-Language") != language || h.Get("Vary") != "Accept-Language" {
			t.Errorf("%.60q: Content-Language %q, Vary %q", accept, h.Get("Content-Language"), h.Get("Vary"))
		}
	}
}

// TestEveryKindHasAStatus: also of an error that wraps a refusal, or that is none.
func TestEveryKindHasAStatus(t *testing.T) {
	w := start(t)
	var given error
	w.Echo.GET("/given", func(echo.Context) error { return given })
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{domain.ErrInvalid, 422, "invalid_input"},
		{access.ErrTokenExpired, 401, access.ErrTokenExpired.Code},
		{domain.ErrForbidden, 403, "forbidden"},
		{fmt.Errorf("read: %w", domain.ErrNotFound), 404, "not_found"},
		{domain.ErrAlreadyDecided, 409, "already_decided"},
		{domain.ErrStale, 409, "stale_revision"},
		{domain.CheckDecision(domain.ReviewPending, 2, 1), 409, "stale_revision"},
		{domain.ErrPrecondition.Because(errors.New("sesame")), 412, "precondition_failed"},
		{domain.Refuse(domain.KindTooLarge, "big", "过大", "too big"), 413, "big"},
		{domain.ErrContention, 503, "contention"},
		{domain.Refuse(domain.KindInternal, "secret", "不可见", "not to be seen"), 500, "internal"},
		{http.Refuse(418, "teapot", "茶壶", "a teapot").Because(domain.ErrNotFound), 418, "teapot"},
		{fmt.Errorf("query: %w", &pgconn.PgError{Code: "57P01"}), 503, "unavailable"},
		{fmt.Errorf("query: %w", &pgconn.PgError{Code: "08006"}), 503, "unavailable"},
		{fmt.Errorf("query: %w", &pgconn.PgError{Code: "40001"}), 503, "unavailable"},
		{fmt.Errorf("query: %w", &pgconn.PgError{Code: "53300"}), 503, "unavailable"},
		{fmt.Errorf("connect: %w", &pgconn.ConnectError{Config: &pgconn.Config{}}), 503, "unavailable"},
		{fmt.Errorf("query: %w", &pgconn.PgError{Code: "42703"}), 500, "internal"},
		{fmt.Errorf("product-x@7: %w", domain.ErrUnknownType), 503, "unavailable"}, // a newer node knows it
		{context.DeadlineExceeded, 503, "unavailable"},
		{echo.NewHTTPError(400, "sesame"), 400, "bad_request"},
	} {
		given = c.err
		got := w.get("/given", nil)
		w.refused(got, c.status, c.code)
		if retry := got.Header().Get("Retry-After"); (retry != "") != (c.status == 503) {
			t.Errorf("%v: Retry-After %q", c.err, retry)
		}
	}
	w.refused(w.get("/nowhere", nil), 404, "unknown_route")
}

// What a handler has said of its success is not said of a failure.
func TestAProblemHasNothingOfTheSuccess(t *testing.T) {
	w := start(t)
	w.Echo.GET("/late", func(c echo.Context) error {
		for _, name := range []string{"ETag", "Location", "Cache-Control"} {
			c.Response().Header().Set(name, "sesame")
		}
		return domain.ErrNotFound
	})
	got := w.get("/late", nil)
	w.refused(got, 404, "not_found")
	if h := got.Header(); h.Get("ETag") != "" || h.Get("Location") != "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
}

func TestAProblemListsABoundedNumberOfMistakes(t *testing.T) {
	w := start(t)
	w.Echo.GET("/form", func(echo.Context) error {
		var f domain.Fields
		f.Add("limit", "out_of_range", "超出范围", "is out of range")
		for i := range 2 * http.MaxMistakes {
			f.Add(fmt.Sprintf("/details/%d", i), "unknown", "未知", "is not known")
		}
		return f.Err()
	})
	got := w.refused(w.get("/form", nil), 422, "invalid_input")
	if len(got.Errors) != http.MaxMistakes || got.Errors[0].Parameter != "limit" || got.Errors[1].Pointer != "/details/0" {
		t.Errorf("got %d mistakes, from %v", len(got.Errors), got.Errors[:2])
	}
}

func TestAuthenticate(t *testing.T) {
	w := start(t)
	w.Echo.GET("/me", func(c echo.Context) error {
		who, err := w.Authenticate(c)
		if err != nil {
			return err
		}
		if in := http.CallOf(c); in.Account != who.AccountID || !slices.Equal(in.Roles, who.Roles) {
			t.Errorf("the call has %v %v, want %v", in.Account, in.Roles, who)
		}
		return c.NoContent(204)
	})
	for _, good := range []string{"Bearer sesame", "bearer sesame"} {
		if got := w.get("/me", header("Authorization", good)); got.Code != 204 {
			t.Errorf("%s: %d %s", good, got.Code, got.Body)
		}
	}
	if log := w.log.String(); !strings.Contains(log, "account=") || strings.Contains(log, "sesame") {
		t.Errorf("the log has a token or not whose it was:\n%s", log)
	}
	for name, bad := range map[string]nethttp.Header{
		"none": nil, "two": header("Authorization", "Bearer sesame", "Authorization", "Bearer sesame"),
		"no token": header("Authorization", "Bearer "), "no scheme": header("Authorization", "sesame"),
		"two words": header("Authorization", "Bearer sesame sesame"),
		"long":      header("Authorization", "Bearer "+strings.Repeat("a", 513)), "other scheme": header("Authorization", "Basic sesame"),
	} {
		got := w.get("/me", bad)
		w.refused(got, 401, "unauthorized")
		if challenge := got.Header().Get("WWW-Authenticate"); strings.Contains(challenge, "invalid_token") != (bad != nil) {
			t.Errorf("%s: WWW-Authenticate %q", name, challenge)
		}
	}
	w.refused(w.get("/me", header("Authorization", "Bearer other")), 401, access.ErrTokenUnknown.Code)
}

func TestNewRefusesMissingDependencies(t *testing.T) {
	if _, err := http.New(http.Deps{}); err == nil {
		t.Error("a handler without its dependencies")
	}
}
