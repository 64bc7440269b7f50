package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"waybill/domain/pins"
	"waybill/domain/product"
)

// A limit of pins without a transaction over several products: whoever pins under a limit appends to the provider's stream of slots
// first, so that of requests that come at once each sees those before it. A slot is only as good as its product: whether that is
// pinned, its own stream says.

// PinnedBy lists a provider's products that a read model has as pinned. Whether they are, the log says.
type PinnedBy func(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error)

// takePin takes a slot for the actor's product; pins.ErrLimit when there is none. Without a limit nothing is needed.
func (s *Service) takePin(ctx context.Context, req Request, id uuid.UUID, known []PinnedBy) error {
	owner, err := s.Provider(ctx, req.Actor.ID)
	if err != nil || owner.PinLimit == nil {
		return err
	}
	var pinned []uuid.UUID
	for _, by := range known {
		more, err := by(ctx, req.Actor.ID)
		if err != nil {
			return err
		}
		pinned = append(pinned, more...)
	}
	take := req
	take.ID, take.IfRevision = uuid.New(), nil // each attempt takes a slot anew
	_, err = execute(ctx, s.store, take, pins.Decider, req.Actor.ID, plan[pins.State, pins.Command]{
		command: func(ctx context.Context, held pins.State) (pins.Command, error) {
			wanted, err := load(ctx, s.store, Request{}, product.Decider, id)
			if err != nil {
				return nil, err
			}
			c := pins.Take{ProductID: id, ProductRevision: wanted.Revision, At: req.At, Limit: *owner.PinLimit}
			err = s.countPins(ctx, req, held, pinned, &c)
			return c, err
		},
	})
	return err
}

// countPins finds out which others are pinned, or about to be, and which slots are free.
func (s *Service) countPins(ctx context.Context, req Request, held pins.State, known []uuid.UUID, c *pins.Take) error {
	slots := map[uuid.UUID]pins.Slot{}
	var others []uuid.UUID
	for _, slot := range held.Slots {
		slots[slot.ProductID] = slot
		others = append(others, slot.ProductID)
	}
	for _, id := range known {
		if !slices.Contains(others, id) {
			others = append(others, id)
		}
	}
	for _, id := range others {
		if id == c.ProductID {
			continue
		}
		other, err := load(ctx, s.store, Request{}, product.Decider, id)
		if err != nil {
			return err
		}
		slot, has := slots[id]
		switch {
		case other.State.Pinned && other.State.ProviderID == req.Actor.ID, has && slot.UnderWay(other.Revision, req.At):
			c.Others++
		case has:
			c.Free = append(c.Free, id)
		}
	}
	return nil
}
