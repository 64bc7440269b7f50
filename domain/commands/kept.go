package commands

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"

	"waybill/domain"
)

// maxKept bounds how many aggregates of a kind a node keeps.
const maxKept = 10_000

// kept are aggregates as this node folded them last, for what is asked often. None is believed: each use asks the log for what came
// after. It is safe for concurrent use.
type kept[S any] struct {
	mu     sync.Mutex
	states map[uuid.UUID]keptState[S]
}

type keptState[S any] struct {
	loaded[S]
	last uuid.UUID // the id of the event at Revision
}

// upToDate is the aggregate as the log has it now: its stream is read from the last event that this node knows of, which must be there
// still. So it is never behind the log, and costs the same however long the history is.
func upToDate[S, C any](ctx context.Context, store domain.EventStore, k *kept[S], d domain.Decider[S, C], id uuid.UUID) (loaded[S], error) {
	known, ok := k.get(id)
	fresh, err := readOn(ctx, store, d, id, known, ok)
	if err != nil {
		return loaded[S]{}, err
	}
	if fresh.exists && fresh.last != known.last {
		k.put(id, fresh)
	}
	return fresh.loaded, nil
}

// readOn folds what came after known. Where the log does not have known's last event, it begins from the start: it is another log.
func readOn[S, C any](ctx context.Context, store domain.EventStore, d domain.Decider[S, C], id uuid.UUID, known keptState[S], ok bool,
) (keptState[S], error) {
	next, from, confirmed := known, domain.Revision(0), false
	if ok {
		from = known.Revision
	}
	for recorded, err := range wholeStream(ctx, store, domain.Stream(d.Category, id), from, domain.NoLimit) {
		if errors.Is(err, domain.ErrStreamDeleted) && ok && !confirmed {
			break // it does not begin with what is known: from the start it is seen what it has
		}
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
		if err := next.add(d.Types, d.Evolve, recorded); err != nil {
			return known, err
		}
		next.last = recorded.ID
	}
	if ok && !confirmed {
		return readOn(ctx, store, d, id, keptState[S]{}, false)
	}
	return next, nil
}

func (k *kept[S]) get(id uuid.UUID) (keptState[S], bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.states[id]
	return s, ok
}

func (k *kept[S]) put(id uuid.UUID, s keptState[S]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.states == nil || len(k.states) >= maxKept {
		k.states = map[uuid.UUID]keptState[S]{}
	}
	if known, ok := k.states[id]; !ok || known.Revision < s.Revision || known.last != s.last {
		k.states[id] = s
	}
}
