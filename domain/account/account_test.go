package account_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
)

var enterprise = domaintest.Enterprise

func history(then ...domain.Event) []domain.Event {
	return append([]domain.Event{account.Opened{DisplayName: "海丰"}}, then...)
}

func TestProcess(t *testing.T) {
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
			"closed":    history(account.RoleGranted{Role: domain.RoleReviewer}, account.Closed{Reason: "注销"}),
		},
		When: map[string]account.Command{
			"open":               account.Open{DisplayName: " 海丰 "},
			"open, no name":      account.Open{},
			"certify":            account.Certify{Enterprise: enterprise, Source: "operator"},
			"certify renamed":    account.Certify{Enterprise: renamed, Source: "operator"},
			"certify other":      account.Certify{Enterprise: other, Source: "operator"},
			"certify bad":        account.Certify{Enterprise: account.Enterprise{USCC: "1"}},
			"grant reviewer":     account.GrantRole{Role: domain.RoleReviewer},
			"grant operator":     account.GrantRole{Role: domain.RoleOperator},
			"grant provider":     account.GrantRole{Role: domain.RoleProvider},
			"revoke reviewer":    account.RevokeRole{Role: domain.RoleReviewer, Reason: "调岗"},
			"revoke, no reason":  account.RevokeRole{Role: domain.RoleReviewer},
			"revoke enterprise":  account.RevokeRole{Role: domain.RoleEnterprise, Reason: "调岗"},
			"close":              account.Close{Reason: "注销"},
			"close a provider's": account.Close{Reason: "注销", HasProvider: true},
			"close, no reason":   account.Close{},
			"close, long reason": account.Close{Reason: strings.Repeat("字", account.MaxReason+1)},
		},
		Then: `
                   | none           | open           | certified                         | reviewer       | closed
open               | opened         | !account_exists | !account_exists                  | !account_exists | !account_exists
open, no name      | !invalid_input | !account_exists | !account_exists                  | !account_exists | !account_exists
certify            | !not_found     | certified      | -                                 | certified      | !account_closed
certify renamed    | !not_found     | certified      | certified                         | certified      | !account_closed
certify other      | !not_found     | certified      | !certified_for_another_enterprise | certified      | !account_closed
certify bad        | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | !account_closed
grant reviewer     | !not_found     | role-granted   | role-granted                      | -              | !account_closed
grant operator     | !not_found     | role-granted   | role-granted                      | role-granted   | !account_closed
grant provider     | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | !account_closed
revoke reviewer    | !not_found     | -              | -                                 | role-revoked   | !account_closed
revoke, no reason  | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | !account_closed
revoke enterprise  | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | !account_closed
close              | !not_found     | closed         | closed                            | closed         | -
close a provider's | !not_found     | !account_has_provider | !account_has_provider      | !account_has_provider | -
close, no reason   | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | -
close, long reason | !not_found     | !invalid_input | !invalid_input                    | !invalid_input | -
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
