package reporting

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
)

// Outcomes of a submission. Those of a decision are approved and rejected.
const (
	pending    = "pending"
	approved   = "approved"
	rejected   = "rejected"
	superseded = "superseded" // by a later revision, before a decision
	ended      = "ended"      // with its provider, without a reviewer
	deleted    = "deleted"    // with its product, before a decision
)

// caseRow is a provider or a product.
type caseRow struct {
	ID               uuid.UUID
	Kind             string
	ProviderID       uuid.UUID
	Standing         provider.Standing
	ProviderType     string
	LatestName       string
	LiveName         string
	Listed, Pinned   bool
	DeletedAt        *time.Time
	Stretches        int
	Shown            domain.ContentRevision
	ShownPinned      bool
	Latest, Live     domain.ContentRevision
	Rejections       int
	OpenedAt         *time.Time
	FirstSubmittedAt time.Time
	FirstDecidedAt   *time.Time
	FirstOutcome     string
	FirstApprovedAt  *time.Time
	FirstListedAt    *time.Time

	// revisions are those of the batch, and the latest and the live one before it.
	revisions map[domain.ContentRevision]*revisionRow
	changed   bool
	deleted   bool // in this batch
}

// revisionRow is a submission.
type revisionRow struct {
	SubjectID       uuid.UUID
	ContentRevision domain.ContentRevision
	Round           int
	SubmittedAt     time.Time
	OpenedAt        time.Time
	WaitingFrom     time.Time
	Outcome         string
	EndedAt         *time.Time
	FirstApprover   *uuid.UUID
	FirstApprovedAt *time.Time
	Revocations     int
	Mode            product.Mode
	Place           *uuid.UUID
	Gazetteer       int64
	Country, City   string

	changed bool
}

// fold is what one event makes of the rows.
func (b *batch) fold(e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	at := projections.EventTime(e)
	b.last = &at
	b.year(at)
	switch e.Stream.Category() {
	case booking.Category:
		return b.foldBooking(id, e, at)
	case provider.Category, product.Category:
		return b.foldCase(id, e, at)
	}
	return fmt.Errorf("no meaning for %s here", e.Type)
}

