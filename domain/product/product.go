package product

import (
	"fmt"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/place"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Category names the streams of products.
const Category = "product"

// State is one product on its two axes.
type State struct {
	ProviderID uuid.UUID `json:"provider_id"`
	// Revision counts the submissions, 0 when there is no product; Latest is the newest, and Review its review.
	Revision domain.ContentRevision `json:"revision"`
	Review   domain.Review          `json:"review"`
	Latest   Content                `json:"latest"`
	// Verdict is the rule book's on Latest. Place is the gazetteer's entry of its destination, 0 is none; Point is where that is, in
	// WGS-84, and zero as long as no event says so.
	rules.Verdict
	Place int64       `json:"place,omitempty"`
	Point place.Point `json:"point,omitzero"`
	// Due is when the decision on Latest was promised; zero as long as no event says so.
	Due workdays.Due `json:"due,omitzero"`
	// Reasons are those of the latest revision's rejection.
	Reasons []domain.Reason `json:"reasons,omitempty"`
	// ApprovedRevision is 0 before the first approval, and after one was revoked. Approved is the content the public sees, and
	// ApprovedSeen what its approval recorded of it.
	ApprovedRevision domain.ContentRevision `json:"approved_revision"`
	Approved         Content                `json:"approved"`
	ApprovedSeen     *decision.Seen         `json:"approved_seen,omitempty"`
	// Revoked is set from the revocation of an approval to the next approval.
	Revoked *decision.Revocation `json:"revoked,omitempty"`
	Listed  bool                 `json:"listed"`
	Pinned  bool                 `json:"pinned"`
	// TakenDown is set while an operator's take-down stands.
	TakenDown *Takedown `json:"taken_down,omitempty"`
	// Deleted is final; Latest, what was found about it, Reasons, Approved and Revoked are blank then.
	Deleted bool `json:"deleted"`
}

// Takedown is an operator's decision that a product may not be public.
type Takedown struct {
	Reason string `json:"reason"`
	// Revision was the latest when it was taken down.
	Revision domain.ContentRevision `json:"revision"`
}

// After is the take-down that stands after an event of the product's, nil for none: the approval of what was submitted later ends it.
func (t *Takedown) After(e domain.Event) *Takedown {
	switch e := e.(type) {
	case TakenDown:
		return &Takedown{Reason: e.Reason, Revision: e.Revision}
	case Approved:
		if t != nil && e.Revision > t.Revision {
			return nil
		}
	case Deleted:
		return nil
	}
	return t
}

// Public reports whether the product is shown (R45): it was approved once and is listed, and its owner is active.
func (s State) Public(owner provider.Standing) bool {
	return s.ApprovedRevision > 0 && s.Listed && !s.Deleted && owner == provider.StandingActive
}

// Command is one of the structs below. By is the account that asks; any other than the owner's gets ErrNotFound. Provider
// is the standing of the owner now; the zero value is refused.
type Command interface{ command() }

// Submit submits revision 1 for review (R23).
type Submit struct {
	ProviderID uuid.UUID
	Provider   provider.Standing
	Content    Content
	Facts
}

// Revise submits a later revision for review. The same content again is a revision too.
type Revise struct {
	By       uuid.UUID
	Provider provider.Standing
	Content  Content
	Facts
	Pace domain.Pace
}

// MatchPlace records, for the system, where the destination of the named revision is, with what the gazetteer says about it. Nothing
// happens when that is recorded already, when a later revision was submitted meanwhile, and of a destination that is nowhere.
type MatchPlace struct {
	Revision domain.ContentRevision
	Place    place.Fact
}

// EndReview ends what awaits a decision when the provider is closed. Nothing happens otherwise.
type EndReview struct{ Provider provider.Standing }

// Publish shows an approved product (R33).
type Publish struct {
	By       uuid.UUID
	Provider provider.Standing
}

// Unpublish hides it; it stays pinned.
type Unpublish struct{ By uuid.UUID }

// Pin places an approved product before all that are not pinned (R34, Q14).
type Pin struct {
	By       uuid.UUID
	Provider provider.Standing
}

// Unpin puts it back in order of creation.
type Unpin struct{ By uuid.UUID }

// Delete removes it for good (R35). Deleting again succeeds.
type Delete struct{ By uuid.UUID }

// TakeDown hides a product that was approved, for an operator; Takedown says until when.
type TakeDown struct{ Reason string }

func (Submit) command()     {}
func (Revise) command()     {}
func (Publish) command()    {}
func (Unpublish) command()  {}
func (Pin) command()        {}
func (Unpin) command()      {}
func (Delete) command()     {}
func (EndReview) command()  {}
func (MatchPlace) command() {}
func (TakeDown) command()   {}

// Refusals; the provider's standing refuses with package provider's.
var (
	ErrAlreadySubmitted = domain.Refuse(domain.KindConflict, "already_submitted", "该产品已提交", "the product was submitted already")
	ErrNotApproved      = domain.Refuse(domain.KindConflict, "product_not_approved",
		"产品审核通过后才能上架或置顶", "a product can be listed or pinned only while a revision of it is approved")
	ErrTakenDown = domain.Refuse(domain.KindConflict, "product_taken_down",
		"该产品已被运营人员下架，请修改后重新送审，通过后才能上架或置顶",
		"an operator took the product down; it can be listed or pinned once a later revision of it is approved")
	ErrNeverPublic = domain.Refuse(domain.KindConflict, "product_never_public",
		"该产品没有已通过审核的版本，无需下架", "no revision of the product is approved, so there is nothing to take down")
)

// Decider is the product aggregate.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	if submit, ok := c.(Submit); ok {
		return decideSubmit(s, submit)
	}
	if _, again := c.(Delete); s.Revision == 0 || (s.Deleted && !again) {
		return nil, domain.ErrNotFound
	}
	switch c := c.(type) {
	case Approve:
		return decideApprove(s, c)
	case Reject:
		return decideReject(s, c)
	case RevokeApproval:
		return decideRevokeApproval(s, c)
	case Revise:
		return decideRevise(s, c)
	case Publish:
		return s.display(c.By, c.Provider.MayOffer, s.Listed, Listed{})
	case Pin:
		return s.display(c.By, c.Provider.MayOffer, s.Pinned, Pinned{})
	case Unpublish:
		return s.display(c.By, nil, !s.Listed, Unlisted{})
	case Unpin:
		return s.display(c.By, nil, !s.Pinned, Unpinned{})
	case TakeDown:
		return decideTakeDown(s, c)
	case Delete:
		return s.display(c.By, nil, s.Deleted, Deleted{})
	case EndReview:
		if c.Provider != provider.StandingClosed || s.Review != domain.ReviewPending {
			return nil, nil
		}
		return []domain.Event{Rejected{Revision: s.Revision, Reasons: domain.ProviderGone()}}, nil
	case MatchPlace:
		at := s.Latest.Destination.Point()
		if c.Revision != s.Revision || !s.Point.IsZero() || at.IsZero() {
			return nil, nil
		}
		return []domain.Event{PlaceMatched{Revision: s.Revision, Place: c.Place.ID, Point: at}}, nil
	}
	return nil, fmt.Errorf("product: unknown command %T", c)
}

