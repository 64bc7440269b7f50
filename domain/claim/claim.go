package claim

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/provider"
)

// Bounds of a lease, and the one that is in use when nobody chose another.
const (
	MinLease     = time.Minute
	MaxLease     = 24 * time.Hour
	DefaultLease = 30 * time.Minute
)

// renewal is the least that a renewal adds: what would add less changes nothing, so that a busy page does not fill the log.
const renewal = time.Minute

// MaxReason bounds an operator's reason, in code points.
const MaxReason = provider.MaxReason

// End is how a claim ended; empty while nothing has ended it. Its time may be over even so.
type End string

// The ends.
const (
	EndReleased  End = "released"
	EndExpired   End = "expired"
	EndTakenOver End = "taken_over"
	EndDecided   End = "decided"
)

// State is the latest claim on one case, and the latest decision that was begun.
type State struct {
	// Kind is the category of the case's stream; empty before the first event.
	Kind string `json:"kind"`
	// Claim is the latest claim's id, the nil id before the first. Revision was the latest submission when it was made.
	Claim    uuid.UUID              `json:"claim"`
	Revision domain.ContentRevision `json:"revision"`
	Reviewer uuid.UUID              `json:"reviewer"`
	// Until is when it ends without any event: from that instant on the case is free.
	Until time.Time `json:"until"`
	Ended End       `json:"ended,omitempty"`
	// Begun is the latest decision since the latest claim; nil without one.
	Begun *Begun `json:"begun,omitempty"`
}

// Begun is a decision that was under way.
type Begun struct {
	Reviewer uuid.UUID              `json:"reviewer"`
	Revision domain.ContentRevision `json:"revision"`
	// Claim is the reviewer's claim that it ended; the nil id without one.
	Claim uuid.UUID `json:"claim,omitzero"`
}

// Open reports whether somebody holds the case at a time.
func (s State) Open(at time.Time) bool { return s.standing() && at.Before(s.Until) }

// standing reports whether no event has ended the latest claim.
func (s State) standing() bool { return s.Claim != uuid.Nil && s.Ended == "" }

// lapsed is the claim that time has ended and no event: its end is recorded before anything that follows it.
func (s State) lapsed(at time.Time) []domain.Event {
	if !s.standing() || s.Open(at) {
		return nil
	}
	return []domain.Event{Expired{Claim: s.Claim}}
}

// Held returns the reviewer's claim that holds the case at a time, the nil id without one. It refuses what somebody else holds
// (ErrClaimed), and, with a claim named, any state but that this claim of the reviewer's holds it (ErrExpired, ErrLost).
func (s State) Held(by, named uuid.UUID, at time.Time) (uuid.UUID, error) {
	open := s.Open(at)
	if open && s.Reviewer != by {
		return uuid.Nil, s.claimed()
	}
	if open && (named == uuid.Nil || named == s.Claim) {
		return s.Claim, nil
	}
	if named == uuid.Nil {
		return uuid.Nil, nil
	}
	if named == s.Claim && s.Reviewer == by && (s.Ended == "" || s.Ended == EndExpired) {
		return uuid.Nil, ErrExpired
	}
	return uuid.Nil, ErrLost
}

// claimed is ErrClaimed with who and until when.
func (s State) claimed() error {
	e := *ErrClaimed
	e.Claim = &domain.Claim{Reviewer: s.Reviewer, Until: s.Until.UTC()}
	return &e
}

// Case is what is known of a case when somebody wants to claim it.
type Case struct {
	// Kind is the category of its stream, and Revision its latest submission.
	Kind     string
	Revision domain.ContentRevision
	Review   domain.Review
	// Submitter is the provider whose case it is, and Closed says that it has ended.
	Submitter domain.Party
	Closed    bool
	// First is who gave the first of two approvals; the nil id without one. That reviewer may still claim the case, to reject it.
	First uuid.UUID
}

// check refuses a reviewer of the same enterprise, a case of a closed provider, and any but the latest revision of a pending case.
func (c Case) check(reviewer domain.Party, named domain.ContentRevision) error {
	if err := domain.CheckImpartial(reviewer, c.Submitter); err != nil {
		return err
	}
	if c.Closed {
		return provider.ErrClosed
	}
	return domain.CheckDecision(c.Review, c.Revision, named)
}

// Command is one of the structs below. At is the time of the request.
type Command interface{ command() }

// Claim makes a case the reviewer's for the length of a lease, under the id New. By the reviewer who has it already it is a renewal.
type Claim struct {
	By domain.Party
	// Revision is the one that the reviewer saw.
	Revision domain.ContentRevision
	Case     Case
	// Renews, when given, is the claim that is to be renewed, and none is made instead of it.
	Renews uuid.UUID
	New    uuid.UUID
	At     time.Time
	Lease  time.Duration
}

// HandBack ends the reviewer's claim.
type HandBack struct {
	By uuid.UUID
	At time.Time
}

// TakeOver ends a claim for an operator, and with To gives the case to another reviewer. Claim, when given, is the one that is meant.
type TakeOver struct {
	Claim  uuid.UUID
	Reason string
	// To is nil when the case is to be free. Its Revision is not looked at: the latest is the new claim's.
	To *Claim
	At time.Time
}

