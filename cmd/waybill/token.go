package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/commands"
)

type tokenCommand struct {
	Issue  tokenIssueCommand  `cmd:"" help:"Print a new token for roles that the account holds."`
	List   tokenListCommand   `cmd:"" help:"List the tokens of an account, or all; their secrets are not kept."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke one token, or all there are."`
}

// issuedLabel is the name of a token that nobody gave one.
const issuedLabel = "issued by an operator"

type tokenIssueCommand struct {
	Account string        `arg:"" help:"The account's id or name."`
	Role    []domain.Role `required:"" enum:"enterprise,reviewer,auditor,operator" help:"The roles that it acts in, parted by commas."`
	Name    string        `default:"issued by an operator" help:"A name for it, by which it can be revoked."`
	TTL     *lifetime     `help:"How long it is valid, such as 12h or 30d (which is usual)."`
	by
}

// Run is called by kong.
func (c tokenIssueCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		ttl, err := a.checkedLifetime(c.TTL)
		if err != nil {
			return err
		}
		req, err := c.request(ctx, a)
		if err != nil {
			return err
		}
		id, err := a.accountNamed(ctx, c.Account)
		if err != nil {
			return err
		}
		issued, err := a.commands.IssueToken(ctx, req, id,
			account.Token{Label: c.Name, Roles: c.Role, ExpiresAt: req.At.Add(ttl)}, a.cfg.TokenMaxTTL)
		if err != nil {
			return err
		}
		token, err := commands.IssuedBy(req, issued)
		if err != nil {
			return err
		}
		return a.printToken(ctx, out, id, token)
	})
}

type tokenListCommand struct {
	Account *string `arg:"" optional:"" help:"The account's id or name; all accounts when not said."`
	Limit   int     `default:"100" help:"How many at most, the newest first."`
}

// Run is called by kong.
func (c tokenListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		tokens, err := a.tokensOf(ctx, c.Account, max(1, c.Limit))
		if err != nil {
			return err
		}
		states := map[uuid.UUID]account.State{}
		for _, t := range tokens {
			s, known := states[t.AccountID]
			if !known {
				if s, err = a.commands.Account(ctx, t.AccountID); err != nil && !errors.Is(err, domain.ErrNotFound) {
					return err
				}
				states[t.AccountID] = s
			}
			line := fmt.Sprintf("%s  %v  %s  expires %s  %s",
				t.ID, t.Roles, printable(t.Label), t.ExpiresAt.Format(time.RFC3339), tokenState(t, s, a.clock.Now()))
			if c.Account == nil {
				line += "  account " + t.AccountID.String()
			}
			fmt.Fprintln(out, line)
		}
		return nil
	})
}

// tokensOf are up to so many tokens of the account with an id or name, or of all when none is named.
func (a *app) tokensOf(ctx context.Context, named *string, most int) ([]access.Token, error) {
	if named == nil {
		return a.tokens.Newest(ctx, most)
	}
	id, err := a.accountNamed(ctx, *named)
	if err != nil {
		return nil, err
	}
	tokens, err := a.tokens.List(ctx, id, most)
	if err == nil && len(tokens) == 0 {
		_, err = a.commands.Account(ctx, id) // no tokens, or no account?
	}
	return tokens, err
}

type tokenRevokeCommand struct {
	Token  string `arg:"" optional:"" help:"The token's id, or its name if no other valid one has it."`
	All    bool   `help:"Every token there is, as after a restore of the database."`
	Reason string `help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c tokenRevokeCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	if (c.Token == "") != c.All {
		return errors.New("say which token to revoke, or --all")
	}
	return withApp(ctx, cfg, func(a *app) error {
		actor, err := c.actor(ctx, a)
		if err != nil {
			return err
		}
		doomed, err := c.doomed(ctx, a)
		if err != nil {
			return err
		}
		for _, t := range doomed {
			if err := a.revoke(ctx, a.request(actor), t, c.Reason); err != nil {
				return fmt.Errorf("token %s: %w", t.ID, err)
			}
		}
		if c.All {
			fmt.Fprintf(out, "%d tokens revoked\n", len(doomed))
		}
		return nil
	})
}

// doomed are the tokens to be revoked: with --all every one that is not, else the one that is named.
func (c tokenRevokeCommand) doomed(ctx context.Context, a *app) ([]access.Token, error) {
	if c.All {
		return a.tokens.Unrevoked(ctx)
	}
	found, err := a.tokens.Named(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	if _, err := uuid.Parse(c.Token); err != nil {
		now := a.clock.Now()
		found = slices.DeleteFunc(found, func(t access.Token) bool { return t.Err(now) != nil })
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("there is no such token: %q; 'waybill token list' has the newest", c.Token)
	case len(found) > 1:
		var ids string
		for _, t := range found {
			ids += "\n  " + t.ID.String() + " of account " + t.AccountID.String()
		}
		return nil, fmt.Errorf("several valid tokens have the name %q; say which by its id:%s", c.Token, ids)
	}
	return found, nil
}

// revoke records the end of a token in the log, which is what counts, and then in the table. A token of no account is only in the
// table.
func (a *app) revoke(ctx context.Context, req commands.Request, t access.Token, reason string) error {
	known := account.Token{ID: t.ID, Label: t.Label, Roles: t.Roles, ExpiresAt: t.ExpiresAt}
	if _, err := a.commands.RevokeToken(ctx, req, t.AccountID, known, reason); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	return a.tokens.Revoke(ctx, t.ID)
}

// printToken makes the secret of a token that the log knows, and shows it this once.
func (a *app) printToken(ctx context.Context, out io.Writer, id uuid.UUID, t account.Token) error {
	secret, err := a.tokens.Keep(ctx, access.Token{ID: t.ID, AccountID: id, Roles: t.Roles, Label: t.Label, ExpiresAt: t.ExpiresAt})
	if err != nil {
		return fmt.Errorf("account %s: %w; 'waybill token issue' makes another", id, err)
	}
	_, err = fmt.Fprintf(out, "account %s\nrole    %s\ntoken   %s\n", id, roleList(t.Roles), secret)
	return err
}

// issue makes a token for a role that the account holds now.
func (a *app) issue(ctx context.Context, req commands.Request, id uuid.UUID, role domain.Role, ttl time.Duration,
	label string,
) (access.Secret, error) {
	issued, err := a.commands.IssueToken(ctx, req, id,
		account.Token{Label: label, Roles: []domain.Role{role}, ExpiresAt: req.At.Add(ttl)}, a.cfg.TokenMaxTTL)
	if err != nil {
		return "", err
	}
	t, err := commands.IssuedBy(req, issued)
	if err != nil {
		return "", err
	}
	return a.tokens.Keep(ctx, access.Token{ID: t.ID, AccountID: id, Roles: t.Roles, Label: t.Label, ExpiresAt: t.ExpiresAt})
}

// tokenState is why a token is of no use any more, by its own row and by its account's history.
func tokenState(t access.Token, s account.State, now time.Time) string {
	err := t.Err(now)
	if err == nil {
		err = s.CheckToken(t.ID)
	}
	for _, role := range t.Roles {
		if err == nil && !s.Holds(role) {
			err = account.ErrRoleNotHeld
		}
	}
	var refused *domain.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return "valid"
}
