package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
)

var enterprise = domaintest.Enterprise

func history(then ...domain.Event) []domain.Event {
	return append([]domain.Event{account.Opened{DisplayName: "海丰"}}, then...)
}

var (
	noon    = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	tokenID = uuid.MustParse("4b0c7c1e-3f0a-4a67-9a1f-0d6a3b1c9e52")
)

// issue is a token for a day, of a week at most.
func issue(roles ...domain.Role) account.IssueToken {
	return account.IssueToken{
		Token: account.Token{ID: tokenID, Label: "值班电脑", Roles: roles, ExpiresAt: noon.Add(24 * time.Hour)}, At: noon, Longest: 7 * 24 * time.Hour,
	}
}

func lasting(d time.Duration, roles ...domain.Role) account.IssueToken {
	c := issue(roles...)
	c.Token.ExpiresAt = noon.Add(d)
	return c
}

func TestProcess(t *testing.T) {
	reviewers := issue(domain.RoleReviewer)
	nameless := reviewers
	nameless.Token.Label = " "
	renamed, other := enterprise, enterprise
	renamed.Name = "三亚海丰物流集团有限公司"
	other.USCC = domaintest.OtherCode
	decidertest.Table[account.State, account.Command]{
		Decider: account.Decider,
		Given: map[string][]domain.Event{
			"none":      nil,
			"open":      history(),
			"certified": history(account.Certified{Enterprise: enterprise, Source: "operator"}),
			"reviewer":  history(account.RoleGranted{Role: domain.RoleReviewer}),
			"token":     history(account.RoleGranted{Role: domain.RoleReviewer}, account.TokenIssued(reviewers.Token)),
			"revoked":   history(account.RoleGranted{Role: domain.RoleReviewer}, account.TokenIssued(reviewers.Token), account.TokenRevoked{ID: tokenID}),
			"closed":    history(account.RoleGranted{Role: domain.RoleReviewer}, account.Closed{Reason: "注销"}),
		},
		When: map[string]account.Command{
			"open":              account.Open{DisplayName: " 海丰 "},
			"open, no name":     account.Open{},
			"certify":           account.Certify{Enterprise: enterprise, Source: "operator"},
			"certify renamed":   account.Certify{Enterprise: renamed, Source: "operator"},
			"certify other":     account.Certify{Enterprise: other, Source: "operator"},
			"certify bad":       account.Certify{Enterprise: account.Enterprise{USCC: "1"}},
			"grant reviewer":    account.GrantRole{Role: domain.RoleReviewer},
			"grant operator":    account.GrantRole{Role: domain.RoleOperator},
			"grant provider":    account.GrantRole{Role: domain.RoleProvider},
			"revoke reviewer":   account.RevokeRole{Role: domain.RoleReviewer, Reason: "调岗"},
			"revoke, no reason": account.RevokeRole{Role: domain.RoleReviewer},
			"revoke enterprise": account.RevokeRole{Role: domain.RoleEnterprise, Reason: "调岗"},
			"open whole": account.Open{
				DisplayName: "海丰", Certify: &account.Certify{Enterprise: enterprise, Source: "operator"},
				Roles: []domain.Role{domain.RoleReviewer}, Token: &reviewers,
			},
			"open, bad enterprise": account.Open{DisplayName: "海丰", Certify: &account.Certify{Enterprise: account.Enterprise{USCC: "1"}}},
			"open, dead token":     account.Open{DisplayName: "海丰", Roles: []domain.Role{domain.RoleReviewer}, Token: &account.IssueToken{Token: reviewers.Token}},
			"issue":                reviewers,
			"issue, no name":       nameless,
			"issue, no role":       issue(),
			"issue, dead at birth": lasting(0, domain.RoleReviewer),
			"issue, too long":      lasting(8*24*time.Hour, domain.RoleReviewer),
			"issue for more":       issue(domain.RoleReviewer, domain.RoleOperator),
			"issue as provider":    issue(domain.RoleProvider),
			"revoke token":         account.RevokeToken{Token: account.Token{ID: tokenID}, Reason: "遗失"},
			"revoke token, long":   account.RevokeToken{Token: account.Token{ID: tokenID}, Reason: strings.Repeat("字", account.MaxReason+1)},
			"close":                account.Close{Reason: "注销"},
			"close a provider's":   account.Close{Reason: "注销", HasProvider: true},
			"close, no reason":     account.Close{},
			"close, long reason":   account.Close{Reason: strings.Repeat("字", account.MaxReason+1)},
		},
		Then: `
                     | none           | open                  | certified                         | reviewer              | token                 | revoked               | closed
open                 | opened         | !account_exists       | !account_exists                   | !account_exists       | !account_exists       | !account_exists       | !account_exists
open, no name        | !invalid_input | !account_exists       | !account_exists                   | !account_exists       | !account_exists       | !account_exists       | !account_exists
certify              | !not_found     | certified             | -                                 | certified             | certified             | certified             | !account_closed
certify renamed      | !not_found     | certified             | certified                         | certified             | certified             | certified             | !account_closed
certify other        | !not_found     | certified             | !certified_for_another_enterprise | certified             | certified             | certified             | !account_closed
certify bad          | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
grant reviewer       | !not_found     | role-granted          | role-granted                      | -                     | -                     | -                     | !account_closed
grant operator       | !not_found     | role-granted          | role-granted                      | role-granted          | role-granted          | role-granted          | !account_closed
grant provider       | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
revoke reviewer      | !not_found     | -                     | -                                 | role-revoked          | role-revoked          | role-revoked          | !account_closed
revoke, no reason    | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
revoke enterprise    | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
close                | !not_found     | closed                | closed                            | closed                | closed                | closed                | -
close a provider's   | !not_found     | !account_has_provider | !account_has_provider             | !account_has_provider | !account_has_provider | !account_has_provider | -
close, no reason     | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | -
close, long reason   | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | -
open whole           | opened+certified+role-granted+token-issued | !account_exists       | !account_exists                   | !account_exists       | !account_exists       | !account_exists       | !account_exists
open, bad enterprise | !invalid_input | !account_exists       | !account_exists                   | !account_exists       | !account_exists       | !account_exists       | !account_exists
open, dead token     | !invalid_input | !account_exists       | !account_exists                   | !account_exists       | !account_exists       | !account_exists       | !account_exists
issue                | !not_found     | !role_not_held        | !role_not_held                    | token-issued          | token-issued          | token-issued          | !account_closed
issue, no name       | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
issue, no role       | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
issue, dead at birth | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
issue, too long      | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | !account_closed
issue for more       | !not_found     | !role_not_held        | !role_not_held                    | !role_not_held        | !role_not_held        | !role_not_held        | !account_closed
issue as provider    | !not_found     | !role_not_held        | !role_not_held                    | !role_not_held        | !role_not_held        | !role_not_held        | !account_closed
revoke token         | !not_found     | token-revoked         | token-revoked                     | token-revoked         | token-revoked         | -                     | -
revoke token, long   | !not_found     | !invalid_input        | !invalid_input                    | !invalid_input        | !invalid_input        | !invalid_input        | -
`,
	}.Run(t)
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, account.Types) }

