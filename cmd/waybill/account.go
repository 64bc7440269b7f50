package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
	"waybill/projections"
)

type accountCommand struct {
	Open    accountOpenCommand    `cmd:"" help:"Open an account, certify its enterprise, and print a token for it."`
	Certify accountCertifyCommand `cmd:"" help:"Certify an account's enterprise, or change its certified names."`
	Close   accountCloseCommand   `cmd:"" help:"Close an account for good and revoke its staff tokens; its enterprise can still read."`
	List    accountListCommand    `cmd:"" help:"List all accounts, oldest first."`
	Find    accountFindCommand    `cmd:"" help:"List the accounts whose name, enterprise, code or id holds a text."`
	Show    accountShowCommand    `cmd:"" help:"Show one account: its enterprise, roles and newest tokens."`
}

// enterprise is what an account is certified for.
type enterprise struct {
	Name                string `required:"" help:"The enterprise's registered name."`
	USCC                string `required:"" name:"uscc" help:"Its unified social credit code."`
	LegalRepresentative string `required:"" help:"Its legal representative."`
}

func (e enterprise) certificate() account.Enterprise {
	return account.Enterprise{Name: e.Name, USCC: e.USCC, LegalRepresentative: e.LegalRepresentative}
}

// vouchedByOperator is the source of what is certified on the command line.
const vouchedByOperator = "operator"

type accountOpenCommand struct {
	enterprise
	TTL *lifetime `help:"How long the token is valid, such as 12h or 30d (which is usual)."`
	by
}

// Run is called by kong.
func (c accountOpenCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		ttl, err := a.checkedLifetime(c.TTL)
		if err != nil {
			return err
		}
		req, err := c.request(ctx, a)
		if err != nil {
			return err
		}
		open := account.Open{DisplayName: c.Name, Certify: &account.Certify{Enterprise: c.certificate(), Source: vouchedByOperator}}
		token := account.Token{Label: issuedLabel, Roles: []domain.Role{domain.RoleEnterprise}, ExpiresAt: req.At.Add(ttl)}
		return a.openAccount(ctx, out, req, open, token)
	})
}

// openAccount opens an account with its first token, or leaves nothing behind. A token whose secret could not be kept can be issued
// again.
func (a *app) openAccount(ctx context.Context, out io.Writer, req commands.Request, open account.Open, token account.Token) error {
	open.Token = &account.IssueToken{Token: token, Longest: a.cfg.TokenMaxTTL}
	opened, err := a.commands.OpenAccountWith(ctx, req, open)
	if err != nil {
		return err
	}
	token, err = commands.IssuedBy(req, opened)
	if err != nil {
		return err
	}
	return a.printToken(ctx, out, opened.ID, token)
}

type accountCertifyCommand struct {
	Account string `arg:"" help:"The account's id or name."`
	enterprise
	by
}

// Run is called by kong.
func (c accountCertifyCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.onAccount(ctx, cfg, c.Account, func(a *app, req commands.Request, id uuid.UUID) error {
		_, err := a.commands.CertifyAccount(ctx, req, id, c.certificate(), vouchedByOperator)
		return err
	})
}

type accountCloseCommand struct {
	Account string `arg:"" help:"The account's id or name."`
	Reason  string `required:"" help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c accountCloseCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.onAccount(ctx, cfg, c.Account, func(a *app, req commands.Request, id uuid.UUID) error {
		if _, err := a.commands.CloseAccount(ctx, req, id, c.Reason); err != nil {
			return err
		}
		// The enterprise may go on reading what it did; the API lets a closed account change nothing.
		return a.tokens.RevokeAccount(ctx, id, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator)
	})
}

type accountListCommand struct{}

// Run is called by kong.
func (accountListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return listAccounts(ctx, cfg, out, nil)
}

type accountFindCommand struct {
	Text string `arg:"" help:"Parts of a name, a code or an id, in any order; case and width of letters are the same."`
}

// Run is called by kong.
func (c accountFindCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	words := strings.Fields(projections.FoldText(c.Text))
	if len(words) == 0 {
		return errors.New("say a part of a name, a code or an id; 'waybill account list' has all")
	}
	return listAccounts(ctx, cfg, out, words)
}

// listAccounts lists the accounts that hold every one of the words, which are folded.
func listAccounts(ctx context.Context, cfg config.Config, out io.Writer, words []string) error {
	return withApp(ctx, cfg, func(a *app) error {
		all, err := a.commands.Accounts(ctx)
		if err != nil {
			return err
		}
		rows := newTable(out, "ACCOUNT", "STATE", "NAME", "ENTERPRISE", "CODE", "ROLES")
		for _, known := range all {
			s, e := known.State, account.Enterprise{}
			if s.Enterprise != nil {
				e = *s.Enterprise
			}
			if holdsWords(words, known.ID.String(), s.DisplayName, e.Name, e.USCC, e.LegalRepresentative) {
				rows.add(known.ID, openOrClosed(s), s.DisplayName, e.Name, e.USCC, roleList(s.Roles))
			}
		}
		return rows.flush()
	})
}

func holdsWords(words []string, in ...string) bool {
	text := projections.SearchText(in...)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

func openOrClosed(s account.State) string {
	if s.Closed {
		return "closed"
	}
	return "open"
}

// shownTokens is how many tokens of an account are shown with it.
const shownTokens = 20

type accountShowCommand struct {
	Account string `arg:"" help:"The account's id or name."`
}

// Run is called by kong.
func (c accountShowCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		id, err := a.accountNamed(ctx, c.Account)
		if err != nil {
			return err
		}
		s, err := a.commands.Account(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "account     %s\nname        %s\nstate       %s\nroles       %s\n",
			id, printable(s.DisplayName), openOrClosed(s), roleList(s.Roles))
		if e := s.Enterprise; e != nil {
			fmt.Fprintf(out, "enterprise  %s\ncode        %s\nlegal rep.  %s\n",
				printable(e.Name), printable(e.USCC), printable(e.LegalRepresentative))
		}
		provider, err := a.commands.Provider(ctx, id)
		if err == nil {
			fmt.Fprintf(out, "provider    %s\n", provider.Standing)
		} else if !errors.Is(err, domain.ErrNotFound) {
			return err
		}
		tokens, err := a.tokens.List(ctx, id, shownTokens)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			fmt.Fprintf(out, "token       %s  %s  %s  expires %s  %s\n",
				t.ID, roleList(t.Roles), printable(t.Label), t.ExpiresAt.Format(time.RFC3339), tokenState(t, s, a.clock.Now()))
		}
		return nil
	})
}
