package http

import (
	"fmt"
	"log/slog"
	nethttp "net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func latencyOf(registry *prometheus.Registry) *prometheus.HistogramVec {
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "waybill_http_request_seconds", Help: "Duration of HTTP requests.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"route", "method", "status"})
	registry.MustRegister(latency)
	return latency
}

// observe is around everything: it names the request, turns errors and panics into responses, and logs and measures
// those. It logs no query, body, token or name.
func (w *Web) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r := c.Request()
		from := w.originOf(r)
		in := &Call{RequestID: r.Header.Get("X-Request-Id"), Client: from.client}
		if !from.trusted || !saneRequestID.MatchString(in.RequestID) {
			in.RequestID = uuid.NewString()
		}
		c.Set(callKey, in)
		header := c.Response().Header()
		header.Set("X-Request-Id", in.RequestID)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		c.Response().Before(func() { allowHead(header) })
		if err := protect(next, c); err != nil {
			w.fail(err, c)
		}
		w.record(c, in, time.Since(start))
		return nil
	}
}

// protect turns a panic into an error with its stack.
func protect(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == nethttp.ErrAbortHandler { //nolint:errorlint,err113 // the very value, by contract
			panic(cause)
		}
		err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}()
	return next(c)
}

func (w *Web) record(c echo.Context, in *Call, took time.Duration) {
	r, status := c.Request(), c.Response().Status
	route, level := "unmatched", slog.LevelInfo
	if in.Route != "" {
		route = in.Route
	}
	if in.Quiet && status < nethttp.StatusBadRequest {
		level = slog.LevelDebug
	}
	method := methodLabel(methodOf(r))
	if !in.Streams || status != nethttp.StatusOK {
		w.latency.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
	}
	if !w.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := [...]slog.Attr{
		slog.String("method", method), slog.String("route", route), slog.Int("status", status),
		slog.Int64("bytes", c.Response().Size), slog.Duration("took", took), slog.String("request_id", in.RequestID),
		{},
		{},
	}
	n := len(attrs) - 2
	if in.Client.IsValid() {
		attrs[n] = slog.String("client", in.Client.String())
		n++
	}
	if in.Account != uuid.Nil {
		attrs[n] = slog.String("account", in.Account.String()[:8])
		n++
	}
	w.Logger.LogAttrs(r.Context(), level, "request", attrs[:n]...)
}

// methodLabel keeps a made-up method from becoming a label of its own.
func methodLabel(method string) string {
	switch method {
	case nethttp.MethodGet, nethttp.MethodPost, nethttp.MethodPut, nethttp.MethodDelete, nethttp.MethodHead,
		nethttp.MethodPatch, nethttp.MethodOptions:
		return method
	}
	return "other"
}
