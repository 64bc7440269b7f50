package commands_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
)

// Nothing is left of an account that cannot be opened whole.
func TestAnAccountIsOpenedWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	good := account.Open{
		DisplayName: "海丰", Certify: &account.Certify{Enterprise: certificate(w.codeA), Source: "operator"},
		Token: &account.IssueToken{Token: token(domain.RoleEnterprise), Longest: day},
	}
	for name, spoil := range map[string]func(*account.Open){
		"no name":       func(o *account.Open) { o.DisplayName = " " },
		"a bad code":    func(o *account.Open) { o.Certify = &account.Certify{Enterprise: certificate("1"), Source: "operator"} },
		"an odd role":   func(o *account.Open) { o.Roles = []domain.Role{domain.RoleSystem} },
		"a dead token":  func(o *account.Open) { o.Token = &account.IssueToken{Token: token(domain.RoleEnterprise)} },
		"a role unheld": func(o *account.Open) { o.Token = &account.IssueToken{Token: token(domain.RoleAuditor), Longest: day} },
	} {
		o := good
		spoil(&o)
		before := w.size()
		_, err := w.OpenAccountWith(t.Context(), as(uuid.New()), o)
		var refused *domain.Error
		if !errors.As(err, &refused) || w.size() != before {
			t.Errorf("%s: %v, and %d events", name, err, w.size()-before)
		}
	}
	req := as(uuid.New())
	opened := must[account.State](t)(w.OpenAccountWith(t.Context(), req, good))
	issued, err := commands.IssuedBy(req, opened)
	if err != nil || issued.Label != "值班电脑" {
		t.Errorf("got %+v, %v", issued, err)
	}
	all, err := w.Accounts(t.Context())
	if err != nil || len(all) == 0 || all[len(all)-1].ID != opened.ID || all[len(all)-1].State.Enterprise.USCC != w.codeA {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestOnlyAnOperatorIsAnOperator(t *testing.T) {
	w := newWorld(t)
	open := func(roles ...domain.Role) uuid.UUID {
		return must[account.State](t)(w.OpenAccountWith(t.Context(), staff(), account.Open{DisplayName: "吴海", Roles: roles})).ID
	}
	operator, auditor, former, closed := open(domain.RoleOperator), open(domain.RoleAuditor), open(domain.RoleOperator), open(domain.RoleOperator)
	must[account.State](t)(w.RevokeRole(t.Context(), staff(), former, domain.RoleOperator, "离职"))
	must[account.State](t)(w.CloseAccount(t.Context(), staff(), closed, "离职"))
	ok(t, w.CheckOperator(t.Context(), operator))
	wantRefusal(t, w.CheckOperator(t.Context(), auditor), account.ErrRoleNotHeld)
	wantRefusal(t, w.CheckOperator(t.Context(), former), account.ErrRoleNotHeld)
	wantRefusal(t, w.CheckOperator(t.Context(), closed), account.ErrClosed)
	wantRefusal(t, w.CheckOperator(t.Context(), uuid.New()), commands.ErrNoOperator)
	wantRefusal(t, w.CheckOperator(t.Context(), uuid.Nil), commands.ErrNoOperator)
}

// What a node remembers of an account is never behind the log, whoever wrote to it.
func TestAnAccountIsNeverBehindTheLog(t *testing.T) {
	w := newWorld(t)
	elsewhere := commands.New(w.store, domaintest.Sources()) // another node
	id := must[account.State](t)(elsewhere.OpenAccount(t.Context(), staff(), "陈静")).ID
	same := func() {
		t.Helper()
		for range 2 {
			got, err := w.AccountNow(t.Context(), id)
			want, err2 := elsewhere.Account(t.Context(), id)
			if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, want %+v (%v, %v)", got, want, err, err2)
			}
		}
	}
	same()
	for _, do := range []func() error{
		func() error {
			_, err := elsewhere.GrantRole(t.Context(), staff(), id, domain.RoleReviewer)
			return err
		},
		func() error {
			_, err := elsewhere.IssueToken(t.Context(), staff(), id, token(domain.RoleReviewer), day)
			return err
		},
		func() error {
			_, err := elsewhere.RevokeRole(t.Context(), staff(), id, domain.RoleReviewer, "调岗")
			return err
		},
		func() error {
			_, err := elsewhere.CloseAccount(t.Context(), staff(), id, "离职")
			return err
		},
	} {
		ok(t, do())
		same()
	}
	if _, err := w.AccountNow(t.Context(), uuid.New()); !errors.Is(err, domain.ErrNotFound) {
		t.Error(err)
	}
}
