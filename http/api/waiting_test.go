package api_test

import (
	"context"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections"
	"waybill/projections/runtime"
)

// queue is a log of 100 positions whose read models show none: who waits, waits until let go.
type queue struct {
	projections.Querier
	waiting chan struct{} // gets one from everybody who begins to wait
	letGo   chan struct{}
	looks   atomic.Int32
	web     *http.Web
	tokens  map[string]string // of an auditor each, by name
}

func (q *queue) Wait(ctx context.Context, _ string, _ domain.Position) error {
	q.waiting <- struct{}{}
	select {
	case <-q.letGo:
	case <-ctx.Done():
	}
	return runtime.ErrBehind
}

func (*queue) Outdated(string) bool { return false }

func (*queue) Status(context.Context) ([]runtime.Status, error) { return nil, nil }

func (q *queue) head(context.Context) (domain.Position, error) {
	q.looks.Add(1)
	return 100, nil
}

func startQueue(t *testing.T, most int) *queue {
	w := start(t)
	q := &queue{waiting: make(chan struct{}, 1000), letGo: make(chan struct{}), tokens: map[string]string{}}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		q.tokens[name] = w.staff(domain.RoleAuditor).token
	}
	var err error
	q.web, err = http.New(http.Deps{Tokens: w.tokens, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Clock: time.Now})
	if err == nil {
		err = api.Mount(q.web, api.Deps{
			Commands: w.commands, Queries: q, Positions: q, Status: q, Head: q.head, MaxWaiting: most, Places: places(t),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (q *queue) get(ctx context.Context, token, position string) *httptest.ResponseRecorder {
	target := "/api/v1/products"
	if token != "" {
		target = "/api/v1/audit/events"
	}
	r := httptest.NewRequestWithContext(ctx, nethttp.MethodGet, target, nil)
	r.Header.Set("Waybill-Position", position)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+q.tokens[token])
	}
	got := httptest.NewRecorder()
	q.web.ServeHTTP(got, r)
	return got
}

// refusedAt checks that a read was refused without having waited.
func (q *queue) refusedAt(t *testing.T, got *httptest.ResponseRecorder, code, words string) {
	t.Helper()
	if got.Code != 503 || !strings.Contains(got.Body.String(), `"code":"`+code+`"`) || !strings.Contains(got.Body.String(), words) ||
		got.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %s, want 503 %s", got.Code, got.Body, code)
	}
}

// TestNobodyWaitsBeyondTheHead of the log, whoever it is, and however many ask.
func TestNobodyWaitsBeyondTheHead(t *testing.T) {
	q := startQueue(t, 10)
	for _, token := range []string{"", "a"} {
		for _, position := range []string{"101", "9223372036854775807"} {
			q.refusedAt(t, q.get(t.Context(), token, position), "read_model_behind", "the log does not have this position yet")
		}
	}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			q.refusedAt(t, q.get(t.Context(), "", "101"), "read_model_behind", "the log does not have this position yet")
		})
	}
	all.Wait()
	if len(q.waiting) != 0 {
		t.Errorf("%d waited", len(q.waiting))
	}
	close(q.letGo)
	before := q.looks.Load()
	q.refusedAt(t, q.get(t.Context(), "", "100"), "read_model_behind", "not up to date yet")
	if q.looks.Load() != before || len(q.waiting) != 1 {
		t.Error("a position that is known to be there was looked for, or not waited for")
	}
}

// TestWaitersAreBounded: of those who do not say who they are, of one account, and of all.
func TestWaitersAreBounded(t *testing.T) {
	const most, shareOfAll, shareOfOne = 32, 16, 2
	q := startQueue(t, most)
	var all sync.WaitGroup
	fill := func(token string, n int) {
		for range n {
			all.Go(func() { q.get(t.Context(), token, "50") })
		}
		for range n {
			<-q.waiting
		}
	}
	fill("", shareOfAll)
	q.refusedAt(t, q.get(t.Context(), "", "50"), "too_many_waiting", "")
	for _, token := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		fill(token, shareOfOne)
		q.refusedAt(t, q.get(t.Context(), token, "50"), "too_many_waiting", "")
	}
	q.refusedAt(t, q.get(t.Context(), "i", "50"), "too_many_waiting", "")
	close(q.letGo)
	all.Wait()
	for _, token := range []string{"", "a", "i"} { // there is room again
		q.refusedAt(t, q.get(t.Context(), token, "50"), "read_model_behind", "")
	}
}
