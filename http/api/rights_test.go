package api_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/commands"
)

// issued is a token that is in the log and in the table.
func (w *world) issued(id uuid.UUID, roles ...domain.Role) (as, account.Token, error) {
	w.t.Helper()
	req := w.request()
	out, err := w.commands.IssueToken(context.Background(), req, id,
		account.Token{Label: "test", Roles: roles, ExpiresAt: req.At.Add(time.Hour)}, time.Hour)
	if err != nil {
		return as{}, account.Token{}, err
	}
	t, err := commands.IssuedBy(req, out)
	if err != nil {
		w.t.Fatal(err)
	}
	secret, err := w.tokens.Keep(context.Background(),
		access.Token{ID: t.ID, AccountID: id, Roles: roles, Label: t.Label, ExpiresAt: t.ExpiresAt})
	if err != nil {
		w.t.Fatal(err)
	}
	return as{id: id, token: string(secret)}, t, nil
}

// A token is of use only while its account is open and holds its roles, whatever a restored table of tokens says.
func TestNoTokenOutlivesItsAccountOrRole(t *testing.T) {
	w := start(t)
	admin := w.staff(domain.RoleReviewer)
	owner := w.provider(admin)
	ctx := t.Context()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	type subject struct {
		known, old as // one that the log knows, one from before tokens were in it
		token      account.Token
	}
	for name, test := range map[string]struct {
		what       func(s subject)
		status     int
		code       string // of the token that the log knows
		oldStatus  int
		oldsAnswer string
	}{
		"nothing": {func(subject) {}, 200, "", 200, ""},
		"account closed": {func(s subject) {
			_, err := w.commands.CloseAccount(ctx, w.request(), s.known.id, "离职")
			try(err)
		}, 403, "account_closed", 403, "account_closed"},
		"role revoked": {func(s subject) {
			_, err := w.commands.RevokeRole(ctx, w.request(), s.known.id, domain.RoleReviewer, "调岗")
			try(err)
		}, 401, "token_revoked", 403, "role_not_held"},
		"role revoked and granted again": {func(s subject) {
			_, err := w.commands.RevokeRole(ctx, w.request(), s.known.id, domain.RoleReviewer, "调岗")
			try(err)
			_, err = w.commands.GrantRole(ctx, w.request(), s.known.id, domain.RoleReviewer)
			try(err)
		}, 401, "token_revoked", 200, ""},
		"token revoked": {func(s subject) {
			_, err := w.commands.RevokeToken(ctx, w.request(), s.known.id, s.token, "遗失")
			try(err)
		}, 401, "token_revoked", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reviewer := w.staff(domain.RoleReviewer)
			known, token, err := w.issued(reviewer.id, domain.RoleReviewer)
			try(err)
			test.what(subject{known, reviewer, token})
			try(w.tokens.RevokeAccount(ctx, reviewer.id))
			// The table of tokens is put back to an older backup.
			_, err = w.pool.Exec(ctx, `update access.tokens set revoked_at = null where account_id = $1`, reviewer.id)
			try(err)
			for who, want := range map[as]struct {
				status int
				code   string
			}{known: {test.status, test.code}, reviewer: {test.oldStatus, test.oldsAnswer}} {
				id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
				for _, call := range []struct {
					method, path string
					body         any
				}{
					{"GET", "/api/v1/me", nil},
					{"GET", "/api/v1/review/queue", nil},
					{"POST", "/api/v1/review/products/" + id + "/approve", m{"revision": 1}},
				} {
					got := w.do(who, call.method, call.path, call.body).is(want.status)
					if want.code != "" && got.text("code") != want.code {
						t.Errorf("%s: %s, want %s", call.path, got.text("code"), want.code)
					}
				}
			}
		})
	}
}

// A token of an account that the log does not know is nobody's.
func TestATokenOfNobody(t *testing.T) {
	w := start(t)
	for _, role := range []domain.Role{domain.RoleEnterprise, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator} {
		w.do(w.token(uuid.New(), time.Hour, role), "GET", "/api/v1/me", nil).refuses(401, "token_unknown")
	}
}

// Roles that the account does not hold any more are not shown, and do nothing; the others stay.
func TestATokenOfTwoRolesOfWhichOneIsLeft(t *testing.T) {
	w := start(t)
	who := w.staff(domain.RoleReviewer)
	who = w.token(who.id, time.Hour, domain.RoleReviewer, domain.RoleAuditor) // one that the account never held
	if got := w.do(who, "GET", "/api/v1/me", nil).is(200); got.count("roles") != 1 || got.text("roles", 0) != "reviewer" {
		t.Errorf("got %s", got.body)
	}
	w.do(who, "GET", "/api/v1/audit/events", nil).refuses(403, "forbidden")
	w.do(who, "GET", "/api/v1/review/queue", nil).is(200)
}

// Tokens issued in the very moment in which their account is closed are refused at birth, or die with it.
func TestIssuingBesideClosing(t *testing.T) {
	w := start(t)
	for range 10 {
		reviewer := w.staff(domain.RoleReviewer)
		var issued sync.WaitGroup
		tokens := make([]as, 4)
		for i := range tokens {
			issued.Go(func() {
				who, _, err := w.issued(reviewer.id, domain.RoleReviewer)
				if err != nil && err.Error() != account.ErrClosed.Error() {
					t.Error(err)
				}
				tokens[i] = who
			})
		}
		if _, err := w.commands.CloseAccount(t.Context(), w.request(), reviewer.id, "离职"); err != nil {
			t.Fatal(err)
		}
		issued.Wait()
		for _, who := range tokens {
			if who.token != "" {
				w.do(who, "GET", "/api/v1/review/queue", nil).refuses(403, "account_closed")
			}
		}
	}
}

// Who submits again and again is told when to come back.
func TestSubmittingTooOften(t *testing.T) {
	w := start(t)
	owner := w.provider(w.staff(domain.RoleReviewer))
	product := "/api/v1/provider/products/" + w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	for _, c := range []struct {
		path string
		body m
	}{{product, content()}, {"/api/v1/provider/application", w.profile()}} {
		for range 9 {
			w.do(owner, "PUT", c.path, c.body).is(200)
		}
		if c.path != product {
			w.do(owner, "PUT", c.path, c.body).is(200) // the first submission was decided
		}
		got := w.do(owner, "PUT", c.path, c.body).refuses(429, "too_soon")
		if after := got.header.Get("Retry-After"); after == "" || after == "0" || len(after) > 2 || got.text("messages", "zh") == "" {
			t.Errorf("%s: to wait %q s: %s", c.path, after, got.body)
		}
	}
}
