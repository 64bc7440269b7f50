package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"waybill/adapters/gazetteer"
	"waybill/cmd/config"
	"waybill/http"
	"waybill/http/admin"
	"waybill/http/api"
	"waybill/http/ready"
	"waybill/projections/clock"
	"waybill/projections/models"
	"waybill/projections/probe"
	"waybill/projections/reactions"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

type serveCommand struct{}

// Run is called by kong.
func (serveCommand) Run(ctx context.Context, cfg config.Config) error {
	go gazetteer.Load() //nolint:errcheck // meanwhile; serve asks again
	return withAppTo(ctx, cfg, toServe, func(a *app) error { return a.serve(ctx, nil) })
}

// serve answers HTTP and runs the projectors until ctx ends. ready, when given, is told the address once it listens.
func (a *app) serve(ctx context.Context, ready func(addr string)) (err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), a.appends,
		a.checks.Metrics())
	listener, err := a.listen(ctx, a.cfg.Addr, a.cfg.AddrGiven)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // Shutdown closes it first
	var certificates *certificates
	if a.cfg.TLSCert != "" {
		if certificates, err = loadCertificates(a.cfg.TLSCert, a.cfg.TLSKey, a.log); err != nil {
			return err
		}
	}
	adminListener, err := a.listen(ctx, a.cfg.AdminAddr, a.cfg.AdminAddrGiven)
	if err != nil {
		return fmt.Errorf("WAYBILL_ADMIN_ADDR: %w", err)
	}
	defer adminListener.Close() //nolint:errcheck // Shutdown closes it first

	keeping, stopKeeping := context.WithCancel(ctx)
	defer stopKeeping()
	go a.clock.Keep(keeping)

	places, err := gazetteer.Load()
	if err != nil {
		return err
	}
	replica, err := a.openReplica(ctx)
	if err != nil {
		return err
	}
	if replica != nil {
		defer replica.Close()
	}
	images, err := a.openImages(ctx, true)
	if err != nil {
		return err
	}
	defer images.files.Close() //nolint:errcheck // everything in it is on the disk
	a.takeSubmissions(images.library, places)
	desk := review.Queries{DB: a.pool}
	log, stopWatching := a.watchLog(ctx)
	defer stopWatching()
	outside, stopSending := a.outside(registry)
	defer stopSending()
	projectors, err := runtime.Start(ctx, runtime.Config{
		Pool: a.pool, Store: a.store, Models: models.All, Owner: a.cfg.Node, Logger: a.log, Registerer: registry,
		Reactions: reactions.All(a.commands, a.pool, outside), MaxWait: a.cfg.WaitForRead,
		Jobs: clock.All(a.commands, desk, clock.EndedTokens{Forget: a.tokens.Forget, Keep: a.cfg.TokenKeep}, a.log),
	})
	if err != nil {
		return fmt.Errorf("projectors: %w", err)
	}
	registry.MustRegister(probe.InTime(clock.Metrics(desk, a.clock.Now)))
	deps := api.Deps{
		Commands: a.commands, Queries: a.pool, Positions: projectors.Positions(), Status: projectors, Places: places,
		Images: images.library, Webhooks: a.webhooks(outside), Head: a.commands.Head, MaxWaiting: a.cfg.MaxWaiting,
		Moves: projectors.Positions(), MaxReaders: a.cfg.MaxReaders, Log: log,
	}
	if replica != nil {
		registry.MustRegister(probe.InTime(replica))
		deps.Queries, deps.Positions, deps.Replica = replica.Queries(), replica, replica
	}
	server, operating, err := a.servers(registry, deps)
	if err != nil {
		return errors.Join(err, projectors.Close(ctx))
	}

	collecting, stopCollecting := context.WithCancel(ctx)
	collected, measured := make(chan struct{}), newMediaMetrics(registry)
	go func() {
		defer close(collected)
		a.collectUnused(collecting, a.collector(images), measured)
	}()
	defer func() { stopCollecting(); <-collected }()

	failed := make(chan error, 2)
	go func() { failed <- operating.Serve(adminListener) }()
	scheme := "http"
	if certificates == nil {
		go func() { failed <- server.Serve(listener) }()
	} else {
		scheme, server.TLSConfig = "https", certificates.config()
		go func() { failed <- server.ServeTLS(listener, "", "") }()
	}
	a.announce(ctx, scheme+"://"+listener.Addr().String(), "http://"+adminListener.Addr().String())
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
	err = errors.Join(err, server.Shutdown(stopCtx), projectors.Close(stopCtx), operating.Close()) // until the end it says how it goes
	if errors.Is(err, nethttp.ErrServerClosed) {
		return nil
	}
	return err
}

// servers are the one for everybody and the one for those who operate the node.
func (a *app) servers(registry *prometheus.Registry, deps api.Deps) (everybody, operating *nethttp.Server, err error) {
	web, err := http.New(http.Deps{
		Tokens: a.tokens, Logger: a.log, Registry: registry, Clock: a.clock.Now, TrustedProxies: a.cfg.TrustedProxies,
	})
	if err != nil {
		return nil, nil, err
	}
	if err := api.Mount(web, deps); err != nil {
		return nil, nil, err
	}
	needed, err := api.NeededReadModels()
	if err != nil {
		return nil, nil, err
	}
	checker := ready.Checker{Models: deps.Status, Replica: deps.Replica, Log: deps.Log, Needed: needed}
	everybody, operating = http.NewServer(web), admin.NewServer(admin.Handler(admin.Deps{Ready: checker, Metrics: registry}))
	for _, server := range []*nethttp.Server{everybody, operating} {
		server.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelWarn) // not past the log, in a form of its own
	}
	return everybody, operating, nil
}

// listen takes an address. When nobody gave it and the standard one is taken, as by another copy, it takes any free port of
// the same host.
func (a *app) listen(ctx context.Context, addr string, given bool) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err == nil || given || !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, _, _ := net.SplitHostPort(addr)
	a.log.Warn("the standard address is taken, as by another copy; taking a free port", "addr", addr)
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

func (a *app) announce(ctx context.Context, url, admin string) {
	database := "given by DATABASE_URL"
	if a.embedded != nil {
		database = "embedded, data in " + a.embedded.Dir()
	}
	events := "in the database"
	if _, rest, remote := strings.Cut(a.cfg.EventStore, "://"); remote {
		events = "EventStoreDB at " + eventStoreHosts(rest)
	}
	a.log.InfoContext(ctx, "serving", "url", url, "docs", url+"/docs", "admin", admin,
		"node", a.cfg.Node, "database", database, "eventstore", events, "images", a.cfg.MediaURL)
}
