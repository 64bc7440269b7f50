package main

import (
	"context"
	"fmt"

	"waybill/projections"
)

// openReplica is nil when no replica is configured.
func (a *app) openReplica(ctx context.Context) (*projections.Replica, error) {
	if a.cfg.ReadDatabaseURL == "" {
		return nil, nil
	}
	replica, err := projections.OpenReplica(ctx, projections.ReplicaConfig{
		URL: a.cfg.ReadDatabaseURL, MaxConns: a.cfg.MaxConns, Primary: a.pool, Store: a.store, Models: projections.Models,
		MaxWait: a.cfg.WaitForRead, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("WAYBILL_READ_DATABASE_URL: %w", err)
	}
	return replica, nil
}
