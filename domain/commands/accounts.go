package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/events"
)

// OpenAccountWith opens an account with all that c gives it, or refuses all of it. ByItself makes the account its own opener.
func (s *Service) OpenAccountWith(ctx context.Context, req Request, c account.Open) (Outcome[account.State], error) {
	if c.Token != nil {
		token := *c.Token
		token.Token.ID, token.At = req.newID("token"), req.At
		c.Token = &token
	}
	return create(ctx, s.store, req, account.Decider, given[account.State, account.Command](c))
}

// ByItself is the request with the account that it opens as its actor, for the first operator of a log.
func (r Request) ByItself() Request {
	r.Actor.ID = r.newID(account.Category)
	return r
}

// IssueToken makes a token known, for at most longest; IssuedBy has it with its id. What is sent as a bearer token is not in the
// log: whoever keeps the secrets adds it afterwards.
func (s *Service) IssueToken(ctx context.Context, req Request, id uuid.UUID, t account.Token,
	longest time.Duration,
) (Outcome[account.State], error) {
	t.ID = req.newID("token")
	return s.account(ctx, req, id, account.IssueToken{Token: t, At: req.At, Longest: longest})
}

// IssuedBy is the token that the request left with an account.
func IssuedBy(req Request, outcome Outcome[account.State]) (account.Token, error) {
	for _, t := range outcome.State.Tokens {
		if t.ID == req.newID("token") {
			return t, nil
		}
	}
	return account.Token{}, fmt.Errorf("account %s has no token of the request", outcome.ID)
}

// RevokeToken ends a token, also one that the log does not know.
func (s *Service) RevokeToken(ctx context.Context, req Request, id uuid.UUID, t account.Token,
	reason string,
) (Outcome[account.State], error) {
	return s.account(ctx, req, id, account.RevokeToken{Token: t, Reason: reason})
}

// ListedAccount is an account in a list.
type ListedAccount struct {
	ID       uuid.UUID
	OpenedAt time.Time
	State    account.State
}

// Accounts returns every account of the log, oldest first. It reads the whole log.
func (s *Service) Accounts(ctx context.Context) ([]ListedAccount, error) {
	var all []ListedAccount
	index := map[domain.StreamName]int{}
	for recorded, err := range s.store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return nil, refusal(err)
		}
		if recorded.Stream.Category() != account.Category {
			continue
		}
		fact, err := account.Types.Of(recorded)
		if err != nil {
			return nil, fmt.Errorf("%s@%d: %w", recorded.Stream, recorded.Revision, err)
		}
		i, known := index[recorded.Stream]
		if !known {
			meta, err := recorded.DecodeMetadata()
			if err != nil {
				return nil, err
			}
			id, err := recorded.Stream.ID()
			if err != nil {
				return nil, err
			}
			i = len(all)
			index[recorded.Stream] = i
			all = append(all, ListedAccount{ID: id, OpenedAt: meta.At})
		}
		all[i].State = account.Evolve(all[i].State, fact)
	}
	return all, nil
}

// CheckOperator refuses whom the log does not know as an operator: ErrNoOperator, account.ErrClosed, account.ErrRoleNotHeld.
func (s *Service) CheckOperator(ctx context.Context, id uuid.UUID) error {
	state, err := s.Account(ctx, id)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return ErrNoOperator
	case err != nil:
		return err
	case state.Closed:
		return account.ErrClosed
	case !state.Holds(domain.RoleOperator):
		return account.ErrRoleNotHeld
	}
	return nil
}

// ErrNoOperator says that there is no such account to act for.
var ErrNoOperator = domain.Refuse(domain.KindForbidden, "no_such_operator", "没有该操作员账号", "there is no such operator's account")

// First is the log's first event, whatever others keep in the same store; domain.ErrNotFound when the log is empty.
func (s *Service) First(ctx context.Context) (domain.RecordedEvent, error) {
	for recorded, err := range s.store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil || slices.Contains(events.Categories, recorded.Stream.Category()) {
			return recorded, refusal(err)
		}
	}
	return domain.RecordedEvent{}, domain.ErrNotFound
}
