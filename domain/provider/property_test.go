package provider_test

import (
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/provider"
)

func commands() *rapid.Generator[provider.Command] {
	return rapid.Custom(func(t *rapid.T) provider.Command {
		p := profile()
		p.USCC = rapid.SampledFrom([]string{certified.USCC, certified.USCC, domaintest.OtherCode}).Draw(t, "uscc")
		p.Contact = rapid.SampledFrom([]string{"陈琳", "林芳", ""}).Draw(t, "contact")
		by := rapid.SampledFrom([]uuid.UUID{reviewer, reviewer, owner}).Draw(t, "by")
		revision := domain.ContentRevision(rapid.IntRange(0, 6).Draw(t, "revision"))
		return rapid.SampledFrom([]provider.Command{
			apply(p),
			revise(p),
			revise(p),
			provider.Approve{Ruling: domaintest.RulingBy(by, revision)},
			provider.Approve{Ruling: domaintest.RulingBy(by, revision)},
			provider.Reject{Ruling: domaintest.RulingBy(by, revision, unfit...)},
			provider.Approve{Ruling: domaintest.RulingBy(by, revision), TwoPersons: true},
			provider.Approve{Ruling: domaintest.RulingBy(domaintest.Stranger, revision), TwoPersons: true},
			provider.RevokeApproval{Ruling: domaintest.RulingBy(by, revision, unfit...)},
			provider.Suspend{Reason: "复核"},
			provider.Reinstate{Reason: "通过"},
			provider.Close{Reason: "注销"},
		}).Draw(t, "command")
	})
}

func TestAnySequenceOfCommandsKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s provider.State
		var log []domain.Event
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := s
			c := commands().Draw(t, "c")
			if _, end := c.(provider.Close); end && rapid.IntRange(0, 9).Draw(t, "spare it") > 0 {
				continue
			}
			facts, err := provider.Decide(s, c)
			if err != nil && len(facts) > 0 {
				t.Fatalf("%T refused with events", c)
			}
			if len(facts) > 0 && decidesOwn(c) {
				t.Fatalf("%T by the applicant was heard", c)
			}
			decidertest.Lossless(t, provider.Types, facts)
			for _, fact := range facts {
				s = provider.Evolve(s, fact)
			}
			log = append(log, facts...)
			checkInvariants(t, before, s, facts)
		}
		decidertest.StableFold(t, provider.Decider, log)
		if again := decidertest.Fold(provider.Decider, log); !reflect.DeepEqual(again, s) {
			t.Fatalf("folding the whole log gives\n%+v, want\n%+v", again, s)
		}
	})
}

func checkInvariants(t *rapid.T, before, s provider.State, facts []domain.Event) {
	first := s.First
	for _, rule := range []struct {
		holds bool
		name  string
	}{
		{s.Standing != provider.StandingActive || s.ApprovedRevision > 0, "active without approval"},
		{s.Standing != provider.StandingSuspended || s.ApprovedRevision > 0 || s.Revoked != nil, "suspended without an approval, ever"},
		{s.Revoked == nil || s.ApprovedRevision == 0, "revoked and approved"},
		{first == nil || (first.Revision == s.Revision && s.Review == domain.ReviewPending), "a first approval of what is not pending"},
		{s.Standing != provider.StandingApplicant || s.ApprovedRevision == 0, "approved and still an applicant"},
		{
			s.ApprovedRevision == 0 || s.ApprovedRevision == before.ApprovedRevision || s.ApprovedRevision == s.Revision,
			"an older revision went live",
		},
		{s.ApprovedRevision >= before.ApprovedRevision || s.Revoked != nil, "the approval is gone and nobody revoked it"},
		{s.Revision >= before.Revision && s.Revision <= before.Revision+1, "revision jumped"},
		{
			before.ApprovedRevision == 0 || s.ApprovedRevision == 0 || s.Approved.USCC == before.Approved.USCC,
			"code changed while approved",
		},
		{before.Standing != provider.StandingClosed || len(facts) == 0, "something happened after the end"},
		{s.Review == domain.ReviewRejected || len(s.Reasons) == 0, "reasons without a rejection"},
	} {
		if !rule.holds {
			t.Fatalf("%s: %+v", rule.name, s)
		}
	}
}

func decidesOwn(c provider.Command) bool {
	switch c := c.(type) {
	case provider.Approve:
		return c.Reviewer.ID == owner
	case provider.Reject:
		return c.Reviewer.ID == owner
	case provider.RevokeApproval:
		return c.Reviewer.ID == owner
	}
	return false
}
