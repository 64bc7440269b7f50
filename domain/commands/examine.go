package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/calendar"
	"waybill/domain/claim"
	"waybill/domain/decision"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Verb is what a decision did.
type Verb string

// The verbs. FirstApproved is the first of two approvals.
const (
	VerbApproved      Verb = "approved"
	VerbFirstApproved Verb = "first_approved"
	VerbRejected      Verb = "rejected"
	VerbRevoked       Verb = "approval_revoked"
)

// Examined is one decision, with all that the log has about it.
type Examined struct {
	// Step is the decision.
	Step
	Verb     Verb
	Revision domain.ContentRevision
	Reasons  []domain.Reason
	// Record is the note, and what was seen; Seen is nil of a decision from before it was recorded.
	decision.Record
	// Submission is what was decided on; nil when the stream does not have it.
	Submission *Submission
	// Claim is the reviewer's on the case; nil without one.
	Claim *ClaimedCase
	// Calendar is the version by which the durations are counted: the log's at the decision.
	Calendar workdays.Version
	// Waited is how long the revision waited: since it was submitted, or since the approval of the same revision was revoked. FromClaim is
	// since it was claimed. Nil where there is no such beginning.
	Waited, FromClaim *Taken
	// Aftermath is what came of it: of each kind of event the first, up to the one that put an end to what the decision said.
	Aftermath []Step
}

// Submission is one content revision as it was submitted.
type Submission struct {
	Step
	// Content is a product.Content or a provider.Profile, and Digest its name.
	Content  any
	Digest   string
	Revision domain.ContentRevision
	Images   []domain.ImageRef
	rules.Verdict
	Mismatches []string
	// Certified is the enterprise that an application was compared with; nil of products, and where no event says so.
	Certified *account.Enterprise
	Due       workdays.Due
}

// ClaimedCase is the claim under which a decision was made.
type ClaimedCase struct {
	ID uuid.UUID
	At time.Time
}

// Taken is a duration, and what of it lay in working days.
type Taken struct{ Elapsed, Working time.Duration }

// Examine finds a decision on a product or an application by its event, with what the log has about it. domain.ErrNotFound says that the
// stream has no decision with this id.
func (s *Service) Examine(ctx context.Context, stream domain.StreamName, event uuid.UUID) (Examined, error) {
	var x examination
	if _, err := s.Walk(ctx, stream, Until{}, func(step Step, _ func() any) bool { return x.see(step, event) }); err != nil {
		return Examined{}, err
	}
	if x.found == nil {
		return Examined{}, domain.ErrNotFound
	}
	out := *x.found
	if s := out.Submission; s != nil {
		var err error
		if s.Digest, err = decision.Digest(s.Content); err != nil {
			return Examined{}, err
		}
	}
	if err := s.timed(ctx, &out, x.since); err != nil {
		return Examined{}, err
	}
	return out, nil
}

// timed adds the claim, and how long it took.
func (s *Service) timed(ctx context.Context, out *Examined, since time.Time) error {
	id, err := out.Stream.ID()
	if err != nil {
		return err
	}
	position := out.Position
	days := calendar.State{}
	then, err := s.Replay(ctx, domain.Stream(calendar.Category, calendar.ID), Until{Position: &position})
	switch state, ok := then.State.(calendar.State); {
	case err == nil && ok:
		days = state
	case !errors.Is(err, domain.ErrNotFound):
		return err
	}
	out.Calendar = days.Calendar().Version()
	if out.Claim, err = s.claimUnder(ctx, id, out); err != nil {
		return err
	}
	taken := func(from time.Time) *Taken {
		return &Taken{Elapsed: max(out.Meta.At.Sub(from), 0), Working: max(days.Calendar().Between(from, out.Meta.At), 0)}
	}
	if !since.IsZero() && out.Verb != VerbRevoked {
		out.Waited = taken(since)
	}
	if out.Claim != nil {
		out.FromClaim = taken(out.Claim.At)
	}
	return nil
}

// claimUnder is the claim under which a decision was made: the one that it names, and of a decision that does not say what was seen, the
// one that the decision ended.
func (s *Service) claimUnder(ctx context.Context, id uuid.UUID, out *Examined) (*ClaimedCase, error) {
	var named uuid.UUID
	if out.Seen != nil {
		if named = out.Seen.Claim; named == uuid.Nil {
			return nil, nil //nolint:nilnil // it was decided without a claim
		}
	}
	position := out.Position
	var latest, of *ClaimedCase
	_, err := s.Walk(ctx, domain.Stream(claim.Category, id), Until{Position: &position}, func(step Step, _ func() any) bool {
		switch e := step.Fact.(type) {
		case claim.Claimed:
			latest = &ClaimedCase{ID: e.Claim, At: step.Meta.At}
			if e.Claim == named {
				of = latest
			}
		case claim.DecisionBegun:
			if out.Seen == nil && e.Revision == out.Revision && e.Reviewer == out.Meta.Actor.ID && latest != nil && latest.ID == e.Claim {
				of = latest
			}
		}
		return true
	})
	return of, err
}

// examination collects, while a stream is walked, what there is about one decision.
type examination struct {
	latest, live *Submission
	// since is from when on the latest revision waited for a decision.
	since time.Time
	found *Examined
	seen  map[string]bool
	ended bool
}

