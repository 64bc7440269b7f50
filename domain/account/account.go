package account

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/uscc"
)

// Category names the streams of accounts.
const Category = "account"

// Limits of what is typed, in code points.
const (
	MaxDisplayName = 100
	MaxReason      = 500
	// MaxAsserted bounds the names that a certifying authority asserts (Q7).
	MaxAsserted = 100
)

// State is one account.
type State struct {
	Exists      bool   `json:"exists"`
	DisplayName string `json:"display_name"`
	// Enterprise is nil until the account is certified.
	Enterprise *Enterprise `json:"enterprise,omitempty"`
	// Roles are the staff roles it holds, sorted.
	Roles  []domain.Role `json:"roles,omitempty"`
	Closed bool          `json:"closed"`
	// Tokens are those issued and not revoked, oldest first; the expired ones are among them.
	Tokens []Token `json:"tokens,omitempty"`
	// RevokedTokens are the ids of those that ended otherwise.
	RevokedTokens []uuid.UUID `json:"revoked_tokens,omitempty"`
}

// Holds reports whether the account may act in role. RoleProvider depends on its provider, not on the account: never here.
func (s State) Holds(role domain.Role) bool {
	if !s.Exists || s.Closed {
		return false
	}
	if role == domain.RoleEnterprise {
		return s.Enterprise != nil
	}
	return slices.Contains(s.Roles, role)
}

// Certified is the enterprise the account acts for, or the refusal ErrClosed or ErrNotCertified.
func (s State) Certified() (Enterprise, error) {
	switch {
	case s.Closed:
		return Enterprise{}, ErrClosed
	case s.Enterprise == nil:
		return Enterprise{}, ErrNotCertified
	}
	return *s.Enterprise, nil
}

// Command is one of the structs below.
type Command interface{ command() }

// Open opens an account. What else is given happens in the same moment, or nothing does.
type Open struct {
	DisplayName string
	// Certify is the enterprise it is certified for; nil for none.
	Certify *Certify
	// Roles are the staff roles it is given.
	Roles []domain.Role
	// Token is the first token that it is issued; nil for none.
	Token *IssueToken
}

// Certify records what an authority asserts about the account's enterprise. Again, it updates the names; the code stays (Q8).
type Certify struct {
	Enterprise Enterprise
	Source     string
}

// GrantRole gives a staff role.
type GrantRole struct{ Role domain.Role }

// RevokeRole takes a staff role back.
type RevokeRole struct {
	Role   domain.Role
	Reason string
}

// Close ends the account for good.
type Close struct {
	Reason string
	// HasProvider says that the account's provider is not closed: its products would stay public with nobody to answer.
	HasProvider bool
}

func (Open) command()       {}
func (Certify) command()    {}
func (GrantRole) command()  {}
func (RevokeRole) command() {}
func (Close) command()      {}

// Refusals.
var (
	ErrExists       = domain.Refuse(domain.KindConflict, "account_exists", "该账号已存在", "the account exists already")
	ErrClosed       = domain.Refuse(domain.KindForbidden, "account_closed", "该账号已注销", "the account is closed")
	ErrNotCertified = domain.Refuse(domain.KindForbidden, "enterprise_not_certified",
		"请先完成企业认证", "the account's enterprise is not certified yet")
	ErrHasProvider = domain.Refuse(domain.KindConflict, "account_has_provider",
		"请先关闭该账号的服务商", "close the account's provider first")
	ErrOtherEnterprise = domain.Refuse(domain.KindConflict, "certified_for_another_enterprise",
		"该账号已认证为其他企业", "the account is certified for another enterprise")
)

// Decider is the account aggregate.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	if open, ok := c.(Open); ok {
		return decideOpen(s, open)
	}
	if !s.Exists {
		return nil, domain.ErrNotFound
	}
	if s.Closed {
		switch c := c.(type) {
		case Close:
			return nil, nil
		case RevokeToken:
			if !s.stillReads(c.Token) {
				return nil, nil // it ended with the account
			}
			return decideRevokeToken(s, c)
		}
		return nil, ErrClosed
	}
	switch c := c.(type) {
	case Certify:
		return decideCertify(s, c)
	case GrantRole:
		if err := checkRole(c.Role); err != nil || slices.Contains(s.Roles, c.Role) {
			return nil, err
		}
		return []domain.Event{RoleGranted(c)}, nil
	case RevokeRole:
		if err := checkRole(c.Role); err != nil {
			return nil, err
		}
		if err := cleanReason(&c.Reason); err != nil || !slices.Contains(s.Roles, c.Role) {
			return nil, err
		}
		return []domain.Event{RoleRevoked(c)}, nil
	case IssueToken:
		return decideIssueToken(s, c)
	case RevokeToken:
		return decideRevokeToken(s, c)
	case Close:
		if err := cleanReason(&c.Reason); err != nil {
			return nil, err
		}
		if c.HasProvider {
			return nil, ErrHasProvider
		}
		return []domain.Event{Closed{Reason: c.Reason}}, nil
	}
	return nil, fmt.Errorf("account: unknown command %T", c)
}

