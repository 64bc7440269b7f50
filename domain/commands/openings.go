package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/product"
)

// OpenRecord opens what was deleted for the actor, an auditor, with a reason and for a time (audit.Lease).
func (s *Service) OpenRecord(ctx context.Context, req Request, kind string, id uuid.UUID, reason string) (Outcome[audit.Opening], error) {
	return execute(ctx, s.store, req, audit.Openings, audit.OpeningID(req.Actor.ID, kind, id), plan[audit.Opening, audit.OpeningCommand]{
		command: func(ctx context.Context, _ audit.Opening) (audit.OpeningCommand, error) {
			deleted, err := s.Deleted(ctx, domain.Stream(kind, id))
			return audit.Open{Kind: kind, Object: id, Deleted: deleted, Reason: reason, At: req.At}, err
		},
	})
}

// Deleted reports whether what a stream is about was deleted, as the log has it now; domain.ErrNotFound when there is no such stream.
// Only products are deleted, and a deletion is the last event of its stream.
func (s *Service) Deleted(ctx context.Context, stream domain.StreamName) (bool, error) {
	for last, err := range s.store.ReadStream(ctx, stream, domain.End, domain.Backward, 1) {
		if err != nil {
			return false, refusal(err)
		}
		return last.Type == product.Deleted{}.EventType(), nil
	}
	return false, domain.ErrNotFound
}

// CheckOpen refuses what was deleted (audit.ErrOpeningNeeded) unless the auditor has an opening of it that lasts beyond at. It asks the
// log: an opening counts at once, and on every node. deleted says that it was deleted; domain.ErrNotFound is for what never was.
func (s *Service) CheckOpen(ctx context.Context, auditor uuid.UUID, stream domain.StreamName, at time.Time) (deleted bool, err error) {
	if deleted, err = s.Deleted(ctx, stream); err != nil || !deleted {
		return deleted, err
	}
	object, err := stream.ID()
	if err != nil {
		return deleted, err
	}
	opening, err := load(ctx, s.store, Request{}, audit.Openings, audit.OpeningID(auditor, stream.Category(), object))
	if err != nil {
		return deleted, err
	}
	if !opening.State.Live(at) {
		return deleted, audit.ErrOpeningNeeded
	}
	return deleted, nil
}
