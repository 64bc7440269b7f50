package account_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decidertest"
)

func TestAnySequenceOfCommandsKeepsTheInvariants(t *testing.T) {
	roles := rapid.SampledFrom([]domain.Role{domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator, domain.RoleProvider})
	rapid.Check(t, func(t *rapid.T) {
		var s account.State
		var log []domain.Event
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			e := enterprise
			e.LegalRepresentative = rapid.SampledFrom([]string{"符海生", "符海"}).Draw(t, "representative")
			role := roles.Draw(t, "role")
			facts, err := account.Decide(s, rapid.SampledFrom([]account.Command{
				account.Open{DisplayName: "海丰"},
				account.Certify{Enterprise: e, Source: "operator"},
				account.GrantRole{Role: role},
				account.GrantRole{Role: role},
				account.RevokeRole{Role: role, Reason: "调岗"},
				issue(role),
				account.RevokeToken{Token: issue(role).Token},
				account.Close{Reason: rapid.SampledFrom([]string{"", "", "", "注销"}).Draw(t, "reason")},
			}).Draw(t, "command"))
			if err != nil && len(facts) > 0 || s.Closed && len(facts) > 0 {
				t.Fatalf("%v after %+v (%v)", facts, s, err)
			}
			decidertest.Lossless(t, account.Types, facts)
			for _, fact := range facts {
				s = account.Evolve(s, fact)
			}
			log = append(log, facts...)
			unique := len(slices.Compact(slices.Clone(s.Roles))) == len(s.Roles)
			if !slices.IsSorted(s.Roles) || !unique || slices.Contains(s.Roles, domain.RoleProvider) {
				t.Fatalf("roles %v", s.Roles)
			}
		}
		decidertest.StableFold(t, account.Decider, log)
	})
}
