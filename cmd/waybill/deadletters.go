package main

import (
	"context"
	"fmt"
	"io"
	"time"

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
	Limit     int    `default:"1000" help:"How many at most; of each read model the oldest first."`
}

// Run is called by kong.
func (c deadLettersListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(_ *app, d *runtime.DeadLetters) error {
		most := max(1, c.Limit)
		letters, err := d.List(ctx, c.ReadModel, most+1)
		if err != nil {
			return err
		}
		rows := newTable(out, "READ MODEL", "POSITION", "STREAM", "REVISION", "TYPE", "RECIPIENT", "PARKED", "ERROR")
		more := len(letters) > most
		for _, l := range letters[:min(len(letters), most)] {
			rows.add(l.Name, l.Position, l.Stream, l.Revision, l.Type, l.Recipient, l.ParkedAt.Format(time.RFC3339), l.Error)
		}
		if err := rows.flush(); err != nil || !more {
			return err
		}
		_, err = fmt.Fprintf(out, "and more: name a read model, or ask for more than --limit %d\n", most)
		return err
	})
}

type deadLettersShowCommand struct {
	ReadModel string          `arg:"" help:"The read model or reaction."`
	Position  domain.Position `arg:"" help:"The event's position."`
}

// Run is called by kong.
func (c deadLettersShowCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(_ *app, d *runtime.DeadLetters) error {
		letters, event, err := d.Show(ctx, c.ReadModel, c.Position)
		if err != nil {
			return err
		}
		letter := letters[0]
		_, err = fmt.Fprintf(out, "read model  %s\nposition    %d\nstream      %s\nrevision    %d\nevent       %s\ntype        %s\n",
			letter.Name, letter.Position, printable(string(letter.Stream)), letter.Revision, letter.EventID, printable(letter.Type))
		for _, l := range letters {
			if err == nil && l.Recipient != "" {
				_, err = fmt.Fprintf(out, "recipient   %s\n", printable(l.Recipient))
			}
			if err == nil {
				_, err = fmt.Fprintf(out, "parked      %s\nerror       %s\n", l.ParkedAt.Format(time.RFC3339), printable(l.Error))
			}
		}
		if err == nil {
			_, err = fmt.Fprintf(out, "data        %s\nmetadata    %s\n", printable(string(event.Data)), printable(string(event.Metadata)))
		}
		return err
	})
}

type deadLettersRetryCommand struct {
	ReadModel string            `arg:"" help:"The read model or reaction."`
	Stream    domain.StreamName `arg:"" help:"The stream that is parked."`
	Recipient string            `placeholder:"ID" help:"Only what is for this recipient, such as a webhook; else what is for all."`
	by
}

// Run is called by kong.
func (c deadLettersRetryCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withDeadLetters(ctx, cfg, func(a *app, d *runtime.DeadLetters) error {
		actor, err := c.actor(ctx, a)
		if err != nil {
			return err
		}
		r, err := d.For(c.Recipient).Retry(ctx, c.ReadModel, c.Stream, actor)
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
	Recipient string            `placeholder:"ID" help:"Only what is for this recipient, such as a webhook; else what is for all."`
	Reason    string            `required:"" help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c deadLettersSkipCommand) Run(ctx context.Context, cfg config.Config) error {
	return withDeadLetters(ctx, cfg, func(a *app, d *runtime.DeadLetters) error {
		actor, err := c.actor(ctx, a)
		if err != nil {
			return err
		}
		return d.For(c.Recipient).Skip(ctx, c.ReadModel, c.Stream, c.Position, c.Reason, actor)
	})
}

func withDeadLetters(ctx context.Context, cfg config.Config, f func(*app, *runtime.DeadLetters) error) error {
	return withApp(ctx, cfg, func(a *app) error {
		return f(a, runtime.NewDeadLetters(a.pool, a.store, models.All, reactions.All(a.commands, a.pool)))
	})
}