// Expire ends a claim whose time is over. Nothing happens when it is not, or when something else has ended it.
type Expire struct {
	Claim uuid.UUID
	At    time.Time
}

// Begin records that a reviewer decides the case. Claim, when given, is the claim under which that is.
type Begin struct {
	By       uuid.UUID
	Kind     string
	Revision domain.ContentRevision
	Claim    uuid.UUID
	At       time.Time
}

func (Claim) command()    {}
func (HandBack) command() {}
func (TakeOver) command() {}
func (Expire) command()   {}
func (Begin) command()    {}

// Refusals. ErrClaimed comes with who holds the case and until when.
var (
	ErrClaimed = domain.Refuse(domain.KindConflict, "case_claimed",
		"该案件已由其他审核人员领取", "another reviewer has claimed the case")
	ErrExpired    = domain.Refuse(domain.KindConflict, "claim_expired", "领取已过期，请重新领取", "the claim's time is over; claim the case again")
	ErrLost       = domain.Refuse(domain.KindConflict, "claim_lost", "该领取已不再有效", "the claim does not hold the case any more")
	ErrNotClaimed = domain.Refuse(domain.KindConflict, "not_claimed", "该案件当前没有被领取", "nobody has claimed the case")
)

// Decider is the claims on one case.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	switch c := c.(type) {
	case Claim:
		return decideClaim(s, c)
	case HandBack:
		return decideHandBack(s, c)
	case TakeOver:
		return decideTakeOver(s, c)
	case Expire:
		if c.Claim != s.Claim {
			return nil, nil
		}
		return s.lapsed(c.At), nil
	case Begin:
		held, err := s.Held(c.By, c.Claim, c.At)
		if err != nil {
			return nil, err
		}
		return append(s.lapsed(c.At), DecisionBegun{Kind: c.Kind, Revision: c.Revision, Reviewer: c.By, Claim: held}), nil
	}
	return nil, fmt.Errorf("claim: unknown command %T", c)
}

func decideClaim(s State, c Claim) ([]domain.Event, error) {
	if err := c.Case.check(c.By, c.Revision); err != nil {
		return nil, err
	}
	held, err := s.Held(c.By.ID, c.Renews, c.At)
	if err != nil {
		return nil, err
	}
	if held == uuid.Nil {
		return append(s.lapsed(c.At), c.made()), nil
	}
	until := c.until()
	if until.Sub(s.Until) < min(renewal, c.Lease/2) {
		return nil, nil
	}
	return []domain.Event{Renewed{Claim: held, Until: until}}, nil
}

func (c Claim) made() domain.Event {
	return Claimed{
		Claim: c.New, Kind: c.Case.Kind, Revision: c.Case.Revision, Reviewer: c.By.ID, Until: c.until(),
	}
}

// until is to the microsecond, as it is shown and compared everywhere.
func (c Claim) until() time.Time { return c.At.Add(c.Lease).UTC().Truncate(time.Microsecond) }

func decideHandBack(s State, c HandBack) ([]domain.Event, error) {
	held, err := s.Held(c.By, uuid.Nil, c.At)
	switch {
	case err != nil:
		return nil, err
	case held != uuid.Nil:
		return []domain.Event{Released{Claim: held}}, nil
	case s.Reviewer == c.By && (s.standing() || s.Ended == EndExpired):
		return nil, ErrExpired
	}
	return nil, ErrNotClaimed
}

func decideTakeOver(s State, c TakeOver) ([]domain.Event, error) {
	var f domain.Fields
	f.Required("/reason", &c.Reason, MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	if err := f.Err(); err != nil {
		return nil, err
	}
	switch {
	case !s.Open(c.At):
		return nil, ErrNotClaimed
	case c.Claim != uuid.Nil && c.Claim != s.Claim:
		return nil, ErrLost
	}
	taken := TakenOver{Claim: s.Claim, Reason: c.Reason}
	if c.To == nil {
		return []domain.Event{taken}, nil
	}
	if err := c.To.Case.check(c.To.By, c.To.Case.Revision); err != nil {
		return nil, err
	}
	if c.To.By.ID == s.Reviewer {
		return nil, nil
	}
	return []domain.Event{taken, c.To.made()}, nil
}

// Evolve folds one event. Of a claim that is not the latest any more, nothing can follow.
func Evolve(s State, e domain.Event) State {
	switch e := e.(type) {
	case Claimed:
		return State{Kind: e.Kind, Claim: e.Claim, Revision: e.Revision, Reviewer: e.Reviewer, Until: e.Until}
	case Renewed:
		s.Until = e.Until
	case Released:
		s.Ended = EndReleased
	case Expired:
		s.Ended = EndExpired
	case TakenOver:
		s.Ended = EndTakenOver
	case DecisionBegun:
		s.Kind = e.Kind
		s.Begun = &Begun{Reviewer: e.Reviewer, Revision: e.Revision, Claim: e.Claim}
		if e.Claim != uuid.Nil {
			s.Ended = EndDecided
		}
	}
	return s
}
