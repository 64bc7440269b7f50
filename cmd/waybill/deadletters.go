package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

type deadLettersCommand struct {
	List  deadLettersListCommand  `cmd:"" help:"List them, oldest first."`
	Show  deadLettersShowCommand  `cmd:"" help:"Show one: the event, and why it could not be applied."`
	Retry deadLettersRetryCommand `cmd:"" help:"Apply those of a stream again, in order."`
	Skip  deadLettersSkipCommand  `cmd:"" help:"Give up the first of a stream for good; it shows in the audit history."`
}

type deadLettersListCommand struct {
	ReadModel string `arg:"" optional:"" help:"A read model or reaction; all when not said."`
}

// Run is called by kong.
func (c deadLettersListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(d *runtime.DeadLetters) error {
		letters, err := d.List(ctx, c.ReadModel)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "READ MODEL\tPOSITION\tSTREAM\tREVISION\tTYPE\tPARKED\tERROR")
		for _, l := range letters {
			fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n",
				l.Name, l.Position, l.Stream, l.Revision, l.Type, l.ParkedAt.Format(time.RFC3339), l.Error)
		}
		return w.Flush()
	})
}

type deadLettersShowCommand struct {
	ReadModel string          `arg:"" help:"The read model or reaction."`
	Position  domain.Position `arg:"" help:"The event's position."`
}

// Run is called by kong.
func (c deadLettersShowCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(d *runtime.DeadLetters) error {
		letter, event, err := d.Show(ctx, c.ReadModel, c.Position)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "read model  %s\nposition    %d\nstream      %s\nrevision    %d\nevent       %s\n"+
			"type        %s\nparked      %s\nerror       %s\ndata        %s\nmetadata    %s\n",
			letter.Name, letter.Position, letter.Stream, letter.Revision, letter.EventID, letter.Type, letter.ParkedAt.Format(time.RFC3339),
			letter.Error, event.Data, event.Metadata)
		return err
	})
}

type deadLettersRetryCommand struct {
	ReadModel string            `arg:"" help:"The read model or reaction."`
	Stream    domain.StreamName `arg:"" help:"The stream that is parked."`
}

// Run is called by kong.
func (c deadLettersRetryCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(d *runtime.DeadLetters) error {
		r, err := d.Retry(ctx, c.ReadModel, c.Stream)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d applied, %d left, %d due again\n", r.Done, r.Left, r.Due)
		return err
	})
}

type deadLettersSkipCommand struct {
	ReadModel string            `arg:"" help:"The read model or reaction."`
	Stream    domain.StreamName `arg:"" help:"The stream that is parked."`
	Position  domain.Position   `required:"" help:"The position of its first dead letter."`
	Reason    string            `required:"" help:"Why; it shows in the audit history."`
	Account   uuid.UUID         `help:"The operator's account, for the audit history."`
}

// Run is called by kong.
func (c deadLettersSkipCommand) Run(ctx context.Context, cfg config.Config) error {
	return withDeadLetters(ctx, cfg, func(d *runtime.DeadLetters) error {
		return d.Skip(ctx, c.ReadModel, c.Stream, c.Position, c.Reason, domain.Actor{ID: c.Account, Role: domain.RoleOperator})
	})
}

func withDeadLetters(ctx context.Context, cfg config.Config, f func(*runtime.DeadLetters) error) error {
	return withApp(ctx, cfg, func(a *app) error {
		return f(runtime.NewDeadLetters(a.pool, a.store, models.All, reactions.All(a.commands, a.pool)))
	})
}
