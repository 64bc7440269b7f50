package main

import (
	"context"
	"encoding/json"
	nethttp "net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/product"
	"waybill/http/api"
	"waybill/projections"
	"waybill/projections/listing"
)

// serveFloor is what the public list is measured against: echo, a pool, the list's own queries, and JSON. It knows the
// queries of a page from the first time it was asked for, so that they can never be others than the server's.
func serveFloor(ctx context.Context, cfg config.Config) error {
	pool, err := openPool(ctx, cfg.DatabaseURL, cfg.MaxConns)
	if err != nil {
		return err
	}
	defer pool.Close()
	f := floor{pool: pool}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/readyz", func(c echo.Context) error { return c.NoContent(nethttp.StatusOK) })
	e.GET("/api/v1/products", f.page)
	failed := make(chan error, 1)
	go func() { failed <- e.Start(cfg.Addr) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return e.Shutdown(stopCtx)
}

type floor struct {
	pool  *pgxpool.Pool
	known sync.Map // of recorded, by raw query
}

// recorded is what the query layer asked the database for one page, and the cursor it made of the answer.
type recorded struct {
	queries []query
	next    string
}

type query struct {
	sql  string
	args []any
}

// page answers like GET /api/v1/products, without checking anything.
func (f *floor) page(c echo.Context) error {
	ctx := c.Request().Context()
	known, ok := f.known.Load(c.Request().URL.RawQuery)
	if !ok {
		made, err := f.record(c)
		if err != nil {
			return err
		}
		known, _ = f.known.LoadOrStore(c.Request().URL.RawQuery, made)
	}
	r, _ := known.(recorded)
	var items []api.ProductCard
	for _, q := range r.queries {
		var err error
		if items, err = f.read(ctx, q); err != nil {
			return err
		}
	}
	if len(items) > projections.DefaultPage {
		items = items[:projections.DefaultPage]
	}
	body, err := json.Marshal(api.ProductPage{Items: items, NextCursor: r.next})
	if err != nil {
		return err
	}
	return c.Blob(nethttp.StatusOK, echo.MIMEApplicationJSON, append(body, '\n'))
}

// read runs a query of the list straight into what is written.
func (f *floor) read(ctx context.Context, q query) ([]api.ProductCard, error) {
	rows, err := f.pool.Query(ctx, q.sql, q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := make([]api.ProductCard, 0, projections.DefaultPage+1)
	for rows.Next() {
		var p api.ProductCard
		var revision int
		d := &p.Destination
		err := rows.Scan(&p.ID, &p.Provider.ID, &p.Provider.Name, &p.Provider.Logo, &p.Name, &p.Brief, &p.Tags, &p.Mode, &d.Country,
			&d.City, &d.Latitude, &d.Longitude, &d.Crs, &p.Point.Latitude, &p.Point.Longitude, &p.Cover, &revision, &p.Pinned,
			&p.CreatedAt.Time)
		if err != nil {
			return nil, err
		}
		p.CreatedAt.Time = p.CreatedAt.UTC()
		p.CoverURL, p.ThumbnailURL = api.ImageAt(domain.ImageRef(p.Cover)), api.ThumbnailAt(domain.ImageRef(p.Cover))
		p.Provider.LogoURL = api.ImageAt(domain.ImageRef(p.Provider.Logo))
		items = append(items, p)
	}
	return items, rows.Err()
}

// record has the query layer answer once and takes down what it asks.
func (f *floor) record(c echo.Context) (recorded, error) {
	var r recorded
	var modes []product.Mode
	for _, mode := range c.QueryParams()["mode"] {
		modes = append(modes, product.Mode(mode))
	}
	var owner *uuid.UUID
	if id, err := uuid.Parse(c.QueryParam("provider")); err == nil {
		owner = &id
	}
	page, err := listing.Queries{DB: listener{f.pool, &r}}.Page(c.Request().Context(), listing.Filter{
		Modes: modes, Country: c.QueryParam("country"), City: c.QueryParam("city"), Tags: c.QueryParams()["tag"], Provider: owner,
		Text: c.QueryParam("q"), After: c.QueryParam("cursor"),
	})
	r.next = page.Next
	return r, err
}

// listener is a pool that takes down the queries.
type listener struct {
	*pgxpool.Pool
	to *recorded
}

// Query implements projections.Querier.
func (l listener) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	l.to.queries = append(l.to.queries, query{sql, args})
	return l.Pool.Query(ctx, sql, args...)
}
