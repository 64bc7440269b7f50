package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/postgres"
	"waybill/cmd/config"
	"waybill/cmd/preflight"
	"waybill/domain"
	"waybill/domain/events"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

// openedStore is an event store that the command line named.
type openedStore struct {
	domain.EventStore
	setting string        // what to set to have Waybill use it; without a password
	pool    *pgxpool.Pool // nil when it is no PostgreSQL
	hosts   string        // of an EventStoreDB
	remote  *eventstoredb.Store
	close   func() error
}

// storeNamed is what names a store: the argument itself, or what a variable (env:NAME) or a file (file:PATH) holds. A password in the
// argument is refused: arguments show in the list of processes, and stay in the shell's history.
func storeNamed(arg string, getenv func(string) string) (string, error) {
	kind, name, _ := strings.Cut(arg, ":")
	switch {
	case kind == "env":
		text := getenv(name)
		if text == "" {
			return "", fmt.Errorf("the environment variable %q is not set", name)
		}
		return text, nil
	case kind == "file":
		text, err := os.ReadFile(name)
		return strings.TrimSpace(string(text)), err
	case config.HasPassword(arg):
		return "", errors.New("a password in an argument shows in the list of processes: put the connection string into a variable, " +
			"as TARGET, and say env:TARGET, or into a file, and say file:PATH")
	}
	return arg, nil
}

// openStore opens "postgres", a postgres:// URL or an esdb:// connection string. With prepare, a database must have the
// tables of this version.
// No error repeats the text: it may hold a password.
func openStore(ctx context.Context, cfg config.Config, text string, prepare bool) (*openedStore, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "postgres", "postgresql":
		if text == "postgres" {
			return openOwnDatabase(ctx, cfg)
		}
		return openDatabase(ctx, cfg, text, prepare)
	case "esdb", "esdb+discover":
		return openEventStoreDB(cfg, text, rest)
	}
	return nil, errors.New(`want "postgres", a postgres:// URL or an esdb:// connection string`)
}

// openOwnDatabase opens the database that every other command uses.
func openOwnDatabase(ctx context.Context, cfg config.Config) (*openedStore, error) {
	cfg.EventStore, cfg.EventStorePrefix = "postgres", ""
	a, err := open(ctx, cfg, toWork)
	if err != nil {
		return nil, err
	}
	return &openedStore{EventStore: a.store, setting: "WAYBILL_EVENTSTORE=postgres", pool: a.pool, close: a.close}, nil
}

func openDatabase(ctx context.Context, cfg config.Config, url string, prepare bool) (*openedStore, error) {
	if err := config.CheckDatabase(url); err != nil {
		return nil, fmt.Errorf("the URL cannot be parsed; want %w", err)
	}
	pool, err := openPool(ctx, url, cfg.MaxConns)
	if err != nil {
		return nil, err
	}
	if err := tables(ctx, pool, prepare); err != nil {
		pool.Close()
		return nil, err
	}
	store := postgres.NewEventStore(pool)
	return &openedStore{
		EventStore: store, setting: "WAYBILL_EVENTSTORE=postgres and DATABASE_URL to it", pool: pool,
		close: func() error { defer pool.Close(); return store.Close() },
	}, nil
}

// tables sees that a log's tables are there; to be written to they are those of this version.
func tables(ctx context.Context, pool *pgxpool.Pool, prepare bool) error {
	if prepare {
		if err := preflight.RequireTables(ctx, pool, models.All); err != nil {
			return fmt.Errorf("%w (with DATABASE_URL naming that database)", err)
		}
		return nil
	}
	var there bool
	if err := pool.QueryRow(ctx, `select to_regclass('eventstore.events') is not null`).Scan(&there); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if !there {
		return errors.New("the database holds no log; is it the right one?")
	}
	return nil
}

func openEventStoreDB(cfg config.Config, text, rest string) (*openedStore, error) {
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: text, Prefix: cfg.EventStorePrefix})
	if err != nil {
		return nil, err
	}
	return &openedStore{
		EventStore: store, setting: "WAYBILL_EVENTSTORE to it", hosts: eventStoreHosts(rest),
		remote: store, close: store.Close,
	}, nil
}

// ownOnly leaves out what others keep in the same EventStoreDB: streams of categories that neither this binary knows nor any
// recorded in the database of the other side, if that is one.
func (s *openedStore) ownOnly(ctx context.Context, other *openedStore) error {
	if s.remote == nil {
		return nil
	}
	categories := events.Categories
	if other.pool != nil {
		recorded, err := runtime.RecordedCategories(ctx, other.pool)
		if err != nil {
			return fmt.Errorf("the categories of the log's streams: %w", err)
		}
		categories = slices.Concat(categories, recorded)
	}
	s.EventStore = s.remote.Only(categories)
	return nil
}

// eventStoreHosts is what tells one EventStoreDB from another: its addresses, without user, password and settings.
func eventStoreHosts(rest string) string {
	rest, _, _ = strings.Cut(rest, "?")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	return strings.ToLower(strings.TrimRight(rest, "/"))
}

// same reports whether both are the same log. Two URLs of one database are told by a lock, which only one can hold.
func (s *openedStore) same(ctx context.Context, other *openedStore) (bool, error) {
	if s.pool == nil || other.pool == nil {
		return s.pool == other.pool && s.hosts == other.hosts, nil
	}
	free := false
	key := rand.Int64() //nolint:gosec // a collision would need another to hold it now
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, key); err != nil {
			return err
		}
		return other.pool.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, key).Scan(&free)
	})
	return !free, err
}
