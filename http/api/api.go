// Package api is Waybill's API. openapi.yaml says what it is; the server's interface, the roles that may call an
// operation and the parameters it takes are all read from there.
package api

import (
	"context"
	"errors"
	"sync"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/http"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

// Positions waits, for a bounded time, until a read model shows a position; runtime.ErrBehind when it does not.
type Positions interface {
	Wait(ctx context.Context, model string, position domain.Position) error
}

// Status tells how far every read model is.
type Status interface {
	Status(ctx context.Context) ([]runtime.Status, error)
}

// Deps is what the API stands on beside http.Web. All but Replica are required.
type Deps struct {
	Commands  *commands.Service
	Queries   projections.Querier
	Positions Positions
	Status    Status
	// Replica tells how far the read replica is, when that is where Queries and Positions come from; nil when not.
	Replica Status
}

// Specification is the specification as it is served at /openapi.yaml.
func Specification() ([]byte, error) { return specified() }

var specified = sync.OnceValues(func() ([]byte, error) {
	operations, err := loadOperations()
	if err != nil {
		return nil, err
	}
	return specify(operations)
})

type server struct {
	Deps
	web        *http.Web
	operations map[string]*operation
	listing    listing.Queries
	backoffice backoffice.Queries
	review     review.Queries
	bookings   bookings.Queries
	history    history.Queries
	directory  directory.Queries
	service    *service
}

var _ ServerInterface = (*server)(nil)

// Mount adds the API's routes to web. It fails when a dependency is missing, or when the specification and the code do
// not fit together.
func Mount(web *http.Web, d Deps) error {
	if d.Commands == nil || d.Queries == nil || d.Positions == nil || d.Status == nil {
		return errors.New("api: a dependency is missing")
	}
	operations, err := loadOperations()
	if err != nil {
		return err
	}
	docs, err := newService(web.Registry)
	if err != nil {
		return err
	}
	if docs.specification, err = Specification(); err != nil {
		return err
	}
	s := &server{
		Deps: d, web: web, operations: operations, service: docs,
		listing:    listing.Queries{DB: d.Queries},
		backoffice: backoffice.Queries{DB: d.Queries},
		review:     review.Queries{DB: d.Queries},
		bookings:   bookings.Queries{DB: d.Queries},
		history:    history.Queries{DB: d.Queries},
		directory:  directory.Queries{DB: d.Queries},
	}
	guards := make(map[string][]echo.MiddlewareFunc, len(operations))
	for id, op := range operations {
		guards[id] = []echo.MiddlewareFunc{s.guard(op)}
	}
	RegisterHandlersWithOptions(web.Echo, s, RegisterHandlersOptions{OperationMiddlewares: guards})
	web.Echo.GET("/docs/*", s.docsAsset)
	return nil
}
