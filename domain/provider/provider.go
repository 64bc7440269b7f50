package provider

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decision"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Category names the streams of providers; a stream's id is the account's.
const Category = "provider"

// MaxReason bounds an operator's reason, in code points.
const MaxReason = 500

// MaxPinLimit bounds a limit of pinned products: so many may have to be looked at for each pin.
const MaxPinLimit = 100

// Standing is what a provider may do. It is empty before the application.
type Standing string

// The standings: applicant ⇄ active ⇄ suspended → closed; any may be closed.
const (
	StandingApplicant Standing = "applicant"
	StandingActive    Standing = "active"
	StandingSuspended Standing = "suspended"
	StandingClosed    Standing = "closed"
)

// MayOffer refuses submitting, revising, listing and pinning products unless the provider is active. Hiding,
// deleting and replying are always allowed.
func (s Standing) MayOffer() error {
	switch s {
	case StandingActive:
		return nil
	case StandingSuspended:
		return ErrSuspended
	case StandingClosed:
		return ErrClosed
	case StandingApplicant:
	}
	return ErrNotApproved
}

// After is the standing that an event of the provider's leaves behind. Only the first approval makes it active (R21), and the first after
// a revocation: no other does, and none ends a suspension.
func (s Standing) After(e domain.Event) Standing {
	switch e.(type) {
	case Applied:
		return StandingApplicant
	case Approved:
		if s == StandingApplicant {
			return StandingActive
		}
	case ApprovalRevoked:
		if s == StandingActive {
			return StandingApplicant
		}
	case Suspended:
		return StandingSuspended
	case Reinstated:
		return StandingActive
	case Closed:
		return StandingClosed
	}
	return s
}

// State is one provider: its standing, the review of its latest revision, and the approved profile.
type State struct {
	Standing Standing `json:"standing"`
	// Revision counts the submissions; Latest is the newest, and Review its review.
	Revision   domain.ContentRevision `json:"revision"`
	Review     domain.Review          `json:"review"`
	Latest     Profile                `json:"latest"`
	Mismatches []string               `json:"mismatches,omitempty"`
	// Verdict is the rule book's on Latest.
	rules.Verdict
	// Due is when the decision on Latest was promised; zero as long as no event says so.
	Due workdays.Due `json:"due,omitzero"`
	// First is set while the latest revision has the first of two approvals.
	First *FirstApproval `json:"first,omitempty"`
	// Reasons are those of the latest revision's rejection.
	Reasons []domain.Reason `json:"reasons,omitempty"`
	// ApprovedRevision is 0 before the first approval, and after one was revoked. Approved is the profile the public sees, and
	// ApprovedSeen what its approval recorded of it.
	ApprovedRevision domain.ContentRevision `json:"approved_revision"`
	Approved         Profile                `json:"approved"`
	ApprovedSeen     *decision.Seen         `json:"approved_seen,omitempty"`
	// Revoked is set from the revocation of an approval to the next approval.
	Revoked *decision.Revocation `json:"revoked,omitempty"`
	// StandingReason is why an operator suspended or closed it; blank otherwise.
	StandingReason string `json:"standing_reason,omitempty"`
	// PinLimit is how many products it may pin at a time; nil is without a limit (Q14).
	PinLimit *int `json:"pin_limit,omitempty"`
}

// Needs reports whether the provider stands in the way of another that asks for the code. With confirmed (a decision to approve it
// with the code was under way) it does until it can never be approved with the code.
func (s State) Needs(code string, confirmed bool) bool {
	if s.ApprovedRevision > 0 {
		return s.Approved.USCC == code
	}
	if s.Standing == StandingClosed {
		return false
	}
	return confirmed || (s.Review == domain.ReviewPending && s.Latest.USCC == code)
}

// Command is one of the structs below.
type Command interface{ command() }

// Apply submits revision 1.
type Apply struct {
	Profile Profile
	Facts
}

// Revise submits a later revision: of a pending, rejected or approved application, also while suspended, since
// that may be what the suspension asks for. It never publishes by itself, and never reinstates.
type Revise struct {
	Profile Profile
	Facts
	Pace domain.Pace
}

// Suspend takes an active provider out of public view for a time.
type Suspend struct{ Reason string }

// Reinstate ends a suspension.
type Reinstate struct{ Reason string }

