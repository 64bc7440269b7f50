package provider_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/provider"
	"waybill/domain/rules"
)

var (
	certified       = domaintest.Enterprise
	owner, reviewer = domaintest.Owner, domaintest.Reviewer
	unfit           = domaintest.Unfit
)

func profile() provider.Profile { return domaintest.Profile("立足三亚的国际物流企业。") }

// known are the facts of a profile, and apply and revise commands with them.
func known(p provider.Profile) provider.Facts { return domaintest.FactsOfProfile(p) }

func apply(p provider.Profile) provider.Command { return provider.Apply{Profile: p, Facts: known(p)} }

func revise(p provider.Profile) provider.Command { return provider.Revise{Profile: p, Facts: known(p)} }

func history(then ...domain.Event) []domain.Event {
	return append([]domain.Event{provider.Applied{Revision: 1, Profile: profile()}}, then...)
}

func TestProcess(t *testing.T) {
	tooMany := provider.MaxPinLimit + 1
	active := func(then ...domain.Event) []domain.Event {
		return history(append([]domain.Event{provider.Approved{Revision: 1}}, then...)...)
	}
	revised := provider.Revised{Revision: 2, Profile: profile()}
	first := provider.FirstApproved{Revision: 1, Reviewer: reviewer}
	revoked := provider.ApprovalRevoked{Revision: 1, Reasons: unfit}
	otherContent := domaintest.Ruling(1)
	otherContent.Digest = strings.Repeat("0", 64)
	colleague := domaintest.Ruling(1)
	colleague.Reviewer.Codes, colleague.Submitter.Codes = []string{certified.USCC}, []string{domaintest.OtherCode, certified.USCC}
	otherCode := profile()
	otherCode.USCC = domaintest.OtherCode
	decidertest.Table[provider.State, provider.Command]{
		Decider: provider.Decider,
		Given: map[string][]domain.Event{
			"none":                              nil,
			"pending":                           history(),
			"rejected":                          history(provider.Rejected{Revision: 1, Reasons: unfit}),
			"active":                            active(),
			"active, pending":                   active(revised),
			"active, rejected":                  active(revised, provider.Rejected{Revision: 2, Reasons: unfit}),
			"suspended":                         active(provider.Suspended{Reason: "复核"}),
			"suspended, pending":                active(provider.Suspended{Reason: "复核"}, revised),
			"first approved":                    history(first),
			"first approved, rejected, revised": history(first, provider.Rejected{Revision: 1, Reasons: unfit}, revised),
			"revoked":                           active(revoked),
			"revoked, revised":                  active(revised, revoked),
			"suspended, revoked":                active(provider.Suspended{Reason: "复核"}, revoked),
			"closed":                            active(provider.Closed{Reason: "注销"}),
			"closed applicant":                  history(provider.Rejected{Revision: 1, Reasons: domain.ProviderGone()}, provider.Closed{Reason: "注销"}),
			"closed, pending":                   history(provider.Closed{Reason: "注销"}), // as in older logs
		},
		When: map[string]provider.Command{
			"apply":                    apply(profile()),
			"apply, not certified":     provider.Apply{Profile: profile()},
			"apply, no profile":        apply(provider.Profile{}),
			"revise":                   revise(profile()),
			"revise, not certified":    provider.Revise{Profile: profile()},
			"revise, no profile":       revise(provider.Profile{}),
			"revise the code":          revise(otherCode),
			"approve 1":                provider.Approve{Ruling: domaintest.Ruling(1)},
			"approve 2":                provider.Approve{Ruling: domaintest.Ruling(2)},
			"first approve 1":          provider.Approve{Ruling: domaintest.Ruling(1), TwoPersons: true},
			"first approve 2":          provider.Approve{Ruling: domaintest.Ruling(2), TwoPersons: true},
			"second approve 1":         provider.Approve{Ruling: domaintest.RulingBy(domaintest.Stranger, 1), TwoPersons: true},
			"approve 1, other content": provider.Approve{Ruling: otherContent},
			"approve by a colleague":   provider.Approve{Ruling: colleague},
			"revoke 1":                 provider.RevokeApproval{Ruling: domaintest.Ruling(1, unfit...)},
			"revoke 2":                 provider.RevokeApproval{Ruling: domaintest.Ruling(2, unfit...)},
			"revoke 1, no reason":      provider.RevokeApproval{Ruling: domaintest.Ruling(1)},
			"revoke own":               provider.RevokeApproval{Ruling: domaintest.RulingBy(owner, 1, unfit...)},
			"reject 1":                 provider.Reject{Ruling: domaintest.Ruling(1, unfit...)},
			"reject 2":                 provider.Reject{Ruling: domaintest.Ruling(2, unfit...)},
			"reject 1, no reason":      provider.Reject{Ruling: domaintest.Ruling(1)},
			"approve own":              provider.Approve{Ruling: domaintest.RulingBy(owner, 1)},
			"reject own":               provider.Reject{Ruling: domaintest.RulingBy(owner, 1, unfit...)},
			"suspend":                  provider.Suspend{Reason: "复核"},
			"suspend, no reason":       provider.Suspend{},
			"reinstate":                provider.Reinstate{Reason: "复核通过"},
			"reinstate, no reason":     provider.Reinstate{},
			"end the review":           provider.EndReview{},
			"limit pins":               provider.SetPinLimit{Limit: new(int), Reason: "首页位置有限"},
			"limit pins, too many":     provider.SetPinLimit{Limit: &tooMany, Reason: "首页位置有限"},
			"limit pins, no reason":    provider.SetPinLimit{Limit: new(int)},
			"lift the limit":           provider.SetPinLimit{Reason: "不再限制"},
			"close":                    provider.Close{Reason: "注销"},
			"close, no reason":         provider.Close{},
		},
		Then: `
                         | none                      | pending                   | rejected                  | active                    | active, pending           | active, rejected          | suspended                 | suspended, pending        | closed           | closed applicant | closed, pending  | first approved            | first approved, rejected, revised | revoked                   | revoked, revised          | suspended, revoked
apply                    | applied                   | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !provider_closed | !provider_closed | !provider_closed | !already_applied          | !already_applied                  | !already_applied          | !already_applied          | !already_applied
apply, not certified     | !enterprise_not_certified | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !provider_closed | !provider_closed | !provider_closed | !already_applied          | !already_applied                  | !already_applied          | !already_applied          | !already_applied
apply, no profile        | !invalid_input            | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !already_applied          | !provider_closed | !provider_closed | !provider_closed | !already_applied          | !already_applied                  | !already_applied          | !already_applied          | !already_applied
revise                   | !not_found                | revised                   | revised                   | revised                   | revised                   | revised                   | revised                   | revised                   | !provider_closed | !provider_closed | !provider_closed | revised                   | revised                           | revised                   | revised                   | revised
revise, not certified    | !not_found                | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified | !provider_closed | !provider_closed | !provider_closed | !enterprise_not_certified | !enterprise_not_certified         | !enterprise_not_certified | !enterprise_not_certified | !enterprise_not_certified
revise, no profile       | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
revise the code          | !not_found                | revised                   | revised                   | !uscc_fixed               | !uscc_fixed               | !uscc_fixed               | !uscc_fixed               | !uscc_fixed               | !provider_closed | !provider_closed | !provider_closed | revised                   | revised                           | revised                   | revised                   | revised
approve 1                | !not_found                | approved                  | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | approved                  | !stale_revision                   | approved                  | !stale_revision           | approved
approve 2                | !not_found                | !stale_revision           | !stale_revision           | !stale_revision           | approved                  | !already_decided          | !stale_revision           | approved                  | !provider_closed | !provider_closed | !provider_closed | !stale_revision           | approved                          | !stale_revision           | approved                  | !stale_revision
first approve 1          | !not_found                | first-approved            | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | !second_approver          | !stale_revision                   | first-approved            | !stale_revision           | first-approved
second approve 1         | !not_found                | first-approved            | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | approved                  | !stale_revision                   | first-approved            | !stale_revision           | first-approved
first approve 2          | !not_found                | !stale_revision           | !stale_revision           | !stale_revision           | first-approved            | !already_decided          | !stale_revision           | first-approved            | !provider_closed | !provider_closed | !provider_closed | !stale_revision           | first-approved                    | !stale_revision           | first-approved            | !stale_revision
reject 1                 | !not_found                | rejected                  | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | rejected                  | !stale_revision                   | rejected                  | !stale_revision           | rejected
reject 2                 | !not_found                | !stale_revision           | !stale_revision           | !stale_revision           | rejected                  | !already_decided          | !stale_revision           | rejected                  | !provider_closed | !provider_closed | !provider_closed | !stale_revision           | rejected                          | !stale_revision           | rejected                  | !stale_revision
reject 1, no reason      | !not_found                | !invalid_input            | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !stale_revision                   | !invalid_input            | !stale_revision           | !invalid_input
approve own              | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case        | !own_case        | !own_case        | !own_case                 | !own_case                         | !own_case                 | !own_case                 | !own_case
approve 1, other content | !not_found                | !content_differs          | !already_decided          | !already_decided          | !stale_revision           | !stale_revision           | !already_decided          | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | !content_differs          | !stale_revision                   | !content_differs          | !stale_revision           | !content_differs
approve by a colleague   | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise           | !own_enterprise  | !own_enterprise  | !own_enterprise  | !own_enterprise           | !own_enterprise                   | !own_enterprise           | !own_enterprise           | !own_enterprise
reject own               | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case        | !own_case        | !own_case        | !own_case                 | !own_case                         | !own_case                 | !own_case                 | !own_case
revoke 1                 | !not_found                | !no_approval              | !no_approval              | approval-revoked          | approval-revoked          | approval-revoked          | approval-revoked          | approval-revoked          | !provider_closed | !provider_closed | !provider_closed | !no_approval              | !no_approval                      | !no_approval              | !no_approval              | !no_approval
revoke 2                 | !not_found                | !no_approval              | !no_approval              | !stale_revision           | !stale_revision           | !stale_revision           | !stale_revision           | !stale_revision           | !provider_closed | !provider_closed | !provider_closed | !no_approval              | !no_approval                      | !no_approval              | !no_approval              | !no_approval
revoke 1, no reason      | !not_found                | !no_approval              | !no_approval              | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !no_approval              | !no_approval                      | !no_approval              | !no_approval              | !no_approval
revoke own               | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case                 | !own_case        | !own_case        | !own_case        | !own_case                 | !own_case                         | !own_case                 | !own_case                 | !own_case
suspend                  | !not_found                | !provider_not_active      | !provider_not_active      | suspended                 | suspended                 | suspended                 | -                         | -                         | !provider_closed | !provider_closed | !provider_closed | !provider_not_active      | !provider_not_active              | !provider_not_active      | !provider_not_active      | -
suspend, no reason       | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
reinstate                | !not_found                | !provider_not_active      | !provider_not_active      | -                         | -                         | -                         | reinstated                | reinstated                | !provider_closed | !provider_closed | !provider_closed | !provider_not_active      | !provider_not_active              | !provider_not_active      | !provider_not_active      | !provider_approval_revoked
reinstate, no reason     | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
limit pins               | !not_found                | pin-limit-set             | pin-limit-set             | pin-limit-set             | pin-limit-set             | pin-limit-set             | pin-limit-set             | pin-limit-set             | !provider_closed | !provider_closed | !provider_closed | pin-limit-set             | pin-limit-set                     | pin-limit-set             | pin-limit-set             | pin-limit-set
limit pins, too many     | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
limit pins, no reason    | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !provider_closed | !provider_closed | !provider_closed | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
lift the limit           | !not_found                | -                         | -                         | -                         | -                         | -                         | -                         | -                         | !provider_closed | !provider_closed | !provider_closed | -                         | -                                 | -                         | -                         | -
end the review           | !not_found                | -                         | -                         | -                         | -                         | -                         | -                         | -                         | -                | -                | rejected         | -                         | -                                 | -                         | -                         | -
close                    | !not_found                | rejected+closed           | closed                    | closed                    | rejected+closed           | closed                    | closed                    | rejected+closed           | -                | -                | -                | rejected+closed           | rejected+closed                   | rejected+closed           | rejected+closed           | rejected+closed
close, no reason         | !not_found                | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | !invalid_input            | -                | -                | -                | !invalid_input            | !invalid_input                    | !invalid_input            | !invalid_input            | !invalid_input
`,
	}.Run(t)
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, provider.Types) }

