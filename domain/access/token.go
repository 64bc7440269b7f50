// Package access says what a bearer token is and what it stands for.
package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Secret is a bearer token as its owner sends it: "wb_" and 256 random bits in base64url. Only its hash is kept.
type Secret string

const (
	secretPrefix = "wb_"
	secretBytes  = 32
)

// NewSecret draws a secret from random, which must be fit for keys.
func NewSecret(random io.Reader) (Secret, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw a token: %w", err)
	}
	return Secret(secretPrefix + base64.RawURLEncoding.EncodeToString(raw[:])), nil
}

// Hash is what a token is looked up by. So many random bits need no salt.
func (s Secret) Hash() [sha256.Size]byte { return sha256.Sum256([]byte(s)) }

// Valid reports whether s has the shape of a token, so that anything else costs no look-up.
func (s Secret) Valid() bool {
	return len(s) == len(secretPrefix)+base64.RawURLEncoding.EncodedLen(secretBytes) && s[:len(secretPrefix)] == secretPrefix
}

// LogValue keeps a secret out of the log.
func (s Secret) LogValue() slog.Value { return slog.StringValue(secretPrefix + "…") }

// Principal is who a valid token speaks for.
type Principal struct {
	AccountID uuid.UUID
	Roles     []domain.Role
	// TokenID names the token in lists, logs and revocations; it is no secret.
	TokenID   uuid.UUID
	ExpiresAt time.Time
}

// Has reports whether the token was issued for a role.
func (p Principal) Has(role domain.Role) bool { return slices.Contains(p.Roles, role) }

// Token is what is known of an issued token.
type Token struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Roles     []domain.Role
	Label     string
	CreatedAt time.Time
	ExpiresAt time.Time
	// RevokedAt is zero while the token is not revoked.
	RevokedAt time.Time
}

// Err says why a token is not valid at a time; nil when it is.
func (t Token) Err(now time.Time) error {
	switch {
	case !t.RevokedAt.IsZero():
		return ErrTokenRevoked
	case !now.Before(t.ExpiresAt):
		return ErrTokenExpired
	}
	return nil
}

// Principal is who the token speaks for, valid or not.
func (t Token) Principal() Principal {
	return Principal{AccountID: t.AccountID, Roles: t.Roles, TokenID: t.ID, ExpiresAt: t.ExpiresAt}
}

// Tokens keeps bearer tokens.
type Tokens interface {
	// Issue makes a token of an account for some of its roles; the secret is shown this once.
	Issue(ctx context.Context, account uuid.UUID, roles []domain.Role, label string, expires time.Time) (Secret, error)
	// Keep is Issue for a token that has its id already; ExpiresAt is its end, and CreatedAt is now whatever it says.
	Keep(ctx context.Context, t Token) (Secret, error)
	// Authenticate finds whom a secret speaks for. Errors: ErrTokenUnknown, ErrTokenExpired, ErrTokenRevoked.
	Authenticate(ctx context.Context, secret Secret, now time.Time) (Principal, error)
	// Revoke ends one token for good; revoking it again changes nothing. Errors: domain.ErrNotFound.
	Revoke(ctx context.Context, id uuid.UUID) error
	// RevokeAccount ends an account's tokens: those with any of the roles, or all when none is named.
	RevokeAccount(ctx context.Context, account uuid.UUID, roles ...domain.Role) error
	// List returns up to so many of an account's tokens, newest first, the dead ones too.
	List(ctx context.Context, account uuid.UUID, most int) ([]Token, error)
	// Newest returns those of all accounts, as List does.
	Newest(ctx context.Context, most int) ([]Token, error)
	// Named returns the token of an id, or all that have a label, newest first, the dead ones too.
	Named(ctx context.Context, label string) ([]Token, error)
	// Unrevoked returns all that nobody has revoked, newest first, the expired ones too.
	Unrevoked(ctx context.Context) ([]Token, error)
	// Forget removes the tokens that expired or were revoked before a time, and returns how many.
	Forget(ctx context.Context, before time.Time) (int, error)
}

// Refusals of a token.
var (
	ErrTokenUnknown = domain.Refuse(domain.KindUnauthorized, "token_unknown", "访问令牌无效", "the bearer token is not valid")
	ErrTokenExpired = domain.Refuse(domain.KindUnauthorized, "token_expired",
		"访问令牌已过期，请重新获取", "the bearer token has expired; get a new one")
	ErrTokenRevoked = domain.Refuse(domain.KindUnauthorized, "token_revoked", "访问令牌已被撤销", "the bearer token was revoked")
)