func decideSubmit(s State, c Submit) ([]domain.Event, error) {
	if s.Revision > 0 {
		return nil, ErrAlreadySubmitted
	}
	if err := c.Provider.MayOffer(); err != nil {
		return nil, err
	}
	verdict, err := c.Content.Clean(c.Facts)
	if err != nil {
		return nil, err
	}
	return []domain.Event{Submitted{
		ProviderID: c.ProviderID, Revision: 1, Content: c.Content, Verdict: verdict,
		Place: c.Place.ID, Point: c.Content.Destination.Point(), Due: c.Due,
	}}, nil
}

func decideRevise(s State, c Revise) ([]domain.Event, error) {
	if c.By != s.ProviderID {
		return nil, domain.ErrNotFound
	}
	if err := c.Provider.MayOffer(); err != nil {
		return nil, err
	}
	verdict, err := c.Content.Clean(c.Facts)
	if err != nil {
		return nil, err
	}
	if err := c.Pace.Check(); err != nil {
		return nil, err
	}
	return []domain.Event{Revised{
		Revision: s.Revision + 1, Content: c.Content, Verdict: verdict, Place: c.Place.ID, Point: c.Content.Destination.Point(),
		Due: c.Due,
	}}, nil
}

func decideTakeDown(s State, c TakeDown) ([]domain.Event, error) {
	var f domain.Fields
	f.Required("/reason", &c.Reason, provider.MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	switch err := f.Err(); {
	case err != nil:
		return nil, err
	case s.ApprovedRevision == 0:
		return nil, ErrNeverPublic
	case s.TakenDown != nil:
		return nil, nil
	}
	return []domain.Event{TakenDown{Revision: s.Revision, Reason: c.Reason}}, nil
}

// display decides about one switch of the owner's. mayOffer is nil where the provider's standing does not matter; the
// other switches need an approved revision (Q15). Nothing happens when the switch is there already.
func (s State) display(by uuid.UUID, mayOffer func() error, already bool, happened domain.Event) ([]domain.Event, error) {
	if by != s.ProviderID {
		return nil, domain.ErrNotFound
	}
	if mayOffer != nil {
		if err := mayOffer(); err != nil {
			return nil, err
		}
		if s.ApprovedRevision == 0 {
			return nil, ErrNotApproved
		}
		if s.TakenDown != nil {
			return nil, ErrTakenDown
		}
	}
	if already {
		return nil, nil
	}
	return []domain.Event{happened}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	s.TakenDown = s.TakenDown.After(e)
	switch e := e.(type) {
	case Submitted:
		s.ProviderID = e.ProviderID
		s.submit(Revised{
			Revision: e.Revision, Content: e.Content, Verdict: e.Verdict, Place: e.Place, Point: e.Point, Due: e.Due,
		})
	case Revised:
		s.submit(e)
	case PlaceMatched:
		s.Place, s.Point = e.Place, e.Point
	case Approved:
		s.Review, s.ApprovedRevision, s.Approved = domain.ReviewApproved, e.Revision, s.Latest
		s.ApprovedSeen, s.Revoked = e.Seen, nil
	case ApprovalRevoked:
		if e.Revision == s.Revision {
			s.Review, s.Due = domain.ReviewPending, e.Due
		}
		s.ApprovedRevision, s.Approved, s.ApprovedSeen = 0, Content{}, nil
		s.Revoked, s.Listed, s.Pinned = &decision.Revocation{Revision: e.Revision, Reasons: e.Reasons}, false, false
	case Rejected:
		s.Review, s.Reasons = domain.ReviewRejected, e.Reasons
	case Listed:
		s.Listed = true
	case Unlisted, TakenDown:
		s.Listed = false
	case Pinned:
		s.Pinned = true
	case Unpinned:
		s.Pinned = false
	case Deleted:
		s.Deleted, s.Listed, s.Pinned = true, false, false
		s.Latest, s.Approved, s.Reasons = Content{}, Content{}, nil
		s.Verdict, s.Place, s.Point = rules.Verdict{}, 0, place.Point{}
		s.Due, s.ApprovedSeen, s.Revoked = workdays.Due{}, nil, nil
	}
	return s
}

func (s *State) submit(e Revised) {
	s.Revision, s.Review, s.Latest, s.Reasons = e.Revision, domain.ReviewPending, e.Content, nil
	s.Verdict, s.Place, s.Point, s.Due = e.Verdict, e.Place, e.Point, e.Due
}
