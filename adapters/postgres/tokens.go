package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/access"
)

// Tokens keeps bearer tokens, hashed, in table access.tokens.
type Tokens struct {
	pool *pgxpool.Pool
}

var _ access.Tokens = (*Tokens)(nil)

// NewTokens uses a database that Migrate has prepared.
func NewTokens(pool *pgxpool.Pool) *Tokens { return &Tokens{pool: pool} }

// Issue implements access.Tokens.
func (t *Tokens) Issue(
	ctx context.Context, account uuid.UUID, roles []domain.Role, label string, expires time.Time,
) (access.Secret, error) {
	return t.Keep(ctx, access.Token{ID: uuid.New(), AccountID: account, Roles: roles, Label: label, ExpiresAt: expires})
}

// Keep implements access.Tokens.
func (t *Tokens) Keep(ctx context.Context, token access.Token) (access.Secret, error) {
	secret, err := access.NewSecret(rand.Reader)
	if err != nil {
		return "", err
	}
	hash := secret.Hash()
	_, err = execute(ctx, t.pool, `
		insert into access.tokens (hash, id, account_id, roles, label, created_at, expires_at)
		values ($1, $2, $3, $4, $5, now(), $6)`, hash[:], token.ID, token.AccountID, roleNames(token.Roles), token.Label, token.ExpiresAt)
	if err != nil {
		return "", fmt.Errorf("issue a token: %w", classify(ctx, err))
	}
	return secret, nil
}

const selectTokens = `
	select id, account_id, roles, label, created_at, expires_at, coalesce(revoked_at, '0001-01-01Z') from access.tokens `

func scanToken(row pgx.CollectableRow) (access.Token, error) {
	var t access.Token
	var roles []string
	err := row.Scan(&t.ID, &t.AccountID, &roles, &t.Label, &t.CreatedAt, &t.ExpiresAt, &t.RevokedAt)
	for _, r := range roles {
		t.Roles = append(t.Roles, domain.Role(r))
	}
	t.CreatedAt, t.ExpiresAt, t.RevokedAt = t.CreatedAt.UTC(), t.ExpiresAt.UTC(), t.RevokedAt.UTC()
	return t, err
}

// Authenticate implements access.Tokens with one look-up by primary key.
func (t *Tokens) Authenticate(ctx context.Context, secret access.Secret, now time.Time) (access.Principal, error) {
	if !secret.Valid() {
		return access.Principal{}, access.ErrTokenUnknown
	}
	hash := secret.Hash()
	rows, _ := t.pool.Query(ctx, selectTokens+`where hash = $1`, hash[:])
	token, err := pgx.CollectExactlyOneRow(rows, scanToken)
	if errors.Is(err, pgx.ErrNoRows) {
		return access.Principal{}, access.ErrTokenUnknown
	}
	if err != nil {
		return access.Principal{}, fmt.Errorf("look up a token: %w", classify(ctx, err))
	}
	if err := token.Err(now); err != nil {
		return access.Principal{}, err
	}
	return token.Principal(), nil
}

// Revoke implements access.Tokens.
func (t *Tokens) Revoke(ctx context.Context, id uuid.UUID) error {
	done, err := execute(ctx, t.pool, `update access.tokens set revoked_at = coalesce(revoked_at, now()) where id = $1`, id)
	if err != nil {
		return fmt.Errorf("revoke a token: %w", classify(ctx, err))
	}
	if done.RowsAffected() == 0 {
		return domain.ErrNotFound
	}
	return nil
}

// RevokeAccount implements access.Tokens.
func (t *Tokens) RevokeAccount(ctx context.Context, account uuid.UUID, roles ...domain.Role) error {
	_, err := execute(ctx, t.pool, `
		update access.tokens set revoked_at = now()
		where account_id = $1 and revoked_at is null and (cardinality($2::text[]) = 0 or roles && $2::text[])`,
		account, roleNames(roles))
	if err != nil {
		return fmt.Errorf("revoke the tokens of an account: %w", classify(ctx, err))
	}
	return nil
}

// List implements access.Tokens.
func (t *Tokens) List(ctx context.Context, account uuid.UUID, most int) ([]access.Token, error) {
	// Named in the order, so that the planner does not walk along everybody's.
	return t.collect(ctx, `
		where account_id >= $1 and account_id <= $1 order by account_id desc, created_at desc, id desc limit $2`, account, most)
}

// Newest implements access.Tokens.
func (t *Tokens) Newest(ctx context.Context, most int) ([]access.Token, error) {
	return t.collect(ctx, `order by created_at desc, id desc limit $1`, most)
}

// Named implements access.Tokens.
func (t *Tokens) Named(ctx context.Context, label string) ([]access.Token, error) {
	if id, err := uuid.Parse(label); err == nil {
		return t.collect(ctx, `where id = $1`, id)
	}
	return t.collect(ctx, `where label = $1 order by created_at desc, id`, label)
}

// Unrevoked implements access.Tokens.
func (t *Tokens) Unrevoked(ctx context.Context) ([]access.Token, error) {
	return t.collect(ctx, `where revoked_at is null order by created_at desc, id`)
}

// forgottenTokens bounds one statement of Forget.
const forgottenTokens = 1000

// Forget implements access.Tokens.
func (t *Tokens) Forget(ctx context.Context, before time.Time) (forgotten int, err error) {
	for {
		done, err := execute(ctx, t.pool, `
			delete from access.tokens where hash in (
				select hash from access.tokens where least(expires_at, revoked_at) < $1 order by least(expires_at, revoked_at) limit $2)`,
			before, forgottenTokens)
		if err != nil {
			return forgotten, fmt.Errorf("forget tokens: %w", classify(ctx, err))
		}
		forgotten += int(done.RowsAffected())
		if done.RowsAffected() < forgottenTokens {
			return forgotten, nil
		}
	}
}

func (t *Tokens) collect(ctx context.Context, where string, args ...any) ([]access.Token, error) {
	rows, _ := t.pool.Query(ctx, selectTokens+where, args...)
	tokens, err := pgx.CollectRows(rows, scanToken)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", classify(ctx, err))
	}
	return tokens, nil
}

func roleNames(roles []domain.Role) []string {
	names := make([]string, 0, len(roles))
	for _, r := range roles {
		names = append(names, string(r))
	}
	return names
}
