// Package http serves Waybill's API. openapi.yaml says what it is; the server's interface, the roles that may call an
// operation and the parameters it takes are all read from there.
package http

import (
	"context"
	"errors"
	"log/slog"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/commands"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

// Tokens knows whose a bearer token is; a refusal of domain.KindUnauthorized when it is nobody's (any more).
type Tokens interface {
	Authenticate(ctx context.Context, secret access.Secret, now time.Time) (access.Principal, error)
}

// Positions waits, for a bounded time, until a read model shows a position; runtime.ErrBehind when it does not.
type Positions interface {
	Wait(ctx context.Context, model string, position domain.Position) error
}

// Status tells how far every read model is.
type Status interface {
	Status(ctx context.Context) ([]runtime.Status, error)
}

// Deps is what the API stands on. All but Replica are required.
type Deps struct {
	Commands  *commands.Service
	Tokens    Tokens
	Queries   projections.Querier
	Positions Positions
	Status    Status
	// Replica tells how far the read replica is, when that is where Queries and Positions come from; nil when not.
	Replica  Status
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Clock    func() time.Time
}

type server struct {
	Deps
	operations map[string]*operation
	listing    listing.Queries
	backoffice backoffice.Queries
	review     review.Queries
	bookings   bookings.Queries
	history    history.Queries
	service    *service
	latency    *prometheus.HistogramVec
}

var _ ServerInterface = (*server)(nil)

// New is the API as a handler. It fails when the specification and the code do not fit together.
func New(d Deps) (*echo.Echo, error) {
	if d.Commands == nil || d.Tokens == nil || d.Queries == nil || d.Positions == nil || d.Status == nil ||
		d.Logger == nil || d.Registry == nil || d.Clock == nil {
		return nil, errors.New("http: a dependency is missing")
	}
	operations, err := loadOperations()
	if err != nil {
		return nil, err
	}
	docs, err := newService(d.Registry)
	if err != nil {
		return nil, err
	}
	s := &server{
		Deps: d, operations: operations, service: docs, latency: latencyOf(d.Registry),
		listing:    listing.Queries{DB: d.Queries},
		backoffice: backoffice.Queries{DB: d.Queries},
		review:     review.Queries{DB: d.Queries},
		bookings:   bookings.Queries{DB: d.Queries},
		history:    history.Queries{DB: d.Queries},
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.Use(s.observe)
	guards := make(map[string][]echo.MiddlewareFunc, len(operations))
	for id, op := range operations {
		guards[id] = []echo.MiddlewareFunc{s.guard(op)}
	}
	RegisterHandlersWithOptions(e, s, RegisterHandlersOptions{OperationMiddlewares: guards})
	e.GET("/docs/*", s.docsAsset)
	return e, nil
}

// NewServer is a server for the handler with time limits that outlast every honest request and no dishonest one.
func NewServer(handler nethttp.Handler) *nethttp.Server {
	return &nethttp.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// call is one request on its way through; the echo context holds it.
type call struct {
	op        *operation
	requestID string
	account   uuid.UUID
	role      domain.Role
	roles     []domain.Role
	// body is what was read of the request's body, for its fingerprint.
	body []byte
	// conditional says that the caller named the revision it saw.
	conditional bool
}

const callKey = "waybill"

func callOf(c echo.Context) *call {
	if in, ok := c.Get(callKey).(*call); ok {
		return in
	}
	return &call{}
}
