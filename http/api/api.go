// Package api is Waybill's API. openapi.yaml says what it is; the server's interface, the roles that may call an
// operation and the parameters it takes are all read from there.
package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/place"
	"waybill/http"
	"waybill/http/ready"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/feed"
	"waybill/projections/figures"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/models"
	"waybill/projections/pictures"
	"waybill/projections/review"
	"waybill/projections/webhooks"
	"waybill/projections/workload"
)

// Positions waits, for a bounded time, until a read model shows a position; runtime.ErrBehind when it does not.
type Positions interface {
	Wait(ctx context.Context, model string, position domain.Position) error
}

// Status tells how far every read model is.
type Status = ready.Status

// Projectors are those of this node.
type Projectors interface {
	Status
	// Outdated reports whether a read model stands still because only newer nodes know the log's next event, and none is there.
	Outdated(model string) bool
}

// Gazetteer knows cities, ports and rail hubs. It answers at once, from memory.
type Gazetteer interface {
	// Search finds by the beginning of a name, the best first.
	Search(text, country string, limit int) []place.Place
	// Nearest are the cities nearest to a point, the nearest first.
	Nearest(at place.Point, limit int) []place.Near
	Place(id int64) (place.Place, bool)
	// Country finds by a name or a code.
	Country(name string) (place.Country, bool)
	Countries() []place.Country
	// Attribution is to be shown beside what it says.
	Attribution() domain.Text
}

// Deps is what the API stands on beside http.Web. The first five are required.
type Deps struct {
	Commands  *commands.Service
	Queries   projections.Querier
	Positions Positions
	Status    Projectors
	Places    Gazetteer
	// Images keeps images; without it they are unavailable.
	Images Images
	// Webhooks are unavailable without.
	Webhooks *Webhooks
	// Replica tells how far the read replica is, when that is where Queries and Positions come from; nil when not.
	Replica Status
	// Head is the log's last position: no read waits beyond it. Without it, reads wait for any position.
	Head func(context.Context) (domain.Position, error)
	// Log tells how the store of the log is doing, as ready.Checker has it; nil where that is the database.
	Log func() (state string, why error)
	// MaxWaiting bounds the reads that wait for a position at once; 0 is DefaultMaxWaiting.
	MaxWaiting int
	// Moves tells when the feed has moved; without it, those who follow it are told within a second.
	Moves feed.Moves
	// MaxReaders bounds those who follow the feed at once; 0 is DefaultMaxReaders.
	MaxReaders int
	// StreamTimes are those of its streams.
	StreamTimes StreamTimes
	// DecisionsTime is how long a request of many decisions begins one after the other; 0 is DefaultDecisionsTime.
	DecisionsTime time.Duration
}

// Specification is the specification as it is served at /openapi.yaml.
func Specification() ([]byte, error) { return completed() }

var completed = sync.OnceValues(func() ([]byte, error) {
	operations, err := loaded()
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
	facets     answers
	backoffice backoffice.Queries
	review     review.Queries
	bookings   bookings.Queries
	history    history.Queries
	directory  directory.Queries
	pictures   pictures.Queries
	workload   workload.Queries
	feed       feed.Queries
	hub        *feed.Hub
	streams    *streams
	figures    figures.Queries
	webhooks   webhooks.Queries
	service    *service
	waiting    *waiting
	ready      ready.Checker
	// snapshots begins the transactions of exports; nil where Queries does not.
	snapshots history.Beginner
	// exports and hookTests are those under way.
	exports, hookTests crowd
}

var _ ServerInterface = (*server)(nil)

// Mount adds the API's routes to web. It fails when a dependency is missing, or when the specification and the code do
// not fit together.
func Mount(web *http.Web, d Deps) error {
	if d.Commands == nil || d.Queries == nil || d.Positions == nil || d.Status == nil || d.Places == nil {
		return errors.New("api: a dependency is missing")
	}
	operations, err := loaded()
	if err != nil {
		return err
	}
	for id, op := range operations {
		for _, name := range op.readModels {
			if !slices.ContainsFunc(models.All, func(m projections.ReadModel) bool { return m.Name == name }) {
				return fmt.Errorf("openapi.yaml: %s waits for the read model %q, which there is not", id, name)
			}
		}
	}
	docs, err := newService()
	if err != nil {
		return err
	}
	waiting, err := newWaiting(d, web.Registry)
	if err != nil {
		return err
	}
	streams, err := newStreams(d.MaxReaders, web.Registry)
	if err != nil {
		return err
	}
	if docs.specification, err = Specification(); err != nil {
		return err
	}
	docs.tag = tagOf(docs.specification)
	if d.Images == nil {
		d.Images = noImages{}
	}
	s := &server{
		Deps: d, web: web, operations: operations, service: docs, waiting: waiting,
		ready:      ready.Checker{Models: d.Status, Replica: d.Replica, Log: d.Log, Needed: needed(operations)}.InTime(),
		listing:    listing.Queries{DB: d.Queries},
		backoffice: backoffice.Queries{DB: d.Queries},
		review:     review.Queries{DB: d.Queries},
		bookings:   bookings.Queries{DB: d.Queries},
		history:    history.Queries{DB: d.Queries},
		directory:  directory.Queries{DB: d.Queries},
		pictures:   pictures.Queries{DB: d.Queries},
		workload:   workload.Queries{DB: d.Queries},
		feed:       feed.Queries{DB: d.Queries},
		streams:    streams,
		hub: feed.NewHub(feed.HubConfig{
			Queries: feed.Queries{DB: d.Queries}, Moves: d.Moves, Wait: waitForFeed(d.Positions), Head: d.Head,
			Encode: frame, Logger: web.Logger,
		}),
		figures:  figures.Queries{DB: d.Queries},
		webhooks: webhooks.Queries{DB: d.Queries},
	}
	if log := waiting.head.log; log != nil {
		s.hub.Exchanged = func() int { return log.TimesExchanged(feed.Model.Name) }
	}
	s.snapshots, _ = d.Queries.(history.Beginner)
	guards := make(map[string][]echo.MiddlewareFunc, len(operations))
	for id, op := range operations {
		guards[id] = []echo.MiddlewareFunc{s.guard(op)}
	}
	RegisterHandlersWithOptions(web.Echo, s, RegisterHandlersOptions{OperationMiddlewares: guards})
	web.Echo.GET("/docs/*", s.docsAsset)
	return nil
}
