package main

import (
	"context"

	"waybill/cmd/config"
)

type migrateCommand struct{}

// Run is called by kong.
func (migrateCommand) Run(ctx context.Context, cfg config.Config) error {
	return withAppTo(ctx, cfg, toMigrate, func(a *app) error {
		a.log.InfoContext(ctx, "the database is up to date")
		return nil
	})
}
