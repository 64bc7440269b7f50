package commands

import (
	"context"
	"slices"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// What counts as a submission of a case, and what as a decision on it.
var (
	submissions = []string{
		provider.Applied{}.EventType(), provider.Revised{}.EventType(), product.Submitted{}.EventType(), product.Revised{}.EventType(),
	}
	decisions = []string{
		provider.Approved{}.EventType(), provider.Rejected{}.EventType(), product.Approved{}.EventType(), product.Rejected{}.EventType(),
		provider.ApprovalRevoked{}.EventType(), product.ApprovalRevoked{}.EventType(),
	}
)

// enough submissions are as good as any more of them.
const enough = 100

// pace reads, from its end, how often the case of a stream was submitted since it was last decided; not counting the request itself,
// which may have been there first on another node.
func (s *Service) pace(ctx context.Context, stream domain.StreamName, req Request) (domain.Pace, error) {
	p := domain.Pace{Now: req.At}
	for recorded, err := range s.store.ReadStream(ctx, stream, domain.End, domain.Backward, domain.NoLimit) {
		if err != nil {
			return p, refusal(err)
		}
		if slices.Contains(decisions, recorded.Type) || p.Submissions == enough {
			break
		}
		if !slices.Contains(submissions, recorded.Type) {
			continue
		}
		meta, err := recorded.DecodeMetadata()
		if err != nil {
			return p, err
		}
		if meta.CausationID == req.ID {
			continue
		}
		if p.Submissions++; meta.At.After(p.Last) {
			p.Last = meta.At
		}
	}
	return p, nil
}
