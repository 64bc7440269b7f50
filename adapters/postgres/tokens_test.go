package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/access"
)

func TestTokens(t *testing.T) {
	ctx := t.Context()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	tokens := postgres.NewTokens(pool)
	account, now := uuid.New(), time.Now()
	issue := func(account uuid.UUID, ttl time.Duration, roles ...domain.Role) access.Secret {
		t.Helper()
		secret, err := tokens.Issue(ctx, account, roles, "a test's", now.Add(ttl))
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	expect := func(secret access.Secret, want error) access.Principal {
		t.Helper()
		p, err := tokens.Authenticate(ctx, secret, now)
		if !errors.Is(err, want) || (want == nil && err != nil) {
			t.Errorf("got %v, want %v", err, want)
		}
		return p
	}
	reviewer := issue(account, time.Hour, domain.RoleReviewer)
	both := issue(account, time.Hour, domain.RoleReviewer, domain.RoleAuditor)
	auditor := issue(account, time.Hour, domain.RoleAuditor)
	other := issue(uuid.New(), time.Hour, domain.RoleReviewer)

	p := expect(both, nil)
	if p.AccountID != account || !slices.Equal(p.Roles, []domain.Role{domain.RoleReviewer, domain.RoleAuditor}) || p.TokenID == uuid.Nil ||
		p.ExpiresAt.Sub(now.Add(time.Hour)).Abs() > time.Millisecond {
		t.Errorf("got %+v", p)
	}
	if !p.Has(domain.RoleAuditor) || p.Has(domain.RoleOperator) {
		t.Errorf("roles of %+v", p)
	}
	expect("wb_"+access.Secret(make([]byte, 43)), access.ErrTokenUnknown)
	expect("x", access.ErrTokenUnknown)
	expect(issue(account, -time.Second, domain.RoleAuditor), access.ErrTokenExpired)

	if err := tokens.RevokeAccount(ctx, account, domain.RoleReviewer); err != nil {
		t.Fatal(err)
	}
	expect(reviewer, access.ErrTokenRevoked)
	expect(both, access.ErrTokenRevoked)
	expect(other, nil)
	id := expect(auditor, nil).TokenID
	var revoked [2]time.Time // the second time is too late to change anything
	for i := range revoked {
		if err := tokens.Revoke(ctx, id); err != nil {
			t.Fatal(err)
		}
		list, err := tokens.List(ctx, account, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range list {
			if token.ID == id {
				revoked[i] = token.RevokedAt
			}
		}
	}
	if revoked[0].IsZero() || revoked[0] != revoked[1] {
		t.Errorf("revoked at %v, then at %v", revoked[0], revoked[1])
	}
	expect(auditor, access.ErrTokenRevoked)
	if err := tokens.Revoke(ctx, uuid.New()); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("revoking an unknown token: %v", err)
	}
	last := issue(account, time.Hour, domain.RoleEnterprise)
	if err := tokens.RevokeAccount(ctx, account); err != nil {
		t.Fatal(err)
	}
	expect(last, access.ErrTokenRevoked)

	list, err := tokens.List(ctx, account, 1000)
	if err != nil || len(list) != 5 {
		t.Fatalf("%d tokens, %v", len(list), err)
	}
	if list[0].Roles[0] != domain.RoleEnterprise || list[0].RevokedAt.IsZero() || list[0].Label != "a test's" {
		t.Errorf("got %+v", list[0])
	}
	if i := slices.IndexFunc(list, func(t access.Token) bool { return errors.Is(t.Err(now), access.ErrTokenExpired) }); i >= 0 {
		t.Error("an expired token was not revoked with its account")
	}
}

func TestNoSecretIsStored(t *testing.T) {
	ctx := t.Context()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	secret, err := postgres.NewTokens(pool).Issue(ctx, uuid.New(), nil, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var rows, found int
	err = pool.QueryRow(ctx, `
		select count(*), count(*) filter (where t::text like '%' || $1 || '%' or strpos(encode(hash, 'escape'), $1) > 0 or position($2::bytea in hash) > 0)
		from access.tokens t`, string(secret[3:]), []byte(secret[3:])).Scan(&rows, &found)
	if err != nil || rows != 1 || found != 0 {
		t.Errorf("found in %d of %d rows, %v", found, rows, err)
	}
}
