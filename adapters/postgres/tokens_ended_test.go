package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// TestTokensThatEndedAreForgotten: those that expired or were revoked before a time, and no others; the rest is found by name and id.
func TestTokensThatEndedAreForgotten(t *testing.T) {
	ctx, pool := t.Context(), pgtest.Database(t, "tokens", postgres.Migrate)
	tokens, account := postgres.NewTokens(pool), uuid.New()
	now := time.Now()
	for label, expires := range map[string]time.Time{
		"expired": now.Add(-2 * time.Hour), "just expired": now.Add(-time.Minute), "valid": now.Add(time.Hour), "revoked": now.Add(time.Hour),
	} {
		if _, err := tokens.Issue(ctx, account, []domain.Role{domain.RoleAuditor}, label, expires); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `update access.tokens set revoked_at = now() - interval '2 hours' where label = 'revoked'`); err != nil {
		t.Fatal(err)
	}
	if n, err := tokens.Forget(ctx, now.Add(-time.Hour)); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	left, err := tokens.Newest(ctx, 10)
	if err != nil || len(left) != 2 {
		t.Errorf("%+v, %v", left, err)
	}
	named, err := tokens.Named(ctx, "valid")
	if err != nil || len(named) != 1 {
		t.Fatalf("%+v, %v", named, err)
	}
	byID, err := tokens.Named(ctx, named[0].ID.String())
	if err != nil || len(byID) != 1 || byID[0].Label != "valid" {
		t.Errorf("%+v, %v", byID, err)
	}
	if one, err := tokens.List(ctx, account, 1); err != nil || len(one) != 1 {
		t.Errorf("%+v, %v", one, err)
	}
}
