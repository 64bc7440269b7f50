package workload

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/decision"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

func (b *batch) foldCase(id uuid.UUID, e projections.Event) error {
	switch fact := e.Fact.(type) {
	case provider.Applied:
		b.submit(id, fact.Revision, e)
		return nil
	case product.Submitted:
		b.submit(id, fact.Revision, e)
		return nil
	}
	c, ok := b.cases[id]
	if !ok || c.deleted {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	switch fact := e.Fact.(type) {
	case provider.Revised:
		b.submit(id, fact.Revision, e)
	case product.Revised:
		b.submit(id, fact.Revision, e)
	case provider.Approved:
		return b.decide(c, e, approved, fact.Revision, fact.Record)
	case product.Approved:
		return b.decide(c, e, approved, fact.Revision, fact.Record)
	case provider.FirstApproved:
		return b.decide(c, e, firstApproved, fact.Revision, fact.Record)
	case provider.Rejected:
		return b.decide(c, e, rejected, fact.Revision, fact.Record)
	case product.Rejected:
		return b.decide(c, e, rejected, fact.Revision, fact.Record)
	case provider.ApprovalRevoked:
		b.revoke(c, e, fact.Revision, fact.Record)
	case product.ApprovalRevoked:
		b.revoke(c, e, fact.Revision, fact.Record)
	case product.Deleted:
		c.deleted = true
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

func (b *batch) submit(id uuid.UUID, revision domain.ContentRevision, e projections.Event) {
	b.cases[id] = &caseRow{ID: id, Latest: revision, WaitingSince: projections.EventTime(e)}
}

func (b *batch) decide(c *caseRow, e projections.Event, outcome string, revision domain.ContentRevision, record decision.Record) error {
	if revision != c.Latest {
		return fmt.Errorf("decision on revision %d, but %d is the latest", revision, c.Latest)
	}
	since := c.WaitingSince
	b.record(e, decisionRow{subject: c.ID, outcome: outcome, content: revision, waitingSince: &since}, record)
	return nil
}

// revoke ends an approval. The case waits anew unless a later revision does already.
func (b *batch) revoke(c *caseRow, e projections.Event, revision domain.ContentRevision, record decision.Record) {
	at := projections.EventTime(e)
	for _, d := range b.decisions {
		if d.subject == c.ID && d.content == revision && d.overturnedAt == nil && (d.outcome == approved || d.outcome == firstApproved) {
			d.overturnedAt = &at
		}
	}
	b.overturns = append(b.overturns, overturn{subject: c.ID, content: revision, at: at})
	if revision == c.Latest {
		c.WaitingSince = at
	}
	b.record(e, decisionRow{subject: c.ID, outcome: revoked, content: revision}, record)
}

// record keeps what a reviewer did. A case that ends with its party (decision 23) is nobody's work.
func (b *batch) record(e projections.Event, d decisionRow, record decision.Record) {
	if e.Meta.Actor.Role != domain.RoleReviewer {
		return
	}
	d.revision, d.kind, d.reviewer, d.decidedAt = e.Revision, e.Stream.Category(), e.Meta.Actor.ID, projections.EventTime(e)
	if record.Seen != nil && record.Seen.Claim != uuid.Nil {
		d.claim = &record.Seen.Claim
	}
	b.decisions = append(b.decisions, &d)
}

func (b *batch) foldClaim(id uuid.UUID, e projections.Event) error {
	at, open := projections.EventTime(e), b.open[id]
	switch fact := e.Fact.(type) {
	case claim.Claimed:
		b.lapse(id)
		c := &claimRow{
			ID: fact.Claim, SubjectID: id, Kind: fact.Kind, Reviewer: fact.Reviewer, ClaimedAt: at,
			Until: projections.Instant(fact.Until),
		}
		b.claims, b.open[id] = append(b.claims, c), c
	case claim.Renewed:
		if open == nil || open.ID != fact.Claim {
			return fmt.Errorf("renewal of claim %s, which does not hold the case", fact.Claim)
		}
		open.Until = projections.Instant(fact.Until)
	case claim.Released:
		return b.end(id, fact.Claim, handedBack, at)
	case claim.Expired:
		if open == nil || open.ID != fact.Claim {
			return fmt.Errorf("end of claim %s, which does not hold the case", fact.Claim)
		}
		b.lapse(id)
	case claim.TakenOver:
		return b.end(id, fact.Claim, takenOver, at)
	case claim.DecisionBegun:
		if open != nil && open.ID == fact.Claim {
			return b.end(id, fact.Claim, decided, at)
		}
		b.lapse(id) // whoever decides without it could not, were it not over
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

func (b *batch) end(id, named uuid.UUID, ending string, at time.Time) error {
	c := b.open[id]
	if c == nil || c.ID != named {
		return fmt.Errorf("end of claim %s, which does not hold the case", named)
	}
	c.EndedAt, c.Ending = &at, ending
	delete(b.open, id)
	return nil
}

// lapse ends the claim that is left of a case, if any, when its time was over: whoever recorded it came later.
func (b *batch) lapse(id uuid.UUID) {
	if c := b.open[id]; c != nil {
		c.EndedAt, c.Ending = &c.Until, expired
		delete(b.open, id)
	}
}
