package main

import (
	"context"
	"io"
	"time"

	"waybill/cmd/config"
	"waybill/domain"
)

type staffCommand struct {
	Add staffAddCommand `cmd:"" help:"Open an account for a member of staff, grant it a role, and print a token for it."`
}

type staffAddCommand struct {
	Name string        `required:"" help:"The person's display name."`
	Role domain.Role   `required:"" enum:"reviewer,auditor,operator" help:"reviewer, auditor or operator."`
	TTL  time.Duration `default:"720h" help:"How long the token is valid."`
}

// Run is called by kong.
func (c staffAddCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		opened, err := a.commands.OpenAccount(ctx, a.request(), c.Name)
		if err != nil {
			return err
		}
		if _, err := a.commands.GrantRole(ctx, a.request(), opened.ID, c.Role); err != nil {
			return err
		}
		return a.printToken(ctx, out, opened.ID, c.Role, c.TTL)
	})
}
