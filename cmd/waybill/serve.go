package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	nethttp "net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"waybill/cmd/config"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

type serveCommand struct{}

// Run is called by kong.
func (serveCommand) Run(ctx context.Context, cfg config.Config) error {
	return withApp(ctx, cfg, func(a *app) error { return a.serve(ctx, nil) })
}

// serve answers HTTP and runs the projectors until ctx ends. ready, when given, is told the address once it listens.
func (a *app) serve(ctx context.Context, ready func(addr string)) (err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), a.appends)
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // Shutdown closes it first

	replica, err := a.openReplica(ctx)
	if err != nil {
		return err
	}
	if replica != nil {
		defer replica.Close()
	}
	projectors, err := runtime.Start(ctx, runtime.Config{
		Pool: a.pool, Store: a.store, Models: models.All, Owner: a.cfg.Node, Logger: a.log, Registerer: registry,
		Reactions: reactions.All(a.commands, a.pool), MaxWait: a.cfg.WaitForRead,
	})
	if err != nil {
		return fmt.Errorf("projectors: %w", err)
	}
	deps := api.Deps{Commands: a.commands, Queries: a.pool, Positions: projectors.Positions(), Status: projectors}
	if replica != nil {
		registry.MustRegister(replica)
		deps.Queries, deps.Positions, deps.Replica = replica.Queries(), replica, replica
	}
	web, err := http.New(http.Deps{Tokens: a.tokens, Logger: a.log, Registry: registry, Clock: time.Now})
	if err == nil {
		err = api.Mount(web, deps)
	}
	if err != nil {
		return errors.Join(err, projectors.Close(ctx))
	}
	server := http.NewServer(web)

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	a.announce(ctx, listener.Addr().String())
	if ready != nil {
		ready(listener.Addr().String())
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		a.log.Info("stopping")
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.StopTimeout)
	defer cancel()
	err = errors.Join(err, server.Shutdown(stopCtx), projectors.Close(stopCtx))
	if errors.Is(err, nethttp.ErrServerClosed) {
		return nil
	}
	return err
}

// listen takes the configured address. When nobody configured one and the standard one is taken, as by another copy, it
// takes any free port of the same host.
func (a *app) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", a.cfg.Addr)
	if err == nil || a.cfg.AddrGiven || !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, _, _ := net.SplitHostPort(a.cfg.Addr)
	a.log.Warn("the standard address is taken, as by another copy; taking a free port", "addr", a.cfg.Addr)
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

func (a *app) announce(ctx context.Context, addr string) {
	database := "given by DATABASE_URL"
	if a.embedded != nil {
		database = "embedded, data in " + a.embedded.Dir()
	}
	events := "in the database"
	if _, rest, remote := strings.Cut(a.cfg.EventStore, "://"); remote {
		events = "EventStoreDB at " + eventStoreHosts(rest)
	}
	a.log.InfoContext(ctx, "serving", "url", "http://"+addr, "docs", "http://"+addr+"/docs",
		"node", a.cfg.Node, "database", database, "eventstore", events)
}
