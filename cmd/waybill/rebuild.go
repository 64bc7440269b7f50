package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"waybill/cmd/config"
	"waybill/cmd/progress"
	"waybill/projections"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

type rebuildCommand struct {
	ReadModel string `arg:"" help:"Its name: ${read_models}; or 'all', for each in turn."`
}

// Run is called by kong.
func (c rebuildCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		models, err := modelsNamed(c.ReadModel)
		if err != nil {
			return err
		}
		shown := progress.New(os.Stderr)
		defer shown.Close()
		for i, m := range models {
			start := time.Now()
			applied, err := runtime.Rebuild(ctx, a.pool, a.store, m, progressOf(shown, models, i))
			if err != nil {
				return err
			}
			took := time.Since(start).Seconds()
			shown.Clear()
			fmt.Fprintf(out, "%s: %d events in %.1f s (%.0f events/s)\n", m.Name, applied, took, float64(applied)/took)
		}
		if c.ReadModel != "all" {
			return nil
		}
		return runtime.MoveReactions(ctx, a.pool, a.store, reactions.All(a.commands, a.pool))
	})
}

// progressOf shows how far the work on one of several read models is.
func progressOf(shown *progress.Line, all []projections.ReadModel, i int) func(runtime.Progress) {
	which := all[i].Name
	if len(all) > 1 {
		which = fmt.Sprintf("%s (%d of %d)", which, i+1, len(all))
	}
	phase := ""
	return func(p runtime.Progress) {
		begun := p.Phase != phase
		phase = p.Phase
		switch {
		case !begun:
			shown.Advance(uint64(p.Passed), p.Position) //nolint:gosec // never negative
		case phase == runtime.PhaseEvents, phase == runtime.PhaseCatchingUp:
			shown.Begin(which+": "+phase, uint64(p.Passed), p.Position, p.Head) //nolint:gosec // never negative
		default:
			shown.Phase(which + ": " + phase)
		}
	}
}

func modelsNamed(name string) ([]projections.ReadModel, error) {
	if name == "all" {
		return models.All, nil
	}
	i := slices.IndexFunc(models.All, func(m projections.ReadModel) bool { return m.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no read model %q; there are %s", name, modelNames())
	}
	return models.All[i : i+1], nil
}

// modelNames is "listing, backoffice, …", all there are.
func modelNames() string {
	names := make([]string, len(models.All))
	for i, m := range models.All {
		names[i] = m.Name
	}
	return strings.Join(names, ", ")
}
