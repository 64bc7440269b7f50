package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/embedded"
	"waybill/cmd/config"
)

// sizes is how much of everything.
type sizes struct {
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
	// images is how often each is decoded, taken and made to fit.
	images int
	// decisions is how often a decider is asked.
	decisions int
	// cases is how many the review desk has.
	cases int
	// readers is how many follow the feed.
	readers int
	// reportEvents is how many events the reports are of, and reportRounds how often each is asked for.
	reportEvents, reportRounds int
	// exported is how many events are exported.
	exported int
	// replays is how often each question about a record is asked, and longStream how many events the longest one has.
	replays, longStream int
}

var (
	fullSize = sizes{
		rounds: 3, run: 3 * time.Second, pageRounds: 2, pageRun: 1200 * time.Millisecond, pages: 300, live: 15 * time.Second,
		rebuildProducts: 50_000, rebuildEvents: 500_000, listings: []int{10_000, 1_000_000}, starts: 5, decisions: 20_000, images: 30,
		cases: 100_000, readers: 1000, reportEvents: 10_000_000, reportRounds: 15, exported: 500_000,
		replays: 200, longStream: 100_000,
	}
	quickSize = sizes{
		rounds: 1, run: 250 * time.Millisecond, pageRounds: 1, pageRun: 60 * time.Millisecond, pages: 10, live: 2 * time.Second,
		rebuildProducts: 300, rebuildEvents: 3000, listings: []int{300, 1500}, starts: 1, decisions: 100, images: 1, cases: 3000,
		readers: 32, reportEvents: 5000, reportRounds: 2, exported: 3000, replays: 3, longStream: 3000,
	}
)

// connections is how many callers the HTTP sections have at once.
const connections = 32

// bench is one run: a throw-away durable cluster, databases in it, and the processes that serve them.
type bench struct {
	cfg     config.Config
	size    sizes
	report  *report
	cluster *embedded.Server
	folder  string
	closers []func() error
	portal  *portal
	// eventStoreDB is a connection string, or empty for a server of the bench's own.
	eventStoreDB string
	listings     []*listingWorld
}

// progress tells the person who waits, apart from the report.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s bench: "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

// open starts the cluster, after sweeping up what a killed run left behind.
func (b *bench) open(ctx context.Context) error {
	if _, err := os.Stat(waybillProgram); err != nil {
		return fmt.Errorf("%w ('make bench' builds it)", err)
	}
	b.progress("starting a PostgreSQL of its own")
	if err := sweep(ctx, b.cfg.DataDir); err != nil {
		return err
	}
	b.folder = filepath.Join(b.cfg.DataDir, "bench-"+strconv.Itoa(os.Getpid()))
	var err error
	b.cluster, err = embedded.Start(ctx, embedded.Options{Dir: b.folder, Durable: true, Log: b.cfg.Logger(os.Stderr)})
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
		if err == nil {
			err = os.RemoveAll(folder) // images too
		}
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

// database is one of the bench's databases, with Waybill's tables, and the store on it.
type database struct {
	url   string
	pool  *pgxpool.Pool
	store *postgres.EventStore
}

// asAdmin runs a statement that the owner of a database may not run.
func (b *bench) asAdmin(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, b.cluster.AdminURL())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// database makes a database in the cluster and opens it; the bench closes it.
func (b *bench) database(ctx context.Context, name string) (*database, error) {
	at, err := url.Parse(b.cluster.URL())
	if err != nil {
		return nil, err
	}
	owner := pgx.Identifier{at.User.Username()}.Sanitize()
	if err := b.asAdmin(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" OWNER "+owner); err != nil {
		return nil, err
	}
	at.Path = "/" + name
	d := &database{url: at.String()}
	if _, err := b.once(ctx, d.url, "migrate"); err != nil {
		return nil, err
	}
	if d.pool, err = openPool(ctx, d.url, b.cfg.MaxConns); err != nil {
		return nil, err
	}
	d.store = postgres.NewEventStore(d.pool)
	b.closers = append(b.closers, d.close)
	return d, nil
}

func openPool(ctx context.Context, url string, maxConns int32) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	parsed.MaxConns = maxConns
	postgres.Configure(parsed.ConnConfig)
	return pgxpool.NewWithConfig(ctx, parsed)
}

func (d *database) close() error {
	defer d.pool.Close()
	return d.store.Close()
}

// head is the newest position, which is the number of events.
func (d *database) head(ctx context.Context) (int64, error) {
	var n int64
	err := d.pool.QueryRow(ctx, `SELECT coalesce(max(position), 0) FROM eventstore.events`).Scan(&n)
	return n, err
}

// caughtUp waits until every projection of the database has reached the end of the log.
func (d *database) caughtUp(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var behind int
		err := d.pool.QueryRow(ctx, `SELECT count(*) FROM projections.checkpoints
			WHERE position < (SELECT coalesce(max(position), 0) FROM eventstore.events)`).Scan(&behind)
		if err != nil {
			return err
		}
		if behind == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d projections have not caught up: %w", behind, context.Cause(ctx))
		}
	}
}
