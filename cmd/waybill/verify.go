package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"waybill/cmd/config"
	"waybill/cmd/progress"
	"waybill/projections/runtime"
)

type verifyCommand struct {
	ReadModel string `arg:"" default:"all" help:"Its name: ${read_models}; or 'all', for each in turn."`
}

// errDiffers ends the command with a failure.
var errDiffers = errors.New("a read model is not what the log says; 'waybill rebuild' builds it anew")

// Run is called by kong.
func (c verifyCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error { return a.verify(ctx, c.ReadModel, out) })
}

// verify writes a line for each read model. It fails when one differs, but not before all were compared.
func (a *app) verify(ctx context.Context, name string, out io.Writer) error {
	models, err := modelsNamed(name)
	if err != nil {
		return err
	}
	differs := false
	shown := progress.New(os.Stderr)
	defer shown.Close()
	for i, m := range models {
		found, err := runtime.Compare(ctx, a.pool, a.store, m, progressOf(shown, models, i))
		if err != nil {
			return err
		}
		shown.Clear()
		differs = differs || len(found.Differences) > 0
		fmt.Fprintf(out, "%s: %s\n", m.Name, verdict(found))
	}
	if differs {
		return errDiffers
	}
	return nil
}

func verdict(found runtime.Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "equal to the log at position %d: %d rows from %d events", found.Position, found.Rows, found.Applied)
	if len(found.Differences) > 0 {
		b.Reset()
		fmt.Fprintf(&b, "DIFFERS from the log at position %d", found.Position)
	}
	for _, d := range found.Differences {
		fmt.Fprintf(&b, "; %s: %d missing, %d surplus, %d changed, such as %s",
			d.Table, d.Missing, d.Surplus, d.Changed, strings.Join(d.Keys, ", "))
	}
	if found.Parked > 0 {
		fmt.Fprintf(&b, "; %d streams are parked", found.Parked)
	}
	return b.String()
}
