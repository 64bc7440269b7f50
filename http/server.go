// Package http is what every surface of Waybill stands on: the server and its time limits, who calls, what a refusal looks
// like, and what is logged and measured of a request. The surfaces themselves, such as http/api, mount on it.
package http

import (
	"errors"
	"log/slog"
	nethttp "net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
)

// Deps is what every surface needs. All but TrustedProxies are required.
type Deps struct {
	Tokens   Tokens
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Clock    func() time.Time
	// TrustedProxies are those whose X-Request-Id and X-Forwarded-For are believed.
	TrustedProxies []netip.Prefix
}

// Web is the handler that surfaces mount on. Mounting must be over before it serves.
type Web struct {
	Deps
	// Echo routes: a surface registers its own routes on it, and none of its middleware.
	Echo     *echo.Echo
	latency  *prometheus.HistogramVec
	stopping chan struct{}
	stop     sync.Once
}

// Stopping is closed when the server stops: what goes on until its reader goes must end then, or the server would wait for it.
func (w *Web) Stopping() <-chan struct{} { return w.stopping }

// Stop has all that goes on until its reader goes end.
func (w *Web) Stop() { w.stop.Do(func() { close(w.stopping) }) }

// New returns a handler without any route. It fails when a dependency is missing.
func New(d Deps) (*Web, error) {
	if d.Tokens == nil || d.Logger == nil || d.Registry == nil || d.Clock == nil {
		return nil, errors.New("http: a dependency is missing")
	}
	w := &Web{Deps: d, Echo: echo.New(), latency: latencyOf(d.Registry), stopping: make(chan struct{})}
	w.Echo.HideBanner, w.Echo.HidePort = true, true
	w.Echo.HTTPErrorHandler = w.fail
	w.Echo.Use(w.observe)
	return w, nil
}

// ServeHTTP serves whatever was mounted; any other address is refused with a problem.
func (w *Web) ServeHTTP(writer nethttp.ResponseWriter, r *nethttp.Request) {
	if r.Method == nethttp.MethodHead {
		w.serveHead(writer, r)
		return
	}
	w.Echo.ServeHTTP(writer, r)
}

// NewServer is a server for the handler with time limits that outlast every honest request and no dishonest one.
func NewServer(handler nethttp.Handler) *nethttp.Server {
	server := &nethttp.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	if w, ok := handler.(*Web); ok {
		server.RegisterOnShutdown(w.Stop)
	}
	return server
}

// Call is one request on its way through. A surface fills in what it finds out, for the log and the metrics.
type Call struct {
	// RequestID is the X-Request-Id of a trusted proxy, or a new one: never empty.
	RequestID string
	// Client is who sent the request, as far as that is known; invalid when it is not.
	Client netip.Addr
	// Route is the pattern of the address, such as /products/{id}; empty for an address that nothing is at.
	Route string
	// Quiet says that a success is not worth a line in the log: probes, scrapes, files.
	Quiet bool
	// Streams says that it goes on, or waits, as long as its reader wants: how long it took is no latency.
	Streams bool
	// Account and Roles are the caller's; zero for one that did not have to say who it is.
	Account uuid.UUID
	Roles   []domain.Role
}

const callKey = "waybill"

// CallOf returns the call that c belongs to; an empty one outside of Web.
func CallOf(c echo.Context) *Call {
	if in, ok := c.Get(callKey).(*Call); ok {
		return in
	}
	return &Call{}
}
