package commands

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
)

// maxRecalled bounds how many accounts a node keeps.
const maxRecalled = 10_000

// recalled are accounts as this node folded them last. None is believed: each use asks the log for what came after.
type recalled struct {
	mu       sync.Mutex
	accounts map[uuid.UUID]recalledAccount
}

type recalledAccount struct {
	loaded[account.State]
	last uuid.UUID // the id of the event at Revision
}

// AccountNow is Account for who asks often: it reads the account's stream from the last event that this node knows of, which must be
// there still. So it is never behind the log, and costs the same however long the history is.
func (s *Service) AccountNow(ctx context.Context, id uuid.UUID) (account.State, error) {
	known, ok := s.recalled.get(id)
	fresh, err := s.readOn(ctx, id, known, ok)
	if err != nil {
		return account.State{}, err
	}
	if !fresh.exists {
		return account.State{}, domain.ErrNotFound
	}
	if fresh.last != known.last {
		s.recalled.put(id, fresh)
	}
	return fresh.State, nil
}

// readOn folds what came after known. Where the log does not have known's last event, it begins from the start: it is another log.
func (s *Service) readOn(ctx context.Context, id uuid.UUID, known recalledAccount, ok bool) (recalledAccount, error) {
	next, from, confirmed := known, domain.Revision(0), false
	if ok {
		from = known.Revision
	}
	for recorded, err := range s.store.ReadStream(ctx, domain.Stream(account.Category, id), from, domain.Forward, domain.NoLimit) {
		if err != nil {
			return known, refusal(err)
		}
		if ok && !confirmed {
			if recorded.ID != known.last || recorded.Revision != known.Revision {
				break
			}
			confirmed = true
			continue
		}
		if err := next.add(account.Types, account.Evolve, recorded); err != nil {
			return known, err
		}
		next.last = recorded.ID
	}
	if ok && !confirmed {
		return s.readOn(ctx, id, recalledAccount{}, false)
	}
	return next, nil
}

func (r *recalled) get(id uuid.UUID) (recalledAccount, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.accounts[id]
	return a, ok
}

func (r *recalled) put(id uuid.UUID, a recalledAccount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accounts == nil || len(r.accounts) >= maxRecalled {
		r.accounts = map[uuid.UUID]recalledAccount{}
	}
	if known, ok := r.accounts[id]; !ok || known.Revision < a.Revision || known.last != a.last {
		r.accounts[id] = a
	}
}
