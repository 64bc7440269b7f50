package review

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

// subject is a provider or product in the queue, with its latest submission, which alone is decided, and the live one.
type subject struct {
	ID           uuid.UUID
	Name         string
	ProviderType string
	Live, Latest domain.ContentRevision
	Rejections   int
	Closed       bool
	Revision     domain.Revision
	TakenDown    *product.Takedown
	deleted      bool
	// requeued says that its case changed, begun or ended; regrouped that the cases of a provider's did.
	requeued, regrouped bool
	// submissions are those of this batch, and the latest and the live one before it.
	submissions map[domain.ContentRevision]*submission
}

// storedSubmission is a row of submissions without what never changes and nothing depends on.
type storedSubmission struct {
	Kind             string
	SubjectID        uuid.UUID
	ContentRevision  domain.ContentRevision
	State            domain.Review
	Since            time.Time
	Name             string
	ProviderID       uuid.UUID
	SubmittedBy      uuid.UUID
	Mismatches       []string
	Finding          bool
	Round            int
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	DecidedBy        *uuid.UUID
	Reasons          json.RawMessage
	Note             string
	FirstApproval    *Approval
	Revocation       *Revocation
	dues.Promise
	Place int64
	Point *place.Point
}

type submission struct {
	storedSubmission
	Content   json.RawMessage
	Certified json.RawMessage
	Verdict   rules.Verdict
	// fresh says that no row has it yet, and changed that the row has it otherwise; was is the row's state.
	fresh, changed bool
	was            domain.Review
}

// folding is one batch.
type folding struct {
	subjects map[uuid.UUID]*subject
	claims   map[uuid.UUID]*claimed
	calendar *workdays.Calendar
}

// terms are how many working days the kinds are due after.
var terms = map[string]int{product.Category: workdays.ForProduct, provider.Category: workdays.ForApplication}

