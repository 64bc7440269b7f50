package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

// openReplica is nil when no replica is configured.
func (a *app) openReplica(ctx context.Context) (*runtime.Replica, error) {
	if a.cfg.ReadDatabaseURL == "" {
		return nil, nil
	}
	const name = "WAYBILL_READ_DATABASE_URL"
	config, err := pgxpool.ParseConfig(a.cfg.ReadDatabaseURL)
	if err != nil {
		return nil, errors.New(name + " cannot be parsed") // the parser's message can repeat the password
	}
	postgres.Configure(config.ConnConfig)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = time.Second // one that is away does not keep us from starting
	}
	if err := postgres.SessionIsOurs(ctx, config.ConnConfig); errors.Is(err, postgres.ErrSharedSession) {
		return nil, fmt.Errorf("%s: %w", name, err)
	} // anything else shows when it is opened, as far as it is a reason not to start
	replica, err := runtime.OpenReplica(ctx, runtime.ReplicaConfig{
		URL: a.cfg.ReadDatabaseURL, MaxConns: a.cfg.MaxConns, Session: postgres.Configure, Primary: a.pool,
		Store: a.store, Models: models.All, MaxWait: a.cfg.WaitForRead, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return replica, nil
}
