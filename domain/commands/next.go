package commands

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/provider"
)

// Waiting are the cases that a read model has as pending and free. Whether one is, the log says.
type Waiting struct {
	// Of names what is listed: who asks for the same at the same time may get one list.
	Of string
	// List lists at most limit of them, the most urgent first, and none of the submitters except. Known is a position that the read model
	// had reached before it was asked.
	List func(ctx context.Context, limit int, except []uuid.UUID) (cases []WaitingCase, known domain.Position, err error)
	// Find, when given, returns the case on which a claim with this id stands; domain.ErrNotFound without one. It is asked for a request
	// that may be another's repetition.
	Find func(ctx context.Context, claim uuid.UUID) (WaitingCase, error)
}

// WaitingCase is a case of a provider's.
type WaitingCase struct {
	Kind          string
	ID, Submitter uuid.UUID
}

const (
	// spare is how many more are listed than this node gave away itself, for all who share the list.
	spare = 100
	// listTimeout bounds a list, which many may wait for.
	listTimeout = 5 * time.Second
	// maxGiven bounds what a node keeps in mind, and so what is listed: a read model so far behind cannot say what is free.
	maxGiven = 5_000
	// maxTries bounds how often another case is tried because one turned out not to be free.
	maxTries = 100
)

// ClaimNext claims for the actor the most urgent case that is free and not the actor's own enterprise's, as ClaimCase does; ok is false
// when there is none. Reviewers who ask one node at once get different cases without getting in each other's way; on several nodes the
// claims decide, and whoever is second goes on to the next case.
func (s *Service) ClaimNext(ctx context.Context, req Request, w Waiting) (Outcome[claim.State], bool, error) {
	var none Outcome[claim.State]
	if w.Find != nil {
		switch c, err := w.Find(ctx, claimID(req)); {
		case err == nil:
			out, err := s.ClaimCase(ctx, req, c.Kind, c.ID, 0, uuid.Nil)
			return out, err == nil, err
		case !errors.Is(err, domain.ErrNotFound):
			return none, false, err
		}
	}
	var except, tried []uuid.UUID
	for range maxTries {
		c, ok, err := s.pick(ctx, req, w, except, tried)
		if err != nil || !ok {
			return none, false, err
		}
		out, err := execute(ctx, s.store, onClaims(req), claim.Decider, c.ID, s.claimingNext(req, c))
		switch {
		case err == nil && out.State.Claim == claimID(req):
			s.handed.settle(c.ID, out.Position)
			return out, true, nil
		case err == nil, errors.Is(err, provider.ErrSecondApprover): // the actor has it, or has approved it: somebody else's turn
			s.handed.release(req.ID, c.ID)
			tried = append(tried, c.ID)
		case errors.Is(err, domain.ErrOwnCase), errors.Is(err, domain.ErrOwnEnterprise):
			s.handed.release(req.ID, c.ID)
			except = append(except, c.Submitter)
		case errors.Is(err, claim.ErrClaimed), errors.Is(err, domain.ErrAlreadyDecided), errors.Is(err, domain.ErrNotFound),
			errors.Is(err, provider.ErrClosed):
			head, headErr := s.Head(ctx)
			s.handed.release(req.ID, c.ID)
			if headErr != nil {
				return none, false, headErr
			}
			s.handed.spend(c.ID, head) // nobody needs to try it before the read model knows what the log knew
			tried = append(tried, c.ID)
		case errors.Is(err, domain.ErrOutcomeUnknown):
			s.handed.doubt(req.ID, c.ID) // it may be claimed: the same request tries the same again
			return none, false, err
		default:
			s.handed.release(req.ID, c.ID)
			return none, false, err
		}
	}
	return none, false, domain.ErrContention
}

// claimingNext is the plan of a claim on a case that the actor did not choose: not one to which the actor gave the first approval.
func (s *Service) claimingNext(req Request, c WaitingCase) plan[claim.State, claim.Command] {
	p := s.claiming(req, c.Kind, c.ID, 0, uuid.Nil)
	of := p.command
	p.command = func(ctx context.Context, before claim.State) (claim.Command, error) {
		command, err := of(ctx, before)
		made, ok := command.(claim.Claim)
		switch {
		case err != nil || !ok:
		case made.Case.First == req.Actor.ID:
			err = provider.ErrSecondApprover
		case before.Begun != nil && before.Begun.Revision == made.Case.Revision && before.Begun.Reviewer != made.Case.First:
			err = s.underWay(ctx, req, c.ID)
		}
		return command, err
	}
	return p
}

// underWay refuses a case on which a decision was begun a moment ago, which is about to be there or was cut short.
func (s *Service) underWay(ctx context.Context, req Request, id uuid.UUID) error {
	for last, err := range s.store.ReadStream(ctx, domain.Stream(claim.Category, id), domain.End, domain.Backward, 1) {
		if err != nil {
			return refusal(err)
		}
		meta, err := last.DecodeMetadata()
		if err != nil {
			return err
		}
		if req.At.Sub(meta.At) <= inFlight {
			return domain.ErrAlreadyDecided
		}
	}
	return nil
}

