package webhook

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Limits of webhooks.
const (
	// MaxHooks is how many a provider may have at a time, and the operators together; those that were removed do not count.
	MaxHooks = 10
	// MaxURL is in bytes, MaxLabel in code points.
	MaxURL   = 500
	MaxLabel = 100
	// MaxOverlap is the longest time for which an earlier secret signs beside the one that follows it, and DefaultOverlap what it is
	// unless somebody says otherwise.
	MaxOverlap     = 7 * 24 * time.Hour
	DefaultOverlap = 24 * time.Hour
	// MaxSecrets is how many secrets sign at a time.
	MaxSecrets = 3
)

// Gone is the reason of a pause that Waybill makes by itself, when the receiver answered 410.
const Gone = "gone"

// Standing is what becomes of deliveries.
type Standing string

// The standings; empty before the registration.
const (
	Active Standing = "active"
	OnHold Standing = "paused"
	Ended  Standing = "removed"
)

// State is one webhook.
type State struct {
	Owner uuid.UUID `json:"owner"`
	Target
	Standing Standing `json:"standing,omitempty"`
	// Reason is why it is paused, or was removed.
	Reason string `json:"reason,omitempty"`
	// Secret is the id of the newest one, and Retiring are those before it, the newest first, with which deliveries are signed as well.
	Secret   uuid.UUID  `json:"secret"`
	Retiring []Retiring `json:"retiring,omitempty"`
}

// Retiring is an earlier secret.
type Retiring struct {
	Secret uuid.UUID `json:"secret"`
	Until  time.Time `json:"until"`
}

// Exists reports whether it was ever registered.
func (s State) Exists() bool { return s.Standing != "" }

// Signing are the ids of the secrets that deliveries are signed with at a time, the newest first.
func (s State) Signing(at time.Time) []uuid.UUID {
	if !s.Exists() || s.Standing == Ended {
		return nil
	}
	all := []uuid.UUID{s.Secret}
	for _, r := range s.Retiring {
		if at.Before(r.Until) {
			all = append(all, r.Secret)
		}
	}
	return all
}

// Wants reports whether it is to be told of events of a type.
func (t Target) Wants(eventType string) bool {
	return len(t.Types) == 0 || slices.Contains(t.Types, eventType)
}

// By is on whose behalf a command comes: a provider's, or an operator's.
type By struct {
	Provider uuid.UUID
	Operator bool
}

// owns reports whether the hook is told of the caller's own; of all, for an operator.
func (b By) owns(s State) bool {
	if b.Operator {
		return s.Owner == uuid.Nil
	}
	return s.Owner == b.Provider && b.Provider != uuid.Nil
}

// Command is one of those below.
type Command interface{ command() }

// Register makes a hook of the caller's.
type Register struct {
	By     By
	Target Target
	Secret uuid.UUID
	Rules  Rules
	// Others is how many hooks the owner has.
	Others int
}

// Change gives a hook another target.
type Change struct {
	By     By
	Target Target
	Rules  Rules
}

// RotateSecret signs with another secret, and for Overlap with those before it as well.
type RotateSecret struct {
	By      By
	Secret  uuid.UUID
	Overlap time.Duration
	At      time.Time
}

// Pause keeps what happens until the hook is resumed.
type Pause struct {
	By     By
	Reason string
}

// Resume has deliveries go on.
type Resume struct{ By By }

// Remove ends a hook for good.
type Remove struct {
	By     By
	Reason string
}

func (Register) command()     {}
func (Change) command()       {}
func (RotateSecret) command() {}
func (Pause) command()        {}
func (Resume) command()       {}
func (Remove) command()       {}

// Refusals of webhooks.
var (
	ErrExists = domain.Refuse(domain.KindConflict, "webhook_exists", "该回调已存在", "there is such a webhook")
	ErrLimit  = domain.Refuse(domain.KindConflict, "webhook_limit_reached",
		fmt.Sprintf("回调最多%d个，请先删除不用的", MaxHooks), fmt.Sprintf("there may be %d webhooks at most; remove one first", MaxHooks))
	ErrRemoved    = domain.Refuse(domain.KindConflict, "webhook_removed", "该回调已删除", "the webhook was removed")
	ErrManySecret = domain.Refuse(domain.KindConflict, "too_many_secrets",
		"同时有效的密钥过多，请等待旧密钥失效，或立即停用旧密钥", "too many secrets are valid at once; wait for one to retire, or retire them now")
)

