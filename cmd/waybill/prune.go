package main

import (
	"context"
	"fmt"
	"io"

	"waybill/cmd/config"
	"waybill/projections/models"
	"waybill/projections/runtime"
)

type pruneCommand struct{}

// Run is called by kong.
func (pruneCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		pruned, err := runtime.Prune(ctx, a.pool, models.All)
		for _, p := range pruned {
			switch {
			case p.Node != "":
				fmt.Fprintf(out, "%s: kept, node %s serves it\n", p.Schema, p.Node)
			case p.Views != "":
				fmt.Fprintf(out, "%s: kept, the views of %s are over it until the next version has caught up\n", p.Schema, p.Views)
			case p.Leftover:
				fmt.Fprintf(out, "%s: dropped, a rebuild or a comparison had left it behind\n", p.Schema)
			default:
				fmt.Fprintf(out, "%s: dropped\n", p.Schema)
			}
		}
		if err == nil && len(pruned) == 0 {
			fmt.Fprintln(out, "there is no earlier version of a read model, and nothing left behind")
		}
		return err
	})
}