func TestApprovedProfileStaysLiveAndSuspensionStays(t *testing.T) {
	later := profile()
	later.Contact = "林芳"
	s := decidertest.Fold(provider.Decider, history(
		provider.Approved{Revision: 1}, provider.Suspended{Reason: "复核"}, provider.Revised{Revision: 2, Profile: later}))
	if s.Approved.Contact != "陈琳" || s.Latest.Contact != "林芳" {
		t.Errorf("while pending: approved %q, latest %q", s.Approved.Contact, s.Latest.Contact)
	}
	s = provider.Evolve(s, provider.Approved{Revision: 2})
	if s.Approved.Contact != "林芳" || s.Standing != provider.StandingSuspended {
		t.Errorf("after approval: approved %q, standing %s", s.Approved.Contact, s.Standing)
	}
}

func TestTypeIsFixedAfterApproval(t *testing.T) {
	forms := rules.Applications
	t.Cleanup(func() { rules.Applications = forms })
	other := forms[0]
	other.Type = "customs"
	rules.Applications = append(slices.Clone(forms), other)
	changed := profile()
	changed.Type = other.Type
	rejected := decidertest.Fold(provider.Decider, history(provider.Rejected{Revision: 1, Reasons: unfit}))
	if _, err := provider.Decide(rejected, revise(changed)); err != nil {
		t.Errorf("before the first approval: %v", err)
	}
	_, err := provider.Decide(decidertest.Fold(provider.Decider, history(provider.Approved{Revision: 1})), revise(changed))
	if err != error(provider.ErrTypeFixed) { //nolint:errorlint // the very value
		t.Errorf("after: %v", err)
	}
}

