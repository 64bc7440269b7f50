package main

import (
	"context"
	"fmt"

	"waybill/projections/models"
	"waybill/projections/runtime"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// readDatabase checks WAYBILL_READ_DATABASE_URL. It must name one server: a reader waits for what that one shows.
func (e *environment) readDatabase(c config) {
	if c.readDatabaseURL == "" {
		return
	}
	const name, hidden = "WAYBILL_READ_DATABASE_URL", "(hidden)"
	config, err := pgxpool.ParseConfig(c.readDatabaseURL)
	switch {
	case err != nil:
		// The parser's own message can repeat the password.
		e.mistake(name, hidden, "a PostgreSQL connection string, such as postgres://user:password@replica:5432/waybill")
	case hosts(&config.ConnConfig.Config) > 1:
		e.mistake(name, hidden, "a single host: what one replica shows says nothing about another")
	case c.databaseURL == "":
		e.mistake(name, hidden, "DATABASE_URL too: the database that it is a replica of")
	}
}

// hosts counts the servers that a connection string names; one of them with and without TLS is one.
func hosts(c *pgconn.Config) int {
	type server struct {
		host string
		port uint16
	}
	all := map[server]bool{{c.Host, c.Port}: true}
	for _, f := range c.Fallbacks {
		all[server{f.Host, f.Port}] = true
	}
	return len(all)
}

// openReplica is nil when no replica is configured.
func (a *app) openReplica(ctx context.Context) (*runtime.Replica, error) {
	if a.cfg.readDatabaseURL == "" {
		return nil, nil
	}
	replica, err := runtime.OpenReplica(ctx, runtime.ReplicaConfig{
		URL: a.cfg.readDatabaseURL, MaxConns: a.cfg.maxConns, Primary: a.pool, Store: a.store, Models: models.All,
		MaxWait: a.cfg.waitForRead, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("WAYBILL_READ_DATABASE_URL: %w", err)
	}
	return replica, nil
}
