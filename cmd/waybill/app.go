package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/embedded"
	"waybill/cmd/config"
	"waybill/cmd/preflight"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

// app is what every subcommand works on: the database, the event store on it, and the commands.
type app struct {
	cfg        config.Config
	log        *slog.Logger
	embedded   *embedded.Server // nil when DATABASE_URL names a database
	pool       *pgxpool.Pool
	clock      *postgres.Clock // by which times are compared, on whichever node
	store      eventStore
	tokens     *postgres.Tokens
	commands   *commands.Service
	appends    *appendMetrics
	checks     preflight.Report // of a start that was looked at before
	stopEnding func()           // see postgres.EndFrozen
}

// purpose is what a command does to the database's tables.
type purpose int

const (
	// toWork is on tables that are up to date; they are not changed.
	toWork purpose = iota
	// toMigrate brings them up to date.
	toMigrate
	// toServe does so too, unless it is told not to.
	toServe
)

// eventStore is the log, in the database or in an EventStoreDB.
type eventStore interface {
	domain.EventStore
	io.Closer
}

// open reaches the database, starting or joining the embedded one when none is configured. Only to migrate and to serve it brings the
// tables up to date, once all checks have let it; for anything else they must be.
func open(ctx context.Context, cfg config.Config, what purpose) (_ *app, err error) {
	if err := cfg.CheckLog(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	a := &app{cfg: cfg, log: cfg.Logger(&terminal{to: heard{os.Stderr}})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	url := cfg.DatabaseURL
	if url == "" {
		a.embedded, err = embedded.Start(ctx, embedded.Options{
			Dir: filepath.Join(cfg.DataDir, "postgres"), Durable: true, Log: a.log,
		})
		if err != nil {
			return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
		}
		url = a.embedded.URL()
	}
	migrates := what == toMigrate || what == toServe && cfg.Migrate
	if what != toWork {
		a.checks = preflight.Run(ctx, preflight.Node{
			Config: cfg, URL: url, Migrates: migrates, Serves: what == toServe, Models: models.All,
		})
		a.checks.Log(ctx, a.log)
		if err := a.checks.Err(); err != nil {
			return nil, err
		}
	}
	if a.pool, err = openPool(ctx, url, cfg.MaxConns); err != nil {
		return nil, err
	}
	a.stopEnding = postgres.EndFrozen(a.pool, a.log)
	if a.clock, err = postgres.NewClock(ctx, a.pool); err != nil {
		return nil, err
	}
	if err := a.prepareTables(ctx, migrates); err != nil {
		return nil, err
	}
	a.appends = newAppendMetrics()
	if a.store, err = a.openStore(); err != nil {
		return nil, err
	}
	a.tokens = postgres.NewTokens(a.pool)
	a.commands = commands.New(a.store, commands.Sources{Policies: cfg.ImagePolicies, Now: a.clock.Now})
	return a, nil
}

// prepareTables brings them up to date, or sees that they are. An embedded database is this machine's own: who finds it at rest, or still
// empty, makes its tables.
func (a *app) prepareTables(ctx context.Context, migrates bool) error {
	if !migrates && a.embedded != nil {
		var empty bool
		if err := a.pool.QueryRow(ctx, `SELECT to_regnamespace('eventstore') IS NULL`).Scan(&empty); err != nil {
			return fmt.Errorf("database: %w", err)
		}
		migrates = a.cfg.Migrate && (empty || a.embedded.Started())
	}
	if migrates {
		return migrate(ctx, a.pool)
	}
	return preflight.RequireTables(ctx, a.pool, models.All)
}

// openStore does not wait for an EventStoreDB: until a node answers, what needs the log says that it is unavailable.
func (a *app) openStore() (eventStore, error) {
	if a.cfg.EventStore == "postgres" {
		return postgres.NewEventStore(a.pool, postgres.OnBatch(a.appends.observe)), nil
	}
	store, err := eventstoredb.Open(eventstoredb.Config{
		ConnectionString: a.cfg.EventStore, Prefix: a.cfg.EventStorePrefix, Logger: a.log, Observe: a.appends.observeCall,
	})
	if err != nil {
		return nil, fmt.Errorf("WAYBILL_EVENTSTORE: %w", err)
	}
	a.appends.remote = store
	return store, nil
}

func openPool(ctx context.Context, url string, maxConns int32) (*pgxpool.Pool, error) {
	poolConfig, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL cannot be parsed")
	}
	poolConfig.MaxConns = maxConns
	pool, err := postgres.OpenPool(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := postgres.SessionIsOurs(ctx, poolConfig.ConnConfig); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	return pool, nil
}

// migrate brings the tables of the event store, of tokens and of the read models up to date. Several nodes may do so at once.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	schemas := preflight.Schemas(models.All)
	if err := postgres.Migrate(ctx, pool); err != nil {
		return fmt.Errorf("migrate the event store: %w", postgres.ExplainRights(ctx, pool, err, schemas))
	}
	if err := runtime.Prepare(ctx, pool, models.All); err != nil {
		return fmt.Errorf("migrate the read models: %w", postgres.ExplainRights(ctx, pool, err, schemas))
	}
	return nil
}

func (a *app) close() error {
	var errs []error
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.pool != nil {
		a.stopEnding()
		a.pool.Close()
	}
	if a.embedded != nil {
		errs = append(errs, a.embedded.Close())
	}
	return errors.Join(errs...)
}

// withApp runs f on an open app, whose tables are up to date, and closes it.
func withApp(ctx context.Context, cfg config.Config, f func(*app) error) error {
	return withAppTo(ctx, cfg, toWork, f)
}

func withAppTo(ctx context.Context, cfg config.Config, what purpose, f func(*app) error) error {
	a, err := open(ctx, cfg, what)
	if err != nil {
		return err
	}
	return errors.Join(f(a), a.close())
}