// Close ends a provider or an applicant for good, and with it what awaits a decision.
type Close struct{ Reason string }

// SetPinLimit says how many products the provider may pin at a time, from 0 to MaxPinLimit; nil lifts the limit. What is pinned stays.
type SetPinLimit struct {
	Limit  *int
	Reason string
}

// EndReview ends what still awaits a decision though the provider is closed, as older logs have it. Nothing happens otherwise.
type EndReview struct{}

func (Apply) command()     {}
func (Revise) command()    {}
func (Suspend) command()   {}
func (Reinstate) command() {}
func (Close) command()     {}
func (EndReview) command() {}

func (SetPinLimit) command() {}

// Refusals.
var (
	ErrAlreadyApplied = domain.Refuse(domain.KindConflict, "already_applied",
		"该账号已提交过服务商申请，请在原申请上修改", "the account has applied already; revise that application")
	ErrTypeFixed = domain.Refuse(domain.KindConflict, "provider_type_fixed",
		"服务商类型审核通过后不可变更", "the provider type cannot change after the first approval")
	ErrUSCCFixed = domain.Refuse(domain.KindConflict, "uscc_fixed",
		"统一社会信用代码审核通过后不可变更", "the unified social credit code cannot change after the first approval")
	ErrNotApproved = domain.Refuse(domain.KindForbidden, "provider_not_approved",
		"您的服务商申请尚未审核通过", "the provider is not approved yet")
	ErrSuspended = domain.Refuse(domain.KindForbidden, "provider_suspended",
		"该服务商已被暂停，暂时不能进行此操作", "the provider is suspended")
	ErrClosed    = domain.Refuse(domain.KindForbidden, "provider_closed", "该服务商已被关闭", "the provider is closed")
	ErrNotActive = domain.Refuse(domain.KindConflict, "provider_not_active",
		"该服务商尚未通过审核，无需暂停或恢复", "the provider is not approved, so it cannot be suspended or reinstated")
	ErrApprovalRevoked = domain.Refuse(domain.KindConflict, "provider_approval_revoked",
		"该服务商的审核通过已被撤销，重新通过审核后才能恢复", "the provider's approval was revoked; it can be reinstated once it is approved again")
	ErrSecondApprover = domain.Refuse(domain.KindForbidden, "second_approver",
		"该申请须由两名审核人员分别通过，您已通过，请等待另一名审核人员", "two persons have to approve an application, and you are the first; another has to")
)

// Decider is the provider aggregate.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	if err := checkImpartial(c); err != nil {
		return nil, err
	}
	if apply, ok := c.(Apply); ok {
		return decideApply(s, apply)
	}
	if s.Standing == "" {
		return nil, domain.ErrNotFound
	}
	if _, again := c.(Close); s.Standing == StandingClosed && again {
		return nil, nil
	}
	if _, end := c.(EndReview); end {
		return s.endReview(s.Standing == StandingClosed), nil
	}
	if s.Standing == StandingClosed {
		return nil, ErrClosed
	}
	switch c := c.(type) {
	case Revise:
		return decideRevise(s, c)
	case Approve:
		return decideApprove(s, c)
	case Reject:
		return decideReject(s, c)
	case RevokeApproval:
		return decideRevokeApproval(s, c)
	case Suspend:
		return decideSuspend(s, c)
	case Reinstate:
		return decideReinstate(s, c)
	case SetPinLimit:
		return decidePinLimit(s, c)
	case Close:
		if err := cleanReason(&c.Reason); err != nil {
			return nil, err
		}
		return append(s.endReview(true), Closed(c)), nil
	}
	return nil, fmt.Errorf("provider: unknown command %T", c)
}

func decideApply(s State, c Apply) ([]domain.Event, error) {
	switch {
	case s.Standing == StandingClosed:
		return nil, ErrClosed
	case s.Standing != "":
		return nil, ErrAlreadyApplied
	case c.Certified == account.Enterprise{}:
		return nil, account.ErrNotCertified
	}
	verdict, err := c.Profile.Clean(c.Facts)
	if err != nil {
		return nil, err
	}
	return []domain.Event{Applied{
		Revision: 1, Profile: c.Profile, Mismatches: c.Profile.mismatches(c.Certified), Certified: &c.Certified, Verdict: verdict,
		Due: c.Due,
	}}, nil
}

