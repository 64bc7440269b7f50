package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/http/api"
)

type replayCommand struct {
	Stream   domain.StreamName `arg:"" help:"The stream, such as product-0192…"`
	Revision *domain.Revision  `help:"Stop after this stream revision." xor:"until"`
	Position *domain.Position  `help:"Stop after this position of the log." xor:"until"`
	At       *time.Time        `help:"Stop at this time (RFC 3339)." xor:"until"`
}

// export is commands.Replayed with its time as the API shows it.
type export struct {
	Stream   domain.StreamName `json:"stream"`
	Revision domain.Revision   `json:"revision"`
	Position domain.Position   `json:"position"`
	At       api.Instant       `json:"at"`
	State    any               `json:"state"`
}

// Run is called by kong.
func (c replayCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		if c.Position != nil {
			if err := a.isInLog(ctx, "--position", *c.Position); err != nil {
				return err
			}
		}
		until := commands.Until{Revision: c.Revision, Position: c.Position, At: c.At}
		replayed, err := a.commands.Replay(ctx, c.Stream, until)
		if errors.Is(err, domain.ErrNotFound) {
			return errors.New("no such stream, or nothing had happened in it by then")
		}
		if err != nil {
			return err
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(export{replayed.Stream, replayed.Revision, replayed.Position, api.Instant{Time: replayed.At}, replayed.State})
	})
}