// pick takes the most urgent case that this node has not just given to somebody else, or knows not to be free.
func (s *Service) pick(ctx context.Context, req Request, w Waiting, except, tried []uuid.UUID) (WaitingCase, bool, error) {
	for range maxTries {
		l, err := s.list(ctx, w, except, len(tried))
		if err != nil {
			return WaitingCase{}, false, err
		}
		c, found, fresh := s.handed.take(req.ID, l.known, l.cases, func(c WaitingCase) bool {
			return slices.Contains(tried, c.ID) || slices.Contains(except, c.Submitter)
		})
		if found || fresh && len(l.cases) < l.limit {
			return c, found, nil
		}
		if !fresh {
			before := s.handed.furthest()
			head, err := s.Head(ctx)
			if err != nil {
				return WaitingCase{}, false, err
			}
			s.handed.forgetBeyond(before, head)
		}
	}
	return WaitingCase{}, false, domain.ErrContention
}

// listed is what a read model had at one moment.
type listed struct {
	cases []WaitingCase
	known domain.Position
	limit int
}

// list asks the read model once for all who ask for the same meanwhile.
func (s *Service) list(ctx context.Context, w Waiting, except []uuid.UUID, more int) (listed, error) {
	ask := func(ctx context.Context) (listed, error) {
		l := listed{limit: s.handed.count() + more + spare}
		if l.limit > maxGiven {
			return l, domain.ErrContention
		}
		var err error
		l.cases, l.known, err = w.List(ctx, l.limit, except)
		return l, err
	}
	if len(except)+more > 0 {
		return ask(ctx)
	}
	return s.lists.share(ctx, w.Of, ask)
}

// lists are those under way, by what is listed.
type lists struct {
	mu  sync.Mutex
	now map[string]*list
}

type list struct {
	listed
	err  error
	done chan struct{}
}

// share asks, or waits for somebody who is asking for the same.
func (l *lists) share(ctx context.Context, of string, ask func(context.Context) (listed, error)) (listed, error) {
	l.mu.Lock()
	one, running := l.now[of]
	if !running {
		if l.now == nil {
			l.now = map[string]*list{}
		}
		one = &list{err: domain.ErrContention, done: make(chan struct{})}
		l.now[of] = one
	}
	l.mu.Unlock()
	if running {
		select {
		case <-one.done:
			return one.listed, one.err
		case <-ctx.Done():
			return listed{}, ctx.Err()
		}
	}
	defer func() { // also when it panics
		l.mu.Lock()
		delete(l.now, of)
		l.mu.Unlock()
		close(one.done)
	}()
	// Who asked first may go away; the others still wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
	defer cancel()
	one.listed, one.err = ask(ctx)
	return one.listed, one.err
}

// handed is what this node gave to reviewers, as long as the read model does not show it. It decides nothing: the claims do.
type handed struct {
	mu    sync.Mutex
	cases map[uuid.UUID]giving
	// requests are those that were given a case, for whoever repeats one; the oldest are forgotten.
	requests map[uuid.UUID]WaitingCase
	oldest   []uuid.UUID
	// pruned is the latest position of which a list said that it is known.
	pruned domain.Position
}

type giving struct {
	request uuid.UUID
	// until is the position from which on the read model knows; 0 while the claim is under way.
	until domain.Position
}

func (h *handed) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.cases)
}

// take gives the first of cases that nobody has, and that is not passed over, to a request; the request that has one already gets that.
// fresh is false of a list from before another one, after which more may have been forgotten than this one shows.
func (h *handed) take(request uuid.UUID, known domain.Position, cases []WaitingCase,
	pass func(WaitingCase) bool,
) (c WaitingCase, found, fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, ok := h.requests[request]; ok {
		return c, true, true
	}
	if known < h.pruned && len(cases) > 0 {
		return WaitingCase{}, false, false
	}
	for id, held := range h.cases {
		if held.until != 0 && held.until <= known {
			delete(h.cases, id)
		}
	}
	h.pruned = max(h.pruned, known)
	for _, c := range cases {
		if _, taken := h.cases[c.ID]; taken || pass(c) {
			continue
		}
		if h.cases == nil {
			h.cases, h.requests = map[uuid.UUID]giving{}, map[uuid.UUID]WaitingCase{}
		}
		h.cases[c.ID] = giving{request: request}
		h.requests[request] = c
		h.oldest = append(h.oldest, request)
		if len(h.oldest) > maxKept {
			delete(h.requests, h.oldest[0])
			h.oldest = h.oldest[1:]
		}
		return c, true, true
	}
	return WaitingCase{}, false, true
}

// furthest is the position that the furthest list knew.
func (h *handed) furthest() domain.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pruned
}

// forgetBeyond forgets all when the log's head is not as far as a list had known before that was looked up: it went back, and what was
// given is of the one before. What others have learnt meanwhile is no reason.
func (h *handed) forgetBeyond(before, head domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if head < before && h.pruned >= before {
		h.cases, h.requests, h.oldest, h.pruned = nil, nil, nil, 0
	}
}

// settle keeps a case from others until the read model has reached a position.
func (h *handed) settle(id uuid.UUID, until domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if held, ok := h.cases[id]; ok {
		held.until = until
		h.cases[id] = held
	}
}

// release lets others have a case that a request was given, and the request another one. What somebody else was given since stays theirs.
func (h *handed) release(request, id uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.requests[request].ID == id {
		delete(h.requests, request)
	}
	if h.cases[id].request == request {
		delete(h.cases, id)
	}
}

// doubt lets others have a case, and the request that was given it still.
func (h *handed) doubt(request, id uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cases[id].request == request {
		delete(h.cases, id)
	}
}

// spend keeps a case that turned out not to be free from all until the read model has reached a position.
func (h *handed) spend(id uuid.UUID, until domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.cases[id]; !ok {
		h.cases[id] = giving{until: max(until, 1)}
	}
}