func (b *batch) foldCase(id uuid.UUID, e projections.Event, at time.Time) error {
	switch fact := e.Fact.(type) {
	case provider.Applied:
		b.add(&caseRow{ID: id, Kind: provider.Category, ProviderID: id, FirstSubmittedAt: at})
	case product.Submitted:
		b.add(&caseRow{ID: id, Kind: product.Category, ProviderID: fact.ProviderID, FirstSubmittedAt: at})
	}
	c, ok := b.cases[id]
	if !ok || c.DeletedAt != nil {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	c.changed = true
	var err error
	if c.Kind == provider.Category {
		err = b.foldProvider(c, e, at)
	} else {
		err = b.foldProduct(c, e, at)
	}
	return err
}

func (b *batch) foldProvider(c *caseRow, e projections.Event, at time.Time) (err error) {
	was := c.Standing
	c.Standing = c.Standing.After(e.Fact)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		b.submitProfile(c, fact, at)
	case provider.Revised:
		b.submitProfile(c, provider.Applied(fact), at)
	case provider.Approved:
		if err = b.decide(c, e, approved, fact.Revision, nil); err == nil {
			c.LiveName = c.LatestName
		}
	case provider.FirstApproved:
		err = b.approveFirst(c, e, fact, at)
	case provider.Rejected:
		err = b.decide(c, e, rejected, fact.Revision, fact.Reasons)
	case provider.ApprovalRevoked:
		err = b.revoke(c, e, fact.Revision, fact.Reasons)
	case provider.Suspended, provider.Reinstated, provider.Closed:
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	if was != c.Standing {
		for _, p := range b.products[c.ID] {
			b.show(p, at)
		}
	}
	return err
}

func (b *batch) foldProduct(c *caseRow, e projections.Event, at time.Time) (err error) {
	switch fact := e.Fact.(type) {
	case product.Submitted:
		b.submitContent(c, product.Revised{Revision: fact.Revision, Content: fact.Content, Place: fact.Place}, at)
	case product.Revised:
		b.submitContent(c, fact, at)
	case product.PlaceMatched:
		err = b.match(c, fact)
	case product.Approved:
		err = b.decide(c, e, approved, fact.Revision, nil)
	case product.Rejected:
		err = b.decide(c, e, rejected, fact.Revision, fact.Reasons)
	case product.ApprovalRevoked:
		err = b.revoke(c, e, fact.Revision, fact.Reasons)
		c.Listed, c.Pinned = false, false
	case product.Listed:
		c.Listed = true
		if c.FirstListedAt == nil {
			c.FirstListedAt = &at
		}
		b.count(at, "products_listed", 1)
	case product.Unlisted:
		c.Listed = false
		b.count(at, "products_unlisted", 1)
	case product.TakenDown:
		c.Listed = false
		b.count(at, "products_taken_down", 1)
	case product.Pinned:
		c.Pinned = true
	case product.Unpinned:
		c.Pinned = false
	case product.Deleted:
		b.delete(c, at)
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	b.show(c, at)
	return err
}

func (b *batch) submitProfile(c *caseRow, fact provider.Applied, at time.Time) {
	c.ProviderType, c.LatestName = fact.Profile.Type, fact.Profile.Name
	b.submit(c, &revisionRow{ContentRevision: fact.Revision}, at)
}

func (b *batch) submitContent(c *caseRow, fact product.Revised, at time.Time) {
	d := fact.Content.Destination
	b.submit(c, &revisionRow{
		ContentRevision: fact.Revision, Mode: fact.Content.Mode, Country: d.Country, City: d.City, Gazetteer: fact.Place,
	}, at)
}

func (b *batch) submit(c *caseRow, r *revisionRow, at time.Time) {
	if before, ok := c.revisions[c.Latest]; ok && before.Outcome == pending {
		b.end(c, before, superseded, at)
	}
	if c.OpenedAt == nil {
		c.OpenedAt = &at
	}
	c.Latest = r.ContentRevision
	r.SubjectID, r.Round, r.SubmittedAt, r.WaitingFrom, r.OpenedAt, r.changed = c.ID, c.Rejections+1, at, at, *c.OpenedAt, true
	c.revisions[r.ContentRevision] = r
	b.pend(c, r, at)
	b.count(at, plural[c.Kind]+"_submitted", 1)
}

// pend has a revision await a decision.
func (b *batch) pend(c *caseRow, r *revisionRow, at time.Time) {
	r.Outcome, r.EndedAt, r.changed = pending, nil, true
	b.count(at, plural[c.Kind]+"_pending", 1)
}

// end has a revision await none any more.
func (b *batch) end(c *caseRow, r *revisionRow, outcome string, at time.Time) {
	if r.Outcome == pending {
		b.count(at, plural[c.Kind]+"_pending", -1)
	}
	r.Outcome, r.EndedAt, r.changed = outcome, &at, true
}

// decide is a reviewer's decision, or the end of a case with its party (decision 23), which is nobody's.
func (b *batch) decide(c *caseRow, e projections.Event, outcome string, revision domain.ContentRevision, reasons []domain.Reason) error {
	r, ok := c.revisions[revision]
	if !ok || revision != c.Latest {
		return fmt.Errorf("decision on revision %d, but %d is the latest", revision, c.Latest)
	}
	at, reviewed := projections.EventTime(e), e.Meta.Actor.Role == domain.RoleReviewer
	b.count(at, plural[c.Kind]+"_"+outcome, 1)
	if outcome == rejected {
		c.Rejections++
		if !reviewed {
			outcome = ended
			b.count(at, plural[c.Kind]+"_"+outcome, 1)
		}
	}
	b.end(c, r, outcome, at)
	if c.FirstDecidedAt == nil {
		c.FirstDecidedAt, c.FirstOutcome = &at, outcome
	}
	if reviewed {
		b.rulings = append(b.rulings, ruling{
			id: e.ID, subject: c.ID, content: revision, outcome: outcome, reviewer: e.Meta.Actor.ID, at: at,
			waitingFrom: r.WaitingFrom, openedAt: r.OpenedAt, firstApprover: r.FirstApprover, firstApprovedAt: r.FirstApprovedAt,
		})
		b.give(e.ID, reasons)
		b.act(e.Meta.Actor.ID, at)
	}
	if outcome == approved {
		c.Live, c.Rejections, c.OpenedAt = revision, 0, nil
		if c.FirstApprovedAt == nil {
			c.FirstApprovedAt = &at
		}
		b.locate(r)
	}
	return nil
}

// approveFirst is the first of two approvals, which decides nothing yet.
func (b *batch) approveFirst(c *caseRow, e projections.Event, fact provider.FirstApproved, at time.Time) error {
	r, ok := c.revisions[fact.Revision]
	if !ok || fact.Revision != c.Latest {
		return fmt.Errorf("first approval of revision %d, but %d is the latest", fact.Revision, c.Latest)
	}
	by := e.Meta.Actor.ID
	r.FirstApprover, r.FirstApprovedAt, r.changed = &by, &at, true
	if e.Meta.Actor.Role == domain.RoleReviewer {
		b.act(by, at)
	}
	return nil
}

// revoke takes the live revision back. It awaits a decision again when it is the latest.
func (b *batch) revoke(c *caseRow, e projections.Event, revision domain.ContentRevision, reasons []domain.Reason) error {
	r, ok := c.revisions[revision]
	if !ok || revision != c.Live {
		return fmt.Errorf("revocation of revision %d, but %d is live", revision, c.Live)
	}
	at := projections.EventTime(e)
	c.Live, c.LiveName = 0, ""
	r.Revocations++
	r.changed = true
	if revision == c.Latest {
		c.OpenedAt = &at
		r.WaitingFrom, r.OpenedAt, r.FirstApprover, r.FirstApprovedAt = at, at, nil, nil
		b.pend(c, r, at)
	}
	b.overturns = append(b.overturns, overturn{id: e.ID, subject: c.ID, content: revision, by: e.Meta.Actor.ID, at: at})
	b.give(e.ID, reasons)
	if e.Meta.Actor.Role == domain.RoleReviewer {
		b.act(e.Meta.Actor.ID, at)
	}
	b.count(at, plural[c.Kind]+"_revoked", 1)
	return nil
}

// match says which of the gazetteer's places the destination of a revision is.
func (b *batch) match(c *caseRow, fact product.PlaceMatched) error {
	r, ok := c.revisions[fact.Revision]
	if !ok {
		return fmt.Errorf("match of revision %d, but %d is the latest and %d live", fact.Revision, c.Latest, c.Live)
	}
	r.Gazetteer, r.changed = fact.Place, true
	if r.Place != nil {
		b.locate(r)
	}
	return nil
}

// delete keeps what is counted, and nothing of what was typed.
func (b *batch) delete(c *caseRow, at time.Time) {
	if r, ok := c.revisions[c.Latest]; ok && r.Outcome == pending {
		b.end(c, r, deleted, at)
	}
	for _, r := range c.revisions {
		r.Country, r.City = "", ""
	}
	c.DeletedAt, c.Listed, c.Pinned, c.deleted = &at, false, false, true
	b.count(at, "products_deleted", 1)
}

// show begins and ends stretches on the public list: another revision or a pin is another stretch.
func (b *batch) show(c *caseRow, at time.Time) {
	want, pinned := domain.ContentRevision(0), false
	if owner, ok := b.cases[c.ProviderID]; ok && owner.Standing == provider.StandingActive && c.Listed && c.DeletedAt == nil {
		want = c.Live
		pinned = c.Pinned && want > 0
	}
	if want == c.Shown && pinned == c.ShownPinned {
		return
	}
	if c.Shown > 0 {
		b.endStretch(stretchKey{c.ID, c.Stretches}, at)
	}
	if want > 0 {
		c.Stretches++
		b.stretches[stretchKey{c.ID, c.Stretches}] = &stretch{content: want, pinned: pinned, from: at}
	}
	switch {
	case c.Shown == 0:
		b.count(at, "products_public", 1)
	case want == 0:
		b.count(at, "products_public", -1)
	}
	c.Shown, c.ShownPinned, c.changed = want, pinned, true
}

func (b *batch) foldBooking(id uuid.UUID, e projections.Event, at time.Time) error {
	if fact, ok := e.Fact.(booking.Requested); ok {
		b.inquiries[id] = &inquiry{
			ID: id, ProductID: fact.ProductID, ContentRevision: fact.ProductRevision, ProviderID: fact.ProviderID,
			EnterpriseID: fact.EnterpriseID, RequestedAt: at,
		}
		b.count(at, "bookings_requested", 1)
		return nil
	}
	i, ok := b.inquiries[id]
	if !ok {
		return fmt.Errorf("%s of a booking that is not there", e.Type)
	}
	switch fact := e.Fact.(type) {
	case booking.Replied:
		if i.RepliedAt == nil {
			i.RepliedAt = &at
			b.count(at, "bookings_replied", 1)
		}
	case booking.Closed:
		i.ClosedAt, i.CloseReason = &at, fact.Reason
		b.count(at, "bookings_closed", 1)
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

// plural is what day_counts calls a kind.
var plural = map[string]string{provider.Category: "applications", product.Category: "products"}

// dayOf is the day of an instant, as a column of type date takes it.
func dayOf(at time.Time) time.Time { return dateOf(workdays.DayOf(at)) }

func dateOf(d workdays.Day) time.Time { return d.Start().In(domain.Beijing) }