func TestMismatchesAreForTheReviewer(t *testing.T) {
	p := profile()
	p.Name, p.USCC, p.LegalRepresentative = "三亚海丰物流", domaintest.OtherCode, "符海"
	for _, c := range []provider.Command{apply(p), revise(p)} {
		var s provider.State
		if _, revise := c.(provider.Revise); revise {
			s = decidertest.Fold(provider.Decider, history())
		}
		facts, err := provider.Decide(s, c)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"/name", "/uscc", "/legal_representative"}
		if got := provider.Evolve(s, facts[0]).Mismatches; !slices.Equal(got, want) {
			t.Errorf("%T: got %v, want %v", c, got, want)
		}
	}
}

func TestStandingSaysWhatMayBeOffered(t *testing.T) {
	for standing, want := range map[provider.Standing]error{
		"": provider.ErrNotApproved, provider.StandingApplicant: provider.ErrNotApproved, provider.StandingActive: nil,
		provider.StandingSuspended: provider.ErrSuspended, provider.StandingClosed: provider.ErrClosed,
	} {
		if got := standing.MayOffer(); got != want { //nolint:errorlint // the very value
			t.Errorf("%q: got %v, want %v", standing, got, want)
		}
	}
}

func TestWhoNeedsACode(t *testing.T) {
	other := profile()
	other.USCC = domaintest.OtherCode
	moved := provider.Revised{Revision: 2, Profile: other}
	rejected := provider.Rejected{Revision: 1, Reasons: unfit}
	for name, test := range map[string]struct {
		history                 []domain.Event
		reserved, afterDecision bool
	}{
		"nobody":                {nil, false, true},
		"pending":               {history(), true, true},
		"rejected":              {history(rejected), false, true},
		"moved to another code": {history(moved), false, true},
		"approved with it":      {history(provider.Approved{Revision: 1}), true, true},
		"approved with another": {history(moved, provider.Approved{Revision: 2}), false, false},
		"closed":                {history(provider.Closed{}), false, false},
		"closed after approval": {history(provider.Approved{Revision: 1}, provider.Closed{}), true, true},
	} {
		s := decidertest.Fold(provider.Decider, test.history)
		if got := s.Needs(certified.USCC, false); got != test.reserved {
			t.Errorf("%s, reserved: %v", name, got)
		}
		if got := s.Needs(certified.USCC, true); got != test.afterDecision {
			t.Errorf("%s, confirmed: %v", name, got)
		}
	}
}

func TestAFirstApprovalEndsWithADecision(t *testing.T) {
	first := provider.FirstApproved{Revision: 1, Reviewer: reviewer}
	for _, end := range []domain.Event{
		provider.Rejected{Revision: 1, Reasons: unfit}, provider.Approved{Revision: 1}, provider.Revised{Revision: 2, Profile: profile()},
	} {
		if s := decidertest.Fold(provider.Decider, history(first, end)); s.First != nil {
			t.Errorf("after %T: %+v", end, s.First)
		}
	}
	if s := decidertest.Fold(provider.Decider, history(first)); s.First == nil || s.First.Reviewer != reviewer {
		t.Errorf("got %+v", s.First)
	}
}
