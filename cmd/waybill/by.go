package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
)

// by is part of every command that changes something: who does it.
type by struct {
	As string `required:"" placeholder:"ACCOUNT" help:"Your own account, an operator's: its id or name. The history has it."`
}

// actor is whom --as names, once it is sure that it is an operator.
func (b by) actor(ctx context.Context, a *app) (domain.Actor, error) {
	id, err := a.accountNamed(ctx, b.As)
	if err == nil {
		err = a.commands.CheckOperator(ctx, id)
	}
	if err != nil {
		return domain.Actor{}, fmt.Errorf("--as: %w", err)
	}
	return domain.Actor{ID: id, Role: domain.RoleOperator}, nil
}

// request is a command of whom --as names.
func (b by) request(ctx context.Context, a *app) (commands.Request, error) {
	actor, err := b.actor(ctx, a)
	return a.request(actor), err
}

// onAccount runs do as a request of whom --as names, on the account that named is the id or name of.
func (b by) onAccount(ctx context.Context, cfg config.Config, named string, do func(*app, commands.Request, uuid.UUID) error) error {
	return withApp(ctx, cfg, func(a *app) error {
		req, err := b.request(ctx, a)
		if err != nil {
			return err
		}
		id, err := a.accountNamed(ctx, named)
		if err != nil {
			return err
		}
		return do(a, req, id)
	})
}

// request is a command given on the command line, with a fresh id.
func (a *app) request(actor domain.Actor) commands.Request {
	req := newRequest(actor)
	req.At = a.clock.Now()
	return req
}

func newRequest(actor domain.Actor) commands.Request {
	id := uuid.New()
	return commands.Request{ID: id, CorrelationID: id, Actor: actor, At: time.Now().UTC()}
}

var errNoOperatorYet = errors.New("there is an operator already: say who you are with --as ACCOUNT")

// firstOperator is the request of somebody who makes an operator of himself, which only he can who finds none: nobody is there
// to be named by --as. The account that is opened is its own opener in the history.
func (a *app) firstOperator(ctx context.Context) (commands.Request, error) {
	staff, err := a.staff(ctx)
	if err != nil {
		return commands.Request{}, err
	}
	for _, one := range staff {
		if slices.Contains(one.Roles, domain.RoleOperator) {
			return commands.Request{}, errNoOperatorYet
		}
	}
	return a.request(domain.Actor{Role: domain.RoleOperator}).ByItself(), nil
}

// accountNamed finds an account by its id, or by its name if only one that is open has it.
func (a *app) accountNamed(ctx context.Context, text string) (uuid.UUID, error) {
	if id, err := uuid.Parse(text); err == nil {
		return id, nil
	}
	found, err := a.openAccounts(ctx, domain.CleanText(text))
	if err != nil {
		return uuid.Nil, err
	}
	switch len(found) {
	case 0:
		return uuid.Nil, fmt.Errorf("no open account has the name %q; 'waybill account find' looks for a part of it", text)
	case 1:
		return found[0].ID, nil
	}
	ids := make([]string, len(found))
	for i, one := range found {
		ids[i] = one.ID.String()
	}
	return uuid.Nil, fmt.Errorf("several accounts have the name %q; say which by its id: %s", text, strings.Join(ids, ", "))
}

// lifetime is a duration on the command line.
type lifetime time.Duration

// UnmarshalText is called by kong.
func (l *lifetime) UnmarshalText(text []byte) error {
	d, err := config.ParseDuration(string(text))
	*l = lifetime(d)
	return err
}

// usualLifetime is a token's where nothing is said.
const usualLifetime = 30 * 24 * time.Hour

// checkedLifetime is how long a token is to live, when nobody says otherwise as long as is usual and allowed. It is checked before
// anything is written.
func (a *app) checkedLifetime(said *lifetime) (time.Duration, error) {
	if said == nil {
		return min(usualLifetime, a.cfg.TokenMaxTTL), nil
	}
	d := time.Duration(*said)
	var f domain.Fields
	account.CheckLifetime(&f, d, a.cfg.TokenMaxTTL)
	if err := f.Err(); err != nil {
		return 0, fmt.Errorf("--ttl: %s", f[0].Text.EN)
	}
	return d, nil
}
