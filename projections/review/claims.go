package review

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain/claim"
	"waybill/projections"
)

// claimed is a row of claims. Whether its case awaits a decision is nothing to it: the streams of both are not one.
type claimed struct {
	CaseID    uuid.UUID
	Kind      string
	Claim     uuid.UUID
	Reviewer  uuid.UUID
	ClaimedAt time.Time
	Until     time.Time
	ended     bool
}

// foldClaim folds an event of a claim's stream; false for all others.
func (f *folding) foldClaim(id uuid.UUID, e projections.Event) (bool, error) {
	held := func(c uuid.UUID) (*claimed, error) {
		if row := f.claims[id]; row != nil && !row.ended && row.Claim == c {
			return row, nil
		}
		return nil, fmt.Errorf("%s of the claim %s, which does not hold the case", e.Type, c)
	}
	end := func(c uuid.UUID) (bool, error) {
		row, err := held(c)
		if err == nil {
			row.ended = true
		}
		return true, err
	}
	switch fact := e.Fact.(type) {
	case claim.Claimed:
		f.claims[id] = &claimed{
			CaseID: id, Kind: fact.Kind, Claim: fact.Claim, Reviewer: fact.Reviewer, ClaimedAt: projections.EventTime(e),
			Until: projections.Instant(fact.Until),
		}
	case claim.Renewed:
		row, err := held(fact.Claim)
		if err != nil {
			return true, err
		}
		row.Until = projections.Instant(fact.Until)
	case claim.Released:
		return end(fact.Claim)
	case claim.Expired:
		return end(fact.Claim)
	case claim.TakenOver:
		return end(fact.Claim)
	case claim.DecisionBegun:
		// Without a claim named it ends one all the same: whose time was over.
		if row := f.claims[id]; row != nil {
			row.ended = true
		}
	default:
		return false, nil
	}
	return true, nil
}
