package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/access"
)

// MaxTokenLabel bounds the name of a token, in code points.
const MaxTokenLabel = 100

// Token is a bearer token as the account's history knows it. Its secret, and the secret's hash, are nowhere in the log.
type Token struct {
	ID uuid.UUID `json:"id"`
	// Label is its name, for people.
	Label     string        `json:"label"`
	Roles     []domain.Role `json:"roles"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// IssueToken makes a token known. At is now, and Longest the most that may lie between now and the token's end.
type IssueToken struct {
	Token   Token
	At      time.Time
	Longest time.Duration
}

// RevokeToken ends a token. One that the history does not know, from before tokens were in it, is ended all the same.
type RevokeToken struct {
	Token  Token
	Reason string
}

func (IssueToken) command()  {}
func (RevokeToken) command() {}

// ErrRoleNotHeld says that a token names a role that its account does not hold (any more).
var ErrRoleNotHeld = domain.Refuse(domain.KindForbidden, "role_not_held", "该账号不具备此角色", "the account does not hold this role")

// CheckToken refuses a token that the account has outlived, or that outlived the account: access.ErrTokenUnknown,
// access.ErrTokenRevoked, ErrClosed. Whether it holds the token's roles is Holds' to say.
func (s State) CheckToken(id uuid.UUID) error {
	switch {
	case !s.Exists:
		return access.ErrTokenUnknown
	case s.Closed:
		return ErrClosed
	case slices.Contains(s.RevokedTokens, id):
		return access.ErrTokenRevoked
	}
	return nil
}

func decideIssueToken(s State, c IssueToken) ([]domain.Event, error) {
	var f domain.Fields
	f.Line("/label", &c.Token.Label, MaxTokenLabel, domain.Text{ZH: "令牌名称", EN: "token name"})
	if len(c.Token.Roles) == 0 {
		f.Add("/roles", "required", "请指定角色", "name at least one role")
	}
	CheckLifetime(&f, c.Token.ExpiresAt.Sub(c.At), c.Longest)
	if err := f.Err(); err != nil {
		return nil, err
	}
	for _, role := range c.Token.Roles {
		if !s.Holds(role) {
			return nil, ErrRoleNotHeld
		}
	}
	c.Token.Roles = slices.Compact(slices.Sorted(slices.Values(c.Token.Roles)))
	c.Token.ExpiresAt = c.Token.ExpiresAt.UTC()
	return []domain.Event{TokenIssued(c.Token)}, nil
}

// CheckLifetime notes a lifetime of a token that is dead at birth, or longer than the longest.
func CheckLifetime(f *domain.Fields, lifetime, longest time.Duration) {
	switch {
	case lifetime <= 0:
		f.Add("/expires_at", "not_in_future", "令牌的有效期必须晚于现在", "a token must live for some time: it would be dead at birth")
	case lifetime > longest:
		f.Add("/expires_at", "too_long", "令牌的有效期超过上限 "+longest.String(), "a token may live for "+longest.String()+" at most")
	}
}

// stillReads reports whether a token outlives the account's end: with its enterprise's one can go on to read what that did.
func (s State) stillReads(t Token) bool {
	return s.Enterprise != nil && slices.Contains(t.Roles, domain.RoleEnterprise)
}

func decideRevokeToken(s State, c RevokeToken) ([]domain.Event, error) {
	var f domain.Fields
	if c.Reason != "" {
		f.Required("/reason", &c.Reason, MaxReason, domain.Text{ZH: "原因", EN: "reason"})
	}
	if err := f.Err(); err != nil || slices.Contains(s.RevokedTokens, c.Token.ID) {
		return nil, err
	}
	t := c.Token
	if i := slices.IndexFunc(s.Tokens, func(known Token) bool { return known.ID == t.ID }); i >= 0 {
		t = s.Tokens[i]
	}
	return []domain.Event{TokenRevoked{ID: t.ID, Label: t.Label, Roles: t.Roles, ExpiresAt: t.ExpiresAt.UTC(), Reason: c.Reason}}, nil
}

// endTokens moves the tokens for which ends is true to the revoked ones.
func (s *State) endTokens(ends func(Token) bool) {
	var left []Token
	revoked := slices.Clone(s.RevokedTokens)
	for _, t := range s.Tokens {
		if ends(t) {
			revoked = append(revoked, t.ID)
		} else {
			left = append(left, t)
		}
	}
	s.Tokens, s.RevokedTokens = left, revoked
}
