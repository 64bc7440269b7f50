package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/access"
)

type tokenCommand struct {
	Issue  tokenIssueCommand  `cmd:"" help:"Print a new token for a role that the account holds."`
	List   tokenListCommand   `cmd:"" help:"List an account's tokens; their secrets are not kept."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke one token."`
}

type tokenIssueCommand struct {
	Account uuid.UUID     `arg:"" help:"The account's id."`
	Role    domain.Role   `required:"" enum:"enterprise,reviewer,auditor,operator" help:"The role the token acts in."`
	TTL     time.Duration `default:"720h" help:"How long it is valid."`
}

// Run is called by kong.
func (c tokenIssueCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		return a.printToken(ctx, out, c.Account, c.Role, c.TTL)
	})
}

type tokenListCommand struct {
	Account uuid.UUID `arg:"" help:"The account's id."`
}

// Run is called by kong.
func (c tokenListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		tokens, err := a.tokens.List(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			fmt.Fprintf(out, "%s  %v  %s  expires %s  %s\n", t.ID, t.Roles, t.Label, t.ExpiresAt.Format(time.RFC3339), tokenState(t))
		}
		return nil
	})
}

type tokenRevokeCommand struct {
	Token uuid.UUID `arg:"" help:"The token's id, from 'waybill token list'."`
}

// Run is called by kong.
func (c tokenRevokeCommand) Run(ctx context.Context, cfg config.Config) error {
	return withApp(ctx, cfg, func(a *app) error { return a.tokens.Revoke(ctx, c.Token) })
}

func (a *app) printToken(ctx context.Context, out io.Writer, id uuid.UUID, role domain.Role, ttl time.Duration) error {
	secret, err := a.issue(ctx, id, role, ttl, "issued by an operator")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "account %s\nrole    %s\ntoken   %s\n", id, role, secret)
	return err
}

var errRoleNotHeld = domain.Refuse(domain.KindForbidden, "role_not_held", "该账号不具备此角色", "the account does not hold this role")

// issue makes a token for a role that the account holds now.
func (a *app) issue(ctx context.Context, id uuid.UUID, role domain.Role, ttl time.Duration, label string) (access.Secret, error) {
	state, err := a.commands.Account(ctx, id)
	if err != nil {
		return "", err
	}
	if !state.Holds(role) {
		return "", errRoleNotHeld
	}
	return a.tokens.Issue(ctx, id, []domain.Role{role}, label, time.Now().Add(ttl))
}

func tokenState(t access.Token) string {
	var refused *domain.Error
	if errors.As(t.Err(time.Now()), &refused) {
		return refused.Code
	}
	return "valid"
}
