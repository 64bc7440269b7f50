package main

import (
	"context"
	"fmt"

	"waybill/adapters/postgres"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

// openReplica is nil when no replica is configured.
func (a *app) openReplica(ctx context.Context) (*runtime.Replica, error) {
	if a.cfg.ReadDatabaseURL == "" {
		return nil, nil
	}
	replica, err := runtime.OpenReplica(ctx, runtime.ReplicaConfig{
		URL: a.cfg.ReadDatabaseURL, MaxConns: a.cfg.MaxConns, Open: postgres.OpenPool, Primary: a.pool, Store: a.store, Models: models.All,
		MaxWait: a.cfg.WaitForRead, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("WAYBILL_READ_DATABASE_URL: %w", err)
	}
	return replica, nil
}
