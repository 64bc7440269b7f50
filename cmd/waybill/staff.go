package main

import (
	"context"
	"errors"
	"io"
	"time"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
)

type staffCommand struct {
	Add  staffAddCommand  `cmd:"" help:"Open an account for a member of staff, grant it a role, and print a token for it."`
	List staffListCommand `cmd:"" help:"List the accounts that hold a role of staff."`
}

type staffAddCommand struct {
	Name string      `required:"" help:"The person's display name."`
	Role domain.Role `required:"" enum:"reviewer,auditor,operator" help:"reviewer, auditor or operator."`
	TTL  *lifetime   `help:"How long the token is valid, such as 12h or 30d (which is usual)."`
	As   *string     `placeholder:"ACCOUNT" help:"Your own account, an operator's: its id or name. Only the first operator needs none."`
}

// Run is called by kong.
func (c staffAddCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		ttl, err := a.checkedLifetime(c.TTL)
		if err != nil {
			return err
		}
		req, err := c.request(ctx, a)
		if err != nil {
			return err
		}
		token := account.Token{Label: issuedLabel, Roles: []domain.Role{c.Role}, ExpiresAt: req.At.Add(ttl)}
		return a.openAccount(ctx, out, req, account.Open{DisplayName: c.Name, Roles: []domain.Role{c.Role}}, token)
	})
}

func (c staffAddCommand) request(ctx context.Context, a *app) (commands.Request, error) {
	switch {
	case c.As != nil:
		return by{*c.As}.request(ctx, a)
	case c.Role != domain.RoleOperator:
		return commands.Request{}, errors.New("say who you are with --as ACCOUNT; only the first operator of all adds itself")
	}
	return a.firstOperator(ctx)
}

type staffListCommand struct{}

// Run is called by kong.
func (staffListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		staff, err := a.staff(ctx)
		if err != nil {
			return err
		}
		rows := newTable(out, "ACCOUNT", "NAME", "ROLES", "SINCE")
		for _, one := range staff {
			rows.add(one.ID, one.DisplayName, roleList(one.Roles), one.OpenedAt.Format(time.RFC3339))
		}
		return rows.flush()
	})
}
