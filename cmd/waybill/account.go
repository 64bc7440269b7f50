package main

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/account"
)

type accountCommand struct {
	Open  accountOpenCommand  `cmd:"" help:"Open an account, certify its enterprise, and print a token for it."`
	Close accountCloseCommand `cmd:"" help:"Close an account for good and revoke its staff tokens; its enterprise can still read."`
}

type accountOpenCommand struct {
	Name                string        `required:"" help:"The enterprise's registered name."`
	USCC                string        `required:"" name:"uscc" help:"Its unified social credit code."`
	LegalRepresentative string        `required:"" help:"Its legal representative."`
	TTL                 time.Duration `default:"720h" help:"How long the token is valid."`
}

// Run is called by kong.
func (c accountOpenCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		opened, err := a.commands.OpenAccount(ctx, a.request(), c.Name)
		if err != nil {
			return err
		}
		enterprise := account.Enterprise{Name: c.Name, USCC: c.USCC, LegalRepresentative: c.LegalRepresentative}
		if _, err := a.commands.CertifyAccount(ctx, a.request(), opened.ID, enterprise, "operator"); err != nil {
			return err
		}
		return a.printToken(ctx, out, opened.ID, domain.RoleEnterprise, c.TTL)
	})
}

type accountCloseCommand struct {
	Account uuid.UUID `arg:"" help:"The account's id."`
	Reason  string    `required:"" help:"Why; it shows in the audit history."`
}

// Run is called by kong.
func (c accountCloseCommand) Run(ctx context.Context, cfg config.Config) error {
	return withApp(ctx, cfg, func(a *app) error {
		if _, err := a.commands.CloseAccount(ctx, a.request(), c.Account, c.Reason); err != nil {
			return err
		}
		// The enterprise may go on reading what it did; the API lets a closed account change nothing.
		return a.tokens.RevokeAccount(ctx, c.Account, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator)
	})
}