func (x *examination) see(step Step, event uuid.UUID) (on bool) {
	if x.found != nil {
		x.follow(step)
		return !x.ended
	}
	if submitted := submissionOf(step); submitted != nil {
		x.latest, x.since = submitted, step.Meta.At
		return true
	}
	made, ok := ruled(step)
	if !ok {
		return true
	}
	if step.ID == event {
		for _, s := range []*Submission{x.live, x.latest} {
			if s != nil && s.Revision == made.Revision {
				made.Submission = s
			}
		}
		x.found, x.seen = &made, map[string]bool{}
		return true
	}
	switch made.Verb {
	case VerbApproved:
		x.live = x.latest
	case VerbRevoked:
		x.live = nil
		if x.latest != nil && x.latest.Revision == made.Revision {
			x.since = step.Meta.At
		}
	case VerbFirstApproved, VerbRejected:
	}
	return true
}

// follow takes a later step for the aftermath.
func (x *examination) follow(step Step) {
	if !follows(step.Fact) {
		return
	}
	x.ended = x.ends(step)
	if !x.seen[step.Type] || x.ended {
		x.found.Aftermath = append(x.found.Aftermath, step)
	}
	x.seen[step.Type] = true
}

// follows reports whether an event says what came of a decision.
func follows(fact domain.Event) bool {
	switch fact.(type) {
	case product.PlaceMatched, product.Pinned, product.Unpinned, provider.PinLimitSet:
		return false
	}
	return true
}

// ends reports whether a step puts an end to what the decision said: of an approval its revocation, and the approval of another revision;
// of a revocation the next decision; of a first approval the second decision, and of that and a rejection the next submission; and of all
// of them the end of the product or the provider.
func (x *examination) ends(step Step) bool {
	switch step.Fact.(type) {
	case product.Deleted, provider.Closed:
		return true
	}
	made, decided := ruled(step)
	switch x.found.Verb {
	case VerbApproved:
		return made.Verb == VerbApproved || made.Verb == VerbRevoked
	case VerbRevoked:
		return made.Verb == VerbApproved || made.Verb == VerbRejected
	case VerbFirstApproved:
		return decided && made.Revision == x.found.Revision || submissionOf(step) != nil
	case VerbRejected:
	}
	return submissionOf(step) != nil
}

// IsDecision reports whether Examine tells of an event.
func IsDecision(fact domain.Event) bool {
	_, ok := ruled(Step{Fact: fact})
	return ok
}

// ruled is a decision, without what is not in its event.
func ruled(step Step) (Examined, bool) {
	x := Examined{Step: step}
	switch e := step.Fact.(type) {
	case product.Approved:
		x.Verb, x.Revision, x.Record = VerbApproved, e.Revision, e.Record
	case product.Rejected:
		x.Verb, x.Revision, x.Reasons, x.Record = VerbRejected, e.Revision, e.Reasons, e.Record
	case product.ApprovalRevoked:
		x.Verb, x.Revision, x.Reasons, x.Record = VerbRevoked, e.Revision, e.Reasons, e.Record
	case provider.Approved:
		x.Verb, x.Revision, x.Record = VerbApproved, e.Revision, e.Record
	case provider.FirstApproved:
		x.Verb, x.Revision, x.Record = VerbFirstApproved, e.Revision, e.Record
	case provider.Rejected:
		x.Verb, x.Revision, x.Reasons, x.Record = VerbRejected, e.Revision, e.Reasons, e.Record
	case provider.ApprovalRevoked:
		x.Verb, x.Revision, x.Reasons, x.Record = VerbRevoked, e.Revision, e.Reasons, e.Record
	default:
		return Examined{}, false
	}
	return x, true
}

// submissionOf is what a step submitted, without the digest; nil when it did not.
func submissionOf(step Step) *Submission {
	s := &Submission{Step: step}
	switch e := step.Fact.(type) {
	case product.Submitted:
		s.ofProduct(e.Content, e.Revision, e.Verdict, e.Due)
	case product.Revised:
		s.ofProduct(e.Content, e.Revision, e.Verdict, e.Due)
	case provider.Applied:
		s.ofProvider(e.Profile, e.Revision, e.Verdict, e.Due)
		s.Mismatches, s.Certified = e.Mismatches, e.Certified
	case provider.Revised:
		s.ofProvider(e.Profile, e.Revision, e.Verdict, e.Due)
		s.Mismatches, s.Certified = e.Mismatches, e.Certified
	default:
		return nil
	}
	return s
}

func (s *Submission) ofProduct(c product.Content, revision domain.ContentRevision, v rules.Verdict, due workdays.Due) {
	s.Content, s.Revision, s.Verdict, s.Due = c, revision, v, due
	for _, image := range c.References() {
		s.add(domain.ImageRef(image.Digest))
	}
}

func (s *Submission) ofProvider(p provider.Profile, revision domain.ContentRevision, v rules.Verdict, due workdays.Due) {
	s.Content, s.Revision, s.Verdict, s.Due = p, revision, v, due
	for _, image := range p.References() {
		s.add(domain.ImageRef(image.Digest))
	}
}

// add takes each image once.
func (s *Submission) add(image domain.ImageRef) {
	for _, known := range s.Images {
		if known == image {
			return
		}
	}
	s.Images = append(s.Images, image)
}