func TestRolesHeld(t *testing.T) {
	all := []domain.Role{
		domain.RoleEnterprise, domain.RoleProvider, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator, domain.RoleSystem,
	}
	certified := account.Certified{Enterprise: enterprise}
	granted := func(r domain.Role) domain.Event { return account.RoleGranted{Role: r} }
	for name, test := range map[string]struct {
		history []domain.Event
		want    []domain.Role
	}{
		"nobody":    {nil, nil},
		"personal":  {history(), nil},
		"certified": {history(certified), []domain.Role{domain.RoleEnterprise}},
		"staff": {
			history(granted(domain.RoleReviewer), granted(domain.RoleAuditor), account.RoleRevoked{Role: domain.RoleReviewer}),
			[]domain.Role{domain.RoleAuditor},
		},
		"both":   {history(certified, granted(domain.RoleOperator)), []domain.Role{domain.RoleEnterprise, domain.RoleOperator}},
		"closed": {history(certified, granted(domain.RoleOperator), account.Closed{}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := decidertest.Fold(account.Decider, test.history)
			var held []domain.Role
			for _, role := range all {
				if s.Holds(role) {
					held = append(held, role)
				}
			}
			if !slices.Equal(held, test.want) {
				t.Errorf("holds %v, want %v", held, test.want)
			}
		})
	}
}

