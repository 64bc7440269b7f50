package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"waybill/cmd/config"
	"waybill/projections"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

type rebuildCommand struct {
	ReadModel string `arg:"" help:"listing, backoffice, review, bookings, history, directory, pictures, or 'all' in turn."`
}

// Run is called by kong.
func (c rebuildCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		models, err := modelsNamed(c.ReadModel)
		if err != nil {
			return err
		}
		for _, m := range models {
			start := time.Now()
			applied, err := runtime.Rebuild(ctx, a.pool, a.store, m, nil)
			if err != nil {
				return fmt.Errorf("rebuild %s: %w", m.Name, err)
			}
			took := time.Since(start).Seconds()
			fmt.Fprintf(out, "%s: %d events in %.1f s (%.0f events/s)\n", m.Name, applied, took, float64(applied)/took)
		}
		if c.ReadModel != "all" {
			return nil
		}
		return runtime.MoveReactions(ctx, a.pool, a.store, reactions.All(a.commands, a.pool))
	})
}

func modelsNamed(name string) ([]projections.ReadModel, error) {
	if name == "all" {
		return models.All, nil
	}
	names := make([]string, len(models.All))
	for i, m := range models.All {
		names[i] = m.Name
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, fmt.Errorf("no read model %q; there are %s", name, strings.Join(names, ", "))
	}
	return models.All[i : i+1], nil
}