func decideRevise(s State, c Revise) ([]domain.Event, error) {
	if c.Certified == (account.Enterprise{}) {
		return nil, account.ErrNotCertified
	}
	verdict, err := c.Profile.Clean(c.Facts)
	if err != nil {
		return nil, err
	}
	if s.ApprovedRevision > 0 {
		switch {
		case c.Profile.Type != s.Approved.Type:
			return nil, ErrTypeFixed
		case c.Profile.USCC != s.Approved.USCC:
			return nil, ErrUSCCFixed
		}
	}
	if err := c.Pace.Check(); err != nil {
		return nil, err
	}
	return []domain.Event{Revised{
		Revision: s.Revision + 1, Profile: c.Profile, Mismatches: c.Profile.mismatches(c.Certified), Certified: &c.Certified,
		Verdict: verdict, Due: c.Due,
	}}, nil
}

func decideSuspend(s State, c Suspend) ([]domain.Event, error) {
	if err := cleanReason(&c.Reason); err != nil {
		return nil, err
	}
	switch s.Standing {
	case StandingActive:
		return []domain.Event{Suspended(c)}, nil
	case StandingSuspended:
		return nil, nil
	case StandingApplicant, StandingClosed:
	}
	return nil, ErrNotActive
}

func decideReinstate(s State, c Reinstate) ([]domain.Event, error) {
	if err := cleanReason(&c.Reason); err != nil {
		return nil, err
	}
	switch s.Standing {
	case StandingSuspended:
		if s.ApprovedRevision == 0 {
			return nil, ErrApprovalRevoked
		}
		return []domain.Event{Reinstated(c)}, nil
	case StandingActive:
		return nil, nil
	case StandingApplicant, StandingClosed:
	}
	return nil, ErrNotActive
}

func decidePinLimit(s State, c SetPinLimit) ([]domain.Event, error) {
	var f domain.Fields
	if c.Limit != nil && (*c.Limit < 0 || *c.Limit > MaxPinLimit) {
		f.Add("/limit", "out_of_range", fmt.Sprintf("须为 0 到 %d 的整数", MaxPinLimit),
			fmt.Sprintf("must be an integer from 0 to %d", MaxPinLimit))
	}
	f.Required("/reason", &c.Reason, MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	if err := f.Err(); err != nil {
		return nil, err
	}
	if (s.PinLimit == nil) == (c.Limit == nil) && (c.Limit == nil || *c.Limit == *s.PinLimit) {
		return nil, nil
	}
	return []domain.Event{PinLimitSet(c)}, nil
}

func cleanReason(reason *string) error {
	var f domain.Fields
	f.Required("/reason", reason, MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	return f.Err()
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	s.Standing = s.Standing.After(e)
	switch e := e.(type) {
	case Applied:
		s.submit(e)
	case Revised:
		s.submit(Applied(e))
	case Approved:
		s.Review, s.ApprovedRevision, s.Approved = domain.ReviewApproved, e.Revision, s.Latest
		s.ApprovedSeen, s.Revoked, s.First = e.Seen, nil, nil
	case FirstApproved:
		s.First = &FirstApproval{Revision: e.Revision, Reviewer: e.Reviewer}
	case ApprovalRevoked:
		if e.Revision == s.Revision {
			s.Review, s.Due = domain.ReviewPending, e.Due
		}
		s.ApprovedRevision, s.Approved, s.ApprovedSeen = 0, Profile{}, nil
		s.Revoked = &decision.Revocation{Revision: e.Revision, Reasons: e.Reasons}
	case Rejected:
		s.Review, s.Reasons, s.First = domain.ReviewRejected, e.Reasons, nil
	case Suspended:
		s.StandingReason = e.Reason
	case Reinstated:
		s.StandingReason = ""
	case Closed:
		s.StandingReason = e.Reason
	case PinLimitSet:
		s.PinLimit = e.Limit
	}
	return s
}

func (s *State) submit(e Applied) {
	s.Revision, s.Review, s.Latest, s.Reasons = e.Revision, domain.ReviewPending, e.Profile, nil
	s.Mismatches, s.Verdict, s.Due, s.First = e.Mismatches, e.Verdict, e.Due, nil
}
