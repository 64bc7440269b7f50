package history

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// foldDesk is fold for what the reviewers' desk leaves in streams of its own.
func (s *subject) foldDesk(fact domain.Event, c *changes) []domain.Reason {
	switch e := fact.(type) {
	case provider.FirstApproved, provider.ApprovalRevoked, product.ApprovalRevoked:
		// Nobody appends these yet.
	case claim.Claimed:
		c.revision = e.Revision
		c.value("/claim", nil, e.Claim)
		c.value("/reviewer", nil, e.Reviewer)
		c.value("/until", nil, e.Until.UTC().Format(projections.TimeLayout))
	case claim.Renewed:
		c.value("/claim", e.Claim, e.Claim)
		c.value("/until", nil, e.Until.UTC().Format(projections.TimeLayout))
	case claim.Released:
		c.value("/claim", e.Claim, nil)
	case claim.Expired:
		c.value("/claim", e.Claim, nil)
	case claim.TakenOver:
		c.value("/claim", e.Claim, nil)
		return note(e.Reason)
	case claim.DecisionBegun:
		c.revision = e.Revision
		c.value("/reviewer", nil, e.Reviewer)
	case calendar.Corrected:
		c.value("/version", nil, e.Version)
		c.value("/correction", nil, e.Correction)
	case canned.Set:
		c.value("/texts/"+e.Code, nil, e.Texts)
	case digest.Made:
		c.value("/kinds", nil, e.Kinds)
	default:
		c.err = fmt.Errorf("no meaning for %s here", fact.EventType())
	}
	return nil
}
