package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
	"waybill/cmd/config"
)

type benchCommand struct {
	Quick bool     `help:"Every section at a tiny size, in under half a minute: shows that it runs, not how fast."`
	Only  []string `enum:"append,http,live,rebuild,listing,start,eventstoredb" default:"append,http,live,rebuild,listing,start,eventstoredb" help:"Only these sections."`
	// EventStoreDB is a server that the section eventstoredb may fill with events.
	EventStoreDB string `name:"eventstoredb" placeholder:"esdb://…" help:"Measure on this server, not on one of the bench's own. It is filled with events."`
	Floor        bool   `hidden:"" help:"Be the bare handler that the listing is measured against."`
}

// benchSize is how much of everything.
type benchSize struct {
	// rounds is how often floor and Waybill take turns; figures are medians of them.
	rounds int
	run    time.Duration
	// pageRounds and pageRun are the same for each kind of listing page.
	pageRounds int
	pageRun    time.Duration
	// pages is how many different pages of a kind are asked for, at random.
	pages           int
	live            time.Duration
	rebuildProducts int
	rebuildEvents   int
	// listings are the sizes of the public list, the larger one last.
	listings []int
	starts   int
}

var (
	fullSize = benchSize{
		rounds: 3, run: 3 * time.Second, pageRounds: 2, pageRun: 1200 * time.Millisecond, pages: 300, live: 15 * time.Second,
		rebuildProducts: 50_000, rebuildEvents: 500_000, listings: []int{10_000, 1_000_000}, starts: 5,
	}
	quickSize = benchSize{
		rounds: 1, run: 250 * time.Millisecond, pageRounds: 1, pageRun: 60 * time.Millisecond, pages: 10, live: 2 * time.Second,
		rebuildProducts: 300, rebuildEvents: 3000, listings: []int{300, 1500}, starts: 1,
	}
)

// connections is how many callers the HTTP sections have at once.
const connections = 32

// bench is one run: a throw-away durable cluster, databases in it, and the processes that serve them.
type bench struct {
	cfg     config.Config
	size    benchSize
	report  *report
	cluster *embedded.Server
	folder  string
	closers []func() error
	portal  *portal
	// eventStoreDB is a connection string, or empty for a server of the bench's own.
	eventStoreDB string
	listings     []*listingWorld
}

// Run is called by kong. It fails when something does not work, never because something is slow.
func (c benchCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) (err error) {
	if c.Floor {
		return serveFloor(ctx, cfg)
	}
	b := &bench{cfg: cfg, size: fullSize, report: &report{out: out, quick: c.Quick}, eventStoreDB: c.EventStoreDB}
	if c.Quick {
		b.size = quickSize
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	b.report.line("%s", b.settings(ctx))
	if c.Quick {
		b.report.line("**--quick: sizes far too small for the figures to mean anything; targets are left out.**")
	}
	for _, section := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"append", b.appends},
		{"http", b.submissions},
		{"live", b.live},
		{"rebuild", b.rebuilds},
		{"listing", b.pages},
		{"start", b.starts},
		{"eventstoredb", b.remote},
	} {
		if !slices.Contains(c.Only, section.name) {
			continue
		}
		b.progress("%s", section.name)
		if err := section.run(ctx); err != nil {
			return fmt.Errorf("bench %s: %w", section.name, err)
		}
	}
	return b.report.finish()
}

// progress tells the person who waits, apart from the report.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s bench: "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

// open starts the cluster, after sweeping up what a killed run left behind.
func (b *bench) open(ctx context.Context) error {
	b.progress("starting a PostgreSQL of its own")
	if err := sweep(ctx, b.cfg.DataDir); err != nil {
		return err
	}
	b.folder = filepath.Join(b.cfg.DataDir, "bench-"+strconv.Itoa(os.Getpid()))
	var err error
	b.cluster, err = embedded.Start(ctx, embedded.Options{Dir: b.folder, Durable: true, Log: b.cfg.Logger()})
	return err
}

// sweep removes the clusters of runs whose process is gone.
func sweep(ctx context.Context, dataDir string) error {
	folders, err := filepath.Glob(filepath.Join(dataDir, "bench-*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(folder), "bench-%d", &pid); err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := embedded.StopUnused(limited, folder, 0)
		cancel()
		if err != nil {
			return fmt.Errorf("left behind by a killed run: %s: %w", folder, err)
		}
	}
	return nil
}

// close stops everything in the reverse order of its start and removes the cluster.
func (b *bench) close() error {
	var errs []error
	for _, stop := range slices.Backward(b.closers) {
		errs = append(errs, stop())
	}
	if b.cluster != nil {
		errs = append(errs, b.cluster.Close(), os.RemoveAll(b.cluster.Dir()))
	}
	if b.folder != "" {
		errs = append(errs, os.RemoveAll(b.folder))
	}
	return errors.Join(errs...)
}

// database makes a database in the cluster and opens it; the bench closes it.
func (b *bench) database(ctx context.Context, name string) (*app, error) {
	conn, err := pgx.Connect(ctx, b.cluster.URL())
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return nil, err
	}
	at, err := url.Parse(b.cluster.URL())
	if err != nil {
		return nil, err
	}
	at.Path = "/" + name
	cfg := b.cfg
	cfg.DatabaseURL = at.String()
	a, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, a.close)
	return a, nil
}
