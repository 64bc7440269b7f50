package backoffice

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

// submit starts a wait for a decision, or goes on with one (Q11).
func (r *reviewed) submit(revision domain.ContentRevision, verdict rules.Verdict, at time.Time, due dues.Promise) {
	r.FirstSubmittedAt, r.Verdict = r.Review.WaitingSince(r.FirstSubmittedAt, at), verdict
	r.ContentRevision, r.Review, r.Reasons, r.SubmittedAt, r.DecidedAt = revision, domain.ReviewPending, nil, at, nil
	r.Promise = due
}

func (r *reviewed) decide(review domain.Review, revision domain.ContentRevision, at time.Time) error {
	if revision != r.ContentRevision {
		return fmt.Errorf("decision on revision %d, but %d is the latest", revision, r.ContentRevision)
	}
	r.Review, r.DecidedAt = review, &at
	if review == domain.ReviewApproved {
		r.LiveRevision, r.Revoked = revision, nil
	}
	return nil
}

// revoke takes the live revision back. It awaits a decision again, from now on, when it is the latest.
func (r *reviewed) revoke(revision domain.ContentRevision, reasons []domain.Reason, at time.Time, due dues.Promise) error {
	if revision != r.LiveRevision {
		return fmt.Errorf("revocation of revision %d, but %d is live", revision, r.LiveRevision)
	}
	if revision == r.ContentRevision {
		r.Review, r.FirstSubmittedAt, r.DecidedAt, r.Promise = domain.ReviewPending, at, nil, due
	}
	r.LiveRevision, r.Revoked = 0, &Revocation{decision.Revocation{Revision: revision, Reasons: reasons}, at}
	return nil
}

func fold(e projections.Event, c *workdays.Calendar, applications map[uuid.UUID]*applicationRow, products map[uuid.UUID]*productRow) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	switch fact := e.Fact.(type) {
	case provider.Applied:
		applications[id] = &applicationRow{ProviderID: id, AppliedAt: projections.EventTime(e)}
	case product.Submitted:
		products[id] = &productRow{ID: id, ProviderID: fact.ProviderID, CreatedAt: projections.EventTime(e)}
	}
	switch e.Stream.Category() {
	case provider.Category:
		if a, ok := applications[id]; ok {
			return a.fold(e, c)
		}
	case product.Category:
		if p, ok := products[id]; ok && !p.deleted {
			return p.fold(e, c)
		}
	}
	return fmt.Errorf("%s of something that is not there", e.Type)
}

func (a *applicationRow) fold(e projections.Event, c *workdays.Calendar) error {
	var err error
	at := projections.EventTime(e)
	a.Standing = a.Standing.After(e.Fact)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		err = a.submit(fact, at, c)
	case provider.Revised:
		err = a.submit(provider.Applied(fact), at, c)
	case provider.Approved:
		err = a.decide(domain.ReviewApproved, fact.Revision, at)
		a.LiveProfile, a.LiveText = nil, ""
	case provider.ApprovalRevoked:
		err = a.revoke(fact.Revision, fact.Reasons, at, dues.Of(c, fact.Due, at, workdays.ForApplication))
		a.LiveProfile, a.LiveText = nil, ""
	case provider.Rejected:
		if err = a.decide(domain.ReviewRejected, fact.Revision, at); err == nil {
			a.Reasons, err = json.Marshal(fact.Reasons)
		}
	case provider.Suspended:
		a.StandingReason = fact.Reason
	case provider.Reinstated:
		a.StandingReason = ""
	case provider.Closed:
		a.StandingReason = fact.Reason
	case provider.PinLimitSet:
		a.PinLimit = fact.Limit
	case provider.FirstApproved:
		// Only the revision moves: who submitted does not see it.
	default:
		err = fmt.Errorf("no meaning for %s here", e.Type)
	}
	a.Revision = e.Revision
	return err
}

func (a *applicationRow) submit(fact provider.Applied, at time.Time, c *workdays.Calendar) (err error) {
	if a.LiveRevision == a.ContentRevision {
		a.LiveProfile, a.LiveText = a.Profile, a.Text
	}
	a.reviewed.submit(fact.Revision, fact.Verdict, at, dues.Of(c, fact.Due, at, workdays.ForApplication))
	a.Mismatches, a.Certified = projections.OrEmpty(fact.Mismatches), fact.Certified
	p := fact.Profile
	a.USCC, a.Text = p.USCC, projections.SearchText(p.Name, p.USCC, p.LegalRepresentative, p.Contact, p.Phone)
	a.Profile, err = json.Marshal(p)
	return err
}

func (p *productRow) fold(e projections.Event, c *workdays.Calendar) error {
	var err error
	at := projections.EventTime(e)
	if p.TakenDown = p.TakenDown.After(e.Fact); p.TakenDown == nil {
		p.TakenDownAt = nil
	}
	switch fact := e.Fact.(type) {
	case product.Submitted:
		err = p.submit(product.Revised{Revision: fact.Revision, Content: fact.Content, Verdict: fact.Verdict, Due: fact.Due}, at, c)
	case product.Revised:
		err = p.submit(fact, at, c)
	case product.Approved:
		err = p.decide(domain.ReviewApproved, fact.Revision, at)
		p.LiveContent = nil
	case product.ApprovalRevoked:
		err = p.revoke(fact.Revision, fact.Reasons, at, dues.Of(c, fact.Due, at, workdays.ForProduct))
		p.LiveContent, p.Listed, p.Pinned = nil, false, false
	case product.Rejected:
		if err = p.decide(domain.ReviewRejected, fact.Revision, at); err == nil {
			p.Reasons, err = json.Marshal(fact.Reasons)
		}
	case product.Listed:
		p.Listed = true
	case product.Unlisted:
		p.Listed = false
	case product.TakenDown:
		p.Listed, p.TakenDownAt = false, &at
	case product.Pinned:
		p.Pinned = true
	case product.Unpinned:
		p.Pinned = false
	case product.Deleted:
		p.deleted = true
	case product.PlaceMatched:
		// Only the revision moves.
	default:
		err = fmt.Errorf("no meaning for %s here", e.Type)
	}
	p.Revision = e.Revision
	return err
}

func (p *productRow) submit(fact product.Revised, at time.Time, c *workdays.Calendar) (err error) {
	if p.LiveRevision == p.ContentRevision {
		p.LiveContent = p.Content
	}
	p.reviewed.submit(fact.Revision, fact.Verdict, at, dues.Of(c, fact.Due, at, workdays.ForProduct))
	content, d := fact.Content, fact.Content.Destination
	p.Text = projections.SearchText(append([]string{content.Name, content.Brief, d.Country, d.City}, content.Tags...)...)
	p.Content, err = json.Marshal(content)
	return err
}