func TestEveryMistakeInAnEnterprise(t *testing.T) {
	e := account.Enterprise{Name: strings.Repeat("字", 101), USCC: "91350100M000100Y4Z"}
	if got, want := decidertest.Mistakes(e.Clean()), "/name too_long, /uscc bad_uscc, /legal_representative required"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTokensThatOutliveSomething(t *testing.T) {
	issued := account.TokenIssued(issue(domain.RoleReviewer, domain.RoleAuditor).Token)
	reviewer, auditor := account.RoleGranted{Role: domain.RoleReviewer}, account.RoleGranted{Role: domain.RoleAuditor}
	revoked := account.RoleRevoked{Role: domain.RoleReviewer}
	for name, test := range map[string]struct {
		history []domain.Event
		want    error
	}{
		"nobody's":            {nil, access.ErrTokenUnknown},
		"issued":              {history(reviewer, auditor, issued), nil},
		"of before the log":   {history(reviewer), nil},
		"revoked":             {history(reviewer, auditor, issued, account.TokenRevoked{ID: tokenID}), access.ErrTokenRevoked},
		"role revoked":        {history(reviewer, auditor, issued, revoked), access.ErrTokenRevoked},
		"role granted again":  {history(reviewer, auditor, issued, revoked, reviewer), access.ErrTokenRevoked},
		"another's revoked":   {history(reviewer, auditor, issued, account.TokenRevoked{ID: uuid.New()}), nil},
		"of a closed account": {history(reviewer, auditor, issued, account.Closed{}), account.ErrClosed},
	} {
		if got := decidertest.Fold(account.Decider, test.history).CheckToken(tokenID); got != test.want { //nolint:errorlint // the very value
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestTokensOfTheClosed: one that still reads is revoked like any other, once; those that ended with the account are over.
func TestTokensOfTheClosed(t *testing.T) {
	certified := account.Certified{Enterprise: enterprise, Source: "operator"}
	reading, staff := issue(domain.RoleEnterprise).Token, issue(domain.RoleReviewer).Token
	for name, test := range map[string]struct {
		history []domain.Event
		revoke  account.Token
		want    int
	}{
		"it reads":            {history(certified, account.TokenIssued(reading), account.Closed{}), reading, 1},
		"of before the log":   {history(certified, account.Closed{}), reading, 1},
		"revoked before":      {history(certified, account.TokenIssued(reading), account.TokenRevoked{ID: tokenID}, account.Closed{}), reading, 0},
		"revoked since":       {history(certified, account.TokenIssued(reading), account.Closed{}, account.TokenRevoked{ID: tokenID}), reading, 0},
		"staff's":             {history(certified, account.TokenIssued(staff), account.Closed{}), staff, 0},
		"never an enterprise": {history(account.Closed{}), reading, 0},
	} {
		state := decidertest.Fold(account.Decider, test.history)
		facts, err := account.Decide(state, account.RevokeToken{Token: test.revoke, Reason: "遗失"})
		if err != nil || len(facts) != test.want {
			t.Errorf("%s: %v, %v", name, facts, err)
		}
		for _, fact := range facts {
			if after := account.Evolve(state, fact); !slices.Contains(after.RevokedTokens, tokenID) || !after.Closed {
				t.Errorf("%s: then %+v", name, after)
			}
		}
	}
}
