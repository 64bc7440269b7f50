package api_test

import (
	"context"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections"
	"waybill/projections/runtime"
)

// behind is a reader of nothing whose read models show no position at all.
type behind struct {
	projections.Querier
	model    string
	named    domain.Position
	outdated string
}

func (b *behind) Outdated(model string) bool { return b.outdated == model }

func (b *behind) Wait(_ context.Context, model string, position domain.Position) error {
	b.model, b.named = model, position
	return domain.ErrContention
}

func (*behind) Status(context.Context) ([]runtime.Status, error) { return nil, nil }

func (*behind) Authenticate(context.Context, access.Secret, time.Time) (access.Principal, error) {
	return access.Principal{}, access.ErrTokenUnknown
}

// TestAReadWaitsForThePositionNamed and for no other, in the read model that the specification says it reads.
func TestAReadWaitsForThePositionNamed(t *testing.T) {
	b := &behind{}
	web, err := http.New(http.Deps{Tokens: b, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Mount(web, api.Deps{Queries: b, Positions: b, Status: b}); err == nil {
		t.Error("an API without commands")
	}
	if err := api.Mount(web, api.Deps{Commands: commands.New(nil, domaintest.Sources()), Queries: b, Positions: b, Status: b, Places: places(t)}); err != nil {
		t.Fatal(err)
	}
	for named, want := range map[string]domain.Position{"0": 0, "7": 7, "9223372036854775807": 9223372036854775807} {
		r := httptest.NewRequestWithContext(t.Context(), nethttp.MethodGet, "/api/v1/products", nil)
		r.Header.Set("Waybill-Position", named)
		got := httptest.NewRecorder()
		web.ServeHTTP(got, r)
		if got.Code != nethttp.StatusServiceUnavailable || b.named != want || b.model != "listing" {
			t.Errorf("position %s: %d after waiting for %d in %q", named, got.Code, b.named, b.model)
		}
	}
}

// TestAnOutdatedReadModelShowsNothing: this node cannot know what must not be shown any more.
func TestAnOutdatedReadModelShowsNothing(t *testing.T) {
	b := &behind{outdated: "listing"}
	web, err := http.New(http.Deps{Tokens: b, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Mount(web, api.Deps{Commands: commands.New(nil, domaintest.Sources()), Queries: b, Positions: b, Status: b, Places: places(t)}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/api/v1/products": nethttp.StatusServiceUnavailable, "/api/v1/products/0192f3c4-0000-7000-8000-000000000001": nethttp.StatusServiceUnavailable,
		"/readyz": nethttp.StatusServiceUnavailable, "/livez": nethttp.StatusOK, "/api/v1/review-reasons": nethttp.StatusOK,
	} {
		got := httptest.NewRecorder()
		web.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), nethttp.MethodGet, path, nil))
		if got.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, got.Code, want, got.Body)
		}
	}
}