func (f *folding) fold(e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	if done, err := f.foldClaim(id, e); done || err != nil {
		return err
	}
	switch e.Fact.(type) {
	case provider.Applied, product.Submitted:
		f.subjects[id] = &subject{ID: id, submissions: map[domain.ContentRevision]*submission{}}
	}
	s, ok := f.subjects[id]
	if !ok || s.deleted {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	takenDown := s.TakenDown.After(e.Fact)
	s.requeued = s.requeued || (takenDown == nil) != (s.TakenDown == nil)
	s.Revision, s.TakenDown = e.Revision, takenDown
	switch fact := e.Fact.(type) {
	case provider.Applied:
		return f.submitProfile(s, e, fact)
	case provider.Revised:
		return f.submitProfile(s, e, provider.Applied(fact))
	case product.Submitted:
		row := storedSubmission{ProviderID: fact.ProviderID, ContentRevision: fact.Revision}
		row.match(fact.Place, fact.Point)
		return f.submitContent(s, e, row, fact.Content, fact.Verdict, fact.Due)
	case product.Revised:
		row := storedSubmission{ContentRevision: fact.Revision}
		row.match(fact.Place, fact.Point)
		return f.submitContent(s, e, row, fact.Content, fact.Verdict, fact.Due)
	case product.PlaceMatched:
		row, err := s.latest(fact.Revision)
		if err != nil {
			return err
		}
		row.changed = true
		row.match(fact.Place, fact.Point)
	case provider.Approved:
		return s.approve(e, fact.Revision, fact.Record)
	case product.Approved:
		return s.approve(e, fact.Revision, fact.Record)
	case provider.FirstApproved:
		return s.approveFirst(e, fact)
	case provider.Rejected:
		return s.reject(e, fact.Revision, fact.Reasons, fact.Record)
	case product.Rejected:
		return s.reject(e, fact.Revision, fact.Reasons, fact.Record)
	case provider.ApprovalRevoked:
		return f.revoke(s, e, fact)
	case product.ApprovalRevoked:
		return f.revoke(s, e, provider.ApprovalRevoked(fact))
	case provider.Closed:
		s.Closed, s.regrouped = true, true
	case product.Deleted:
		s.deleted = true
	case provider.Suspended, provider.Reinstated, provider.PinLimitSet, product.Listed, product.Unlisted, product.Pinned, product.Unpinned,
		product.TakenDown:
		// Only the revision moves, and what hangs on the take-down.
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

// match is the gazetteer's entry of the destination, and where that is.
func (r *storedSubmission) match(id int64, at place.Point) {
	r.Place, r.Point = id, nil
	if !at.IsZero() {
		r.Point = &at
	}
}

func (f *folding) submitProfile(s *subject, e projections.Event, fact provider.Applied) (err error) {
	row := submission{
		storedSubmission: storedSubmission{
			Name: fact.Profile.Name, ProviderID: s.ID, ContentRevision: fact.Revision, Mismatches: fact.Mismatches,
		},
		Verdict: fact.Verdict,
	}
	if fact.Certified != nil {
		if row.Certified, err = json.Marshal(fact.Certified); err != nil {
			return err
		}
	}
	if s.Live == 0 && s.ProviderType != fact.Profile.Type {
		s.ProviderType, s.regrouped = fact.Profile.Type, true
	}
	return f.submit(s, e, row, fact.Profile, fact.Due)
}

func (f *folding) submitContent(s *subject, e projections.Event, row storedSubmission, content product.Content, v rules.Verdict,
	due workdays.Due,
) error {
	row.Name = content.Name
	return f.submit(s, e, submission{storedSubmission: row, Verdict: v}, content, due)
}

func (f *folding) submit(s *subject, e projections.Event, row submission, content any, due workdays.Due) (err error) {
	at := projections.EventTime(e)
	row.Kind, row.SubjectID, row.State, row.fresh = e.Stream.Category(), s.ID, domain.ReviewPending, true
	row.Since, row.SubmittedAt, row.FirstSubmittedAt = at, at, at
	row.SubmittedBy, row.Round = e.Meta.Actor.ID, s.Rejections+1
	row.Mismatches, row.Finding = projections.OrEmpty(row.Mismatches), len(row.Verdict.Findings) > 0
	row.Promise = dues.Of(f.calendar, due, at, terms[row.Kind])
	if before, ok := s.submissions[s.Latest]; ok {
		row.ProviderID = before.ProviderID
		row.FirstSubmittedAt = before.State.WaitingSince(before.FirstSubmittedAt, at)
		if before.State == domain.ReviewPending {
			before.State, before.Since, before.changed = domain.ReviewSuperseded, at, true
			row.Revocation = before.Revocation
		}
	}
	if row.Content, err = json.Marshal(content); err != nil {
		return err
	}
	if s.Live == 0 {
		s.Name = row.Name
	}
	s.Latest, s.requeued = row.ContentRevision, true
	s.submissions[row.ContentRevision] = &row
	return nil
}

// latest is the submission of a revision, which must be the latest.
func (s *subject) latest(revision domain.ContentRevision) (*submission, error) {
	row, ok := s.submissions[revision]
	if !ok || revision != s.Latest {
		return nil, fmt.Errorf("revision %d is named, but %d is the latest", revision, s.Latest)
	}
	return row, nil
}

func (s *subject) decide(e projections.Event, state domain.Review, revision domain.ContentRevision,
	of decision.Record,
) (*submission, error) {
	row, err := s.latest(revision)
	if err != nil {
		return nil, err
	}
	at, by := projections.EventTime(e), e.Meta.Actor.ID
	row.State, row.Since, row.DecidedAt, row.DecidedBy, row.Note = state, at, &at, &by, of.Note
	row.Revocation, row.changed, s.requeued = nil, true, true
	return row, nil
}

func (s *subject) approve(e projections.Event, revision domain.ContentRevision, of decision.Record) error {
	row, err := s.decide(e, domain.ReviewApproved, revision, of)
	if err != nil {
		return err
	}
	s.Live, s.Rejections, s.Name = revision, 0, row.Name
	return nil
}

func (s *subject) reject(e projections.Event, revision domain.ContentRevision, reasons []domain.Reason, of decision.Record) error {
	row, err := s.decide(e, domain.ReviewRejected, revision, of)
	if err != nil {
		return err
	}
	s.Rejections++
	if len(reasons) > 0 {
		row.Reasons, err = json.Marshal(reasons)
	}
	return err
}

func (s *subject) approveFirst(e projections.Event, fact provider.FirstApproved) error {
	row, err := s.latest(fact.Revision)
	if err != nil {
		return err
	}
	row.FirstApproval = &Approval{By: fact.Reviewer, At: projections.EventTime(e), Note: fact.Note}
	row.changed, s.requeued = true, true
	return nil
}

// revoke takes the live revision back. The latest awaits a decision from then on if it is that one, and if it awaits one anyway it says
// what happened to the one before.
func (f *folding) revoke(s *subject, e projections.Event, fact provider.ApprovalRevoked) error {
	row, ok := s.submissions[fact.Revision]
	if !ok || fact.Revision != s.Live {
		return fmt.Errorf("the approval of revision %d is revoked, but %d is live", fact.Revision, s.Live)
	}
	at := projections.EventTime(e)
	row.Revocation = &Revocation{By: e.Meta.Actor.ID, At: at, Reasons: fact.Reasons, Note: fact.Note}
	row.changed, s.requeued = true, true
	last, ok := s.submissions[s.Latest]
	if !ok {
		return fmt.Errorf("there is no latest revision %d", s.Latest)
	}
	s.Live, s.Name = 0, last.Name
	switch {
	case last == row:
		row.State, row.Since, row.FirstSubmittedAt, row.DecidedAt, row.DecidedBy = domain.ReviewPending, at, at, nil, nil
		row.Reasons, row.Note, row.FirstApproval = nil, "", nil
		row.Promise = dues.Of(f.calendar, fact.Due, at, terms[row.Kind])
	case last.State == domain.ReviewPending:
		last.Revocation, last.changed = row.Revocation, true
	}
	return nil
}
