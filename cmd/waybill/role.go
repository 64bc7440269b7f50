package main

import (
	"context"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/commands"
)

type roleCommand struct {
	Grant  roleGrantCommand  `cmd:"" help:"Give an account a further role of staff."`
	Revoke roleRevokeCommand `cmd:"" help:"Take a role of staff back, and revoke the tokens for it."`
}

type roleGrantCommand struct {
	Account string      `arg:"" help:"The account's id or name."`
	Role    domain.Role `required:"" enum:"reviewer,auditor,operator" help:"reviewer, auditor or operator."`
	by
}

// Run is called by kong.
func (c roleGrantCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.onAccount(ctx, cfg, c.Account, func(a *app, req commands.Request, id uuid.UUID) error {
		_, err := a.commands.GrantRole(ctx, req, id, c.Role)
		return err
	})
}

type roleRevokeCommand struct {
	Account string      `arg:"" help:"The account's id or name."`
	Role    domain.Role `required:"" enum:"reviewer,auditor,operator" help:"reviewer, auditor or operator."`
	Reason  string      `required:"" help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c roleRevokeCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.onAccount(ctx, cfg, c.Account, func(a *app, req commands.Request, id uuid.UUID) error {
		if _, err := a.commands.RevokeRole(ctx, req, id, c.Role, c.Reason); err != nil {
			return err
		}
		return a.tokens.RevokeAccount(ctx, id, c.Role)
	})
}