func decideOpen(s State, c Open) ([]domain.Event, error) {
	if s.Exists {
		return nil, ErrExists
	}
	var f domain.Fields
	f.Line("/display_name", &c.DisplayName, MaxDisplayName, domain.Text{ZH: "名称", EN: "display name"})
	if err := f.Err(); err != nil {
		return nil, err
	}
	happened := []domain.Event{Opened{DisplayName: c.DisplayName}}
	s = Evolve(s, happened[0])
	for _, next := range c.more() {
		facts, err := Decide(s, next)
		if err != nil {
			return nil, err
		}
		for _, fact := range facts {
			s = Evolve(s, fact)
		}
		happened = append(happened, facts...)
	}
	return happened, nil
}

// more is what is to happen to the account just opened.
func (c Open) more() []Command {
	var more []Command
	if c.Certify != nil {
		more = append(more, *c.Certify)
	}
	for _, role := range c.Roles {
		more = append(more, GrantRole{Role: role})
	}
	if c.Token != nil {
		more = append(more, *c.Token)
	}
	return more
}

func decideCertify(s State, c Certify) ([]domain.Event, error) {
	if err := c.Enterprise.Clean(); err != nil {
		return nil, err
	}
	if s.Enterprise != nil && s.Enterprise.USCC != c.Enterprise.USCC {
		return nil, ErrOtherEnterprise
	}
	if s.Enterprise != nil && *s.Enterprise == c.Enterprise {
		return nil, nil
	}
	return []domain.Event{Certified(c)}, nil
}

// Clean cleans the asserted values in place and reports all that is wrong with them.
func (e *Enterprise) Clean() error {
	var f domain.Fields
	f.Line("/name", &e.Name, MaxAsserted, domain.Text{ZH: "企业名称", EN: "enterprise name"})
	uscc.Clean(&f, "/uscc", &e.USCC)
	f.Line("/legal_representative", &e.LegalRepresentative, MaxAsserted, domain.Text{ZH: "法定代表人", EN: "legal representative"})
	return f.Err()
}

func checkRole(role domain.Role) error {
	switch role {
	case domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator:
		return nil
	case domain.RoleEnterprise, domain.RoleProvider, domain.RoleSystem:
	}
	var f domain.Fields
	f.Add("/role", "unknown_role", "角色只能是 reviewer、auditor 或 operator", "must be reviewer, auditor or operator")
	return f.Err()
}

func cleanReason(reason *string) error {
	var f domain.Fields
	f.Required("/reason", reason, MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	return f.Err()
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	switch e := e.(type) {
	case Opened:
		s.Exists, s.DisplayName = true, e.DisplayName
	case Certified:
		s.Enterprise = &e.Enterprise
	case RoleGranted:
		if !slices.Contains(s.Roles, e.Role) {
			s.Roles = append(slices.Clone(s.Roles), e.Role)
			slices.Sort(s.Roles)
		}
	case RoleRevoked:
		s.Roles = slices.DeleteFunc(slices.Clone(s.Roles), func(r domain.Role) bool { return r == e.Role })
		s.endTokens(func(t Token) bool { return slices.Contains(t.Roles, e.Role) })
	case TokenIssued:
		s.Tokens = append(slices.Clone(s.Tokens), Token(e))
	case TokenRevoked:
		s.Tokens = slices.DeleteFunc(slices.Clone(s.Tokens), func(t Token) bool { return t.ID == e.ID })
		s.RevokedTokens = append(slices.Clone(s.RevokedTokens), e.ID)
	case Closed:
		s.Closed = true
		// An enterprise's goes on to read what that did.
		s.endTokens(func(t Token) bool { return !slices.Contains(t.Roles, domain.RoleEnterprise) })
	}
	return s
}
