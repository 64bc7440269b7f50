package commands

import (
	"context"

	"waybill/domain/digest"
)

// MakeDigest records the digest of a day, which has one: asked again, by whomever, it leaves what is there. The calendar is the log's.
func (s *Service) MakeDigest(ctx context.Context, req Request, counted digest.Made) (Outcome[digest.State], error) {
	return execute(ctx, s.store, req, digest.Decider, digest.StreamID(counted.Day), plan[digest.State, digest.Command]{
		command: func(ctx context.Context, _ digest.State) (digest.Command, error) {
			days, err := s.Calendar(ctx)
			if err != nil {
				return nil, err
			}
			counted.Calendar = days.Version()
			return digest.Make(counted), nil
		},
	})
}