// Decider is one webhook.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide refuses with domain.ErrNotFound whoever is not to know of the hook, and with domain.ErrForbidden an operator what is only its
// provider's to do; with ErrLimit, ErrRemoved and ErrManySecret as they say.
func Decide(s State, c Command) ([]domain.Event, error) {
	if c, ok := c.(Register); ok {
		return decideRegister(s, c)
	}
	switch c := c.(type) {
	case Change:
		if err := s.check(c.By, true); err != nil {
			return nil, err
		}
		target, err := c.Rules.clean(c.Target)
		if err != nil || target.equal(s.Target) {
			return nil, err
		}
		return []domain.Event{Changed{Target: target}}, nil
	case RotateSecret:
		if err := s.check(c.By, true); err != nil {
			return nil, err
		}
		return decideRotate(s, c)
	case Pause:
		if err := s.check(c.By, false); err != nil {
			return nil, err
		}
		err := checkReason(&c.Reason)
		if err != nil || s.Standing == OnHold {
			return nil, err
		}
		return []domain.Event{Paused{Reason: c.Reason}}, nil
	case Resume:
		if err := s.check(c.By, false); err != nil || s.Standing == Active {
			return nil, err
		}
		return []domain.Event{Resumed{}}, nil
	case Remove:
		if err := s.check(c.By, false); err != nil {
			return nil, err
		}
		if err := checkReason(&c.Reason); err != nil {
			return nil, err
		}
		return []domain.Event{Removed{Reason: c.Reason}}, nil
	}
	return nil, fmt.Errorf("webhook: unknown command %T", c)
}

func checkReason(reason *string) error {
	var f domain.Fields
	f.Required("/reason", reason, domain.MaxReasonNote, domain.Text{ZH: "原因", EN: "reason"})
	return f.Err()
}

// check says who may: for what is the owner's alone, not even an operator.
func (s State) check(by By, ownerOnly bool) error {
	switch {
	case !s.Exists(), !by.Operator && !by.owns(s):
		return domain.ErrNotFound
	case ownerOnly && !by.owns(s):
		return domain.ErrForbidden
	case s.Standing == Ended:
		return ErrRemoved
	}
	return nil
}

func decideRegister(s State, c Register) ([]domain.Event, error) {
	target, err := c.Rules.clean(c.Target)
	switch {
	case s.Exists():
		return nil, ErrExists
	case err != nil:
		return nil, err
	case c.Others >= MaxHooks:
		return nil, ErrLimit
	}
	owner := c.By.Provider
	if c.By.Operator {
		owner = uuid.Nil
	}
	return []domain.Event{Registered{Owner: owner, Target: target, Secret: c.Secret}}, nil
}

func decideRotate(s State, c RotateSecret) ([]domain.Event, error) {
	if c.Overlap < 0 || c.Overlap > MaxOverlap {
		var f domain.Fields
		f.Add("/overlap_seconds", "out_of_range", fmt.Sprintf("须为0至%d秒", int(MaxOverlap.Seconds())),
			fmt.Sprintf("must be from 0 to %d seconds", int(MaxOverlap.Seconds())))
		return nil, f.Err()
	}
	if c.Overlap > 0 && len(s.Signing(c.At)) >= MaxSecrets {
		return nil, ErrManySecret
	}
	// Cut to the microsecond in which times are shown and kept.
	return []domain.Event{SecretRotated{Secret: c.Secret, RetiresAt: c.At.Add(c.Overlap).UTC().Truncate(time.Microsecond)}}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	switch e := e.(type) {
	case Registered:
		s = State{Owner: e.Owner, Target: e.Target, Standing: Active, Secret: e.Secret}
	case Changed:
		s.Target = e.Target
	case SecretRotated:
		// None signs for longer than the rotation allows: with no overlap, all earlier ones end at once.
		retiring := []Retiring{{Secret: s.Secret, Until: e.RetiresAt}}
		for _, r := range s.Retiring {
			if r.Until.After(e.RetiresAt) {
				r.Until = e.RetiresAt
			}
			retiring = append(retiring, r)
		}
		s.Secret, s.Retiring = e.Secret, retiring[:min(len(retiring), MaxSecrets)]
	case Paused:
		s.Standing, s.Reason = OnHold, e.Reason
	case Resumed:
		s.Standing, s.Reason = Active, ""
	case Removed:
		s.Standing, s.Reason, s.Retiring = Ended, e.Reason, nil
	}
	return s
}
