package history

import (
	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/decision"
	"waybill/domain/digest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// foldDesk is fold for what the reviewers' desk leaves in streams of its own.
func (s *subject) foldDesk(fact domain.Event, c *changes) []domain.Reason {
	switch e := fact.(type) {
	case provider.FirstApproved:
		s.state.First = true
		s.decided(e.Revision, e.Record, c)
	case provider.ApprovalRevoked:
		return s.revoke(e.Revision, e.Reasons, e.Record, c)
	case product.ApprovalRevoked:
		return s.revoke(e.Revision, e.Reasons, e.Record, c)
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
		c.value("/texts/"+e.Code, s.state.Texts[e.Code], e.Texts)
		s.state.Texts = canned.Evolve(canned.State{Texts: s.state.Texts}, e).Texts
	case digest.Made:
		c.value("/kinds", nil, e.Kinds)
	default:
		return s.foldOutside(fact, c)
	}
	return nil
}

func (s *subject) approve(revision domain.ContentRevision, r decision.Record, c *changes) {
	s.state.Review, s.state.First, s.state.LiveRevision = domain.ReviewApproved, false, revision
	s.decided(revision, r, c)
}

func (s *subject) reject(revision domain.ContentRevision, reasons []domain.Reason, r decision.Record, c *changes) []domain.Reason {
	s.state.Review, s.state.First = domain.ReviewRejected, false
	s.decided(revision, r, c)
	return reasons
}

// revoke takes the live revision back, which is the latest as long as its review says so.
func (s *subject) revoke(revision domain.ContentRevision, reasons []domain.Reason, r decision.Record, c *changes) []domain.Reason {
	if s.state.Review == domain.ReviewApproved {
		s.state.Review = domain.ReviewPending
	}
	s.state.LiveRevision, s.state.Listed, s.state.Pinned = 0, false, false
	s.decided(revision, r, c)
	return reasons
}

// decided notes what a decision says beside its outcome. It is about the content, and goes with it.
func (s *subject) decided(revision domain.ContentRevision, r decision.Record, c *changes) {
	c.revision = revision
	if r.Note != "" {
		c.value(noteField, nil, r.Note)
		c.content = true
	}
	if r.Seen != nil {
		c.value(seenField, nil, r.Seen)
		c.content = true
	}
}

// What a decision says beside its outcome: the note among colleagues, and what was seen.
const noteField, seenField = "/note", "/seen"
