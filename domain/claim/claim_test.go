package claim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
)

const lease = 30 * time.Minute

var (
	noon   = time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	ann    = domain.Party{ID: domaintest.ID("ann")}
	ben    = domain.Party{ID: domaintest.ID("ben"), Codes: []string{domaintest.OtherCode}}
	owner  = domain.Party{ID: domaintest.Owner, Codes: []string{domaintest.Enterprise.USCC}}
	inside = domain.Party{ID: domaintest.ID("inside"), Codes: []string{domaintest.OtherCode, domaintest.Enterprise.USCC}}
	first  = domaintest.ID("first")
	second = domaintest.ID("second")
)

// pending is a case whose revision 2 awaits a decision.
var pending = claim.Case{Kind: "product", Revision: 2, Review: domain.ReviewPending, Submitter: owner}

// claims is a claim of the latest revision, so long after noon.
func claims(by domain.Party, after time.Duration, change ...func(*claim.Claim)) claim.Claim {
	c := claim.Claim{By: by, Revision: 2, Case: pending, New: second, At: noon.Add(after), Lease: lease}
	for _, do := range change {
		do(&c)
	}
	return c
}

func TestProcess(t *testing.T) {
	held := claim.Claimed{Claim: first, Kind: "product", Revision: 2, Reviewer: ann.ID, Until: noon.Add(lease)}
	ended := func(by domain.Event) []domain.Event { return []domain.Event{held, by} }
	during, later := noon.Add(10*time.Minute), noon.Add(lease)
	decidertest.Table[claim.State, claim.Command]{
		Decider: claim.Decider,
		Given: map[string][]domain.Event{
			"free":       nil,
			"ann's":      {held},
			"released":   ended(claim.Released{Claim: first}),
			"expired":    ended(claim.Expired{Claim: first}),
			"taken over": ended(claim.TakenOver{Claim: first, Reason: "请假"}),
			"decided":    ended(claim.DecisionBegun{Kind: "product", Revision: 2, Reviewer: ann.ID, Claim: first}),
		},
		When: map[string]claim.Command{
			"ann":                  claims(ann, 10*time.Minute),
			"ann, at once":         claims(ann, time.Minute-1),
			"ann, after a minute":  claims(ann, time.Minute),
			"ann, too late":        claims(ann, lease),
			"ann renews":           claims(ann, 10*time.Minute, func(c *claim.Claim) { c.Renews = first }),
			"ann renews, too late": claims(ann, lease, func(c *claim.Claim) { c.Renews = first }),
			"ann renews another":   claims(ann, 10*time.Minute, func(c *claim.Claim) { c.Renews = second }),
			"ben":                  claims(ben, 10*time.Minute),
			"ben, when it is over": claims(ben, lease),
			"ben renews ann's":     claims(ben, lease, func(c *claim.Claim) { c.Renews = first }),
			"the owner":            claims(owner, 0),
			"a colleague":          claims(inside, 0),
			"a stale page":         claims(ben, 0, func(c *claim.Claim) { c.Revision = 1 }),
			"what is decided":      claims(ben, 0, func(c *claim.Claim) { c.Case.Review = domain.ReviewApproved }),
			"a closed provider's":  claims(ben, 0, func(c *claim.Claim) { c.Case.Closed = true }),
			"ann hands back":       claim.HandBack{By: ann.ID, At: during},
			"ann does, too late":   claim.HandBack{By: ann.ID, At: later},
			"ben hands back":       claim.HandBack{By: ben.ID, At: during},
			"take over":            claim.TakeOver{Reason: "请假", At: during},
			"take over that":       claim.TakeOver{Claim: first, Reason: "请假", At: during},
			"take over another":    claim.TakeOver{Claim: second, Reason: "请假", At: during},
			"take over, no reason": claim.TakeOver{At: during},
			"take over, too late":  claim.TakeOver{Reason: "请假", At: later},
			"ben takes over":       takeOver(ben),
			"ann takes over":       takeOver(ann),
			"the owner takes over": takeOver(owner),
			"expire":               claim.Expire{Claim: first, At: later},
			"expire, too early":    claim.Expire{Claim: first, At: later.Add(-1)},
			"expire another":       claim.Expire{Claim: second, At: later},
			"ann decides":          decides(ann, uuid.Nil, during),
			"ann decides by it":    decides(ann, first, during),
			"ann does so late":     decides(ann, first, later),
			"ann decides late":     decides(ann, uuid.Nil, later),
			"ben decides":          decides(ben, uuid.Nil, during),
			"ben decides by ann's": decides(ben, first, during),
			"ben decides late":     decides(ben, uuid.Nil, later),
		},
		Then: `
                     | free             | ann's                 | released        | expired         | taken over      | decided
ann                  | case-claimed     | renewed               | case-claimed    | case-claimed    | case-claimed    | case-claimed
ann, at once         | case-claimed     | -                     | case-claimed    | case-claimed    | case-claimed    | case-claimed
ann, after a minute  | case-claimed     | renewed               | case-claimed    | case-claimed    | case-claimed    | case-claimed
ann, too late        | case-claimed     | expired+case-claimed  | case-claimed    | case-claimed    | case-claimed    | case-claimed
ann renews           | !claim_lost      | renewed               | !claim_lost     | !claim_expired  | !claim_lost     | !claim_lost
ann renews, too late | !claim_lost      | !claim_expired        | !claim_lost     | !claim_expired  | !claim_lost     | !claim_lost
ann renews another   | !claim_lost      | !claim_lost           | !claim_lost     | !claim_lost     | !claim_lost     | !claim_lost
ben                  | case-claimed     | !case_claimed         | case-claimed    | case-claimed    | case-claimed    | case-claimed
ben, when it is over | case-claimed     | expired+case-claimed  | case-claimed    | case-claimed    | case-claimed    | case-claimed
ben renews ann's     | !claim_lost      | !claim_lost           | !claim_lost     | !claim_lost     | !claim_lost     | !claim_lost
the owner            | !own_case        | !own_case             | !own_case       | !own_case       | !own_case       | !own_case
a colleague          | !own_enterprise  | !own_enterprise       | !own_enterprise | !own_enterprise | !own_enterprise | !own_enterprise
a stale page         | !stale_revision  | !stale_revision       | !stale_revision | !stale_revision | !stale_revision | !stale_revision
what is decided      | !already_decided | !already_decided      | !already_decided | !already_decided | !already_decided | !already_decided
a closed provider's  | !provider_closed | !provider_closed      | !provider_closed | !provider_closed | !provider_closed | !provider_closed
ann hands back       | !not_claimed     | released              | !not_claimed    | !claim_expired  | !not_claimed    | !not_claimed
ann does, too late   | !not_claimed     | !claim_expired        | !not_claimed    | !claim_expired  | !not_claimed    | !not_claimed
ben hands back       | !not_claimed     | !case_claimed         | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
take over            | !not_claimed     | taken-over            | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
take over that       | !not_claimed     | taken-over            | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
take over another    | !not_claimed     | !claim_lost           | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
take over, no reason | !invalid_input   | !invalid_input        | !invalid_input  | !invalid_input  | !invalid_input  | !invalid_input
take over, too late  | !not_claimed     | !not_claimed          | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
ben takes over       | !not_claimed     | taken-over+case-claimed | !not_claimed  | !not_claimed    | !not_claimed    | !not_claimed
ann takes over       | !not_claimed     | -                     | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
the owner takes over | !not_claimed     | !own_case             | !not_claimed    | !not_claimed    | !not_claimed    | !not_claimed
expire               | -                | expired               | -               | -               | -               | -
expire, too early    | -                | -                     | -               | -               | -               | -
expire another       | -                | -                     | -               | -               | -               | -
ann decides          | decision-begun   | decision-begun        | decision-begun  | decision-begun  | decision-begun  | decision-begun
ann decides by it    | !claim_lost      | decision-begun        | !claim_lost     | !claim_expired  | !claim_lost     | !claim_lost
ann does so late     | !claim_lost      | !claim_expired        | !claim_lost     | !claim_expired  | !claim_lost     | !claim_lost
ann decides late     | decision-begun   | expired+decision-begun | decision-begun | decision-begun  | decision-begun  | decision-begun
ben decides          | decision-begun   | !case_claimed         | decision-begun  | decision-begun  | decision-begun  | decision-begun
ben decides by ann's | !claim_lost      | !case_claimed         | !claim_lost     | !claim_lost     | !claim_lost     | !claim_lost
ben decides late     | decision-begun   | expired+decision-begun | decision-begun | decision-begun  | decision-begun  | decision-begun
`,
	}.Run(t)
}

func takeOver(to domain.Party) claim.TakeOver {
	c := claims(to, 10*time.Minute)
	return claim.TakeOver{Reason: "请假", To: &c, At: c.At}
}

func decides(by domain.Party, named uuid.UUID, at time.Time) claim.Begin {
	return claim.Begin{By: by.ID, Kind: "product", Revision: 2, Claim: named, At: at}
}

func TestARefusalSaysWhoAndUntilWhen(t *testing.T) {
	s := decidertest.Fold(claim.Decider, []domain.Event{
		claim.Claimed{Claim: first, Kind: "product", Revision: 2, Reviewer: ann.ID, Until: noon.Add(lease)},
		claim.Renewed{Claim: first, Until: noon.Add(time.Hour)},
	})
	_, err := claim.Decide(s, claims(ben, 45*time.Minute))
	var refused *domain.Error
	if !errors.As(err, &refused) || refused.Claim == nil || refused.Claim.Reviewer != ann.ID || !refused.Claim.Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %v, %+v", err, refused)
	}
	if claim.ErrClaimed.Claim != nil {
		t.Error("the refusal itself was changed")
	}
}

func TestAReasonIsBounded(t *testing.T) {
	s := decidertest.Fold(claim.Decider, []domain.Event{claim.Claimed{Claim: first, Kind: "product", Reviewer: ann.ID, Until: noon.Add(lease)}})
	_, err := claim.Decide(s, claim.TakeOver{Reason: strings.Repeat("长", claim.MaxReason+1), At: noon})
	if got := decidertest.Mistakes(err); got != "/reason too_long" {
		t.Errorf("got %q", got)
	}
}

// TestAnyHistory: whatever is asked in whatever order, nobody gets what another holds, each claim ends once, and a claim that keeps
// being renewed leaves at most one event a minute.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s claim.State
		var log []domain.Event
		at := noon
		ended := map[uuid.UUID]int{}
		renewed := map[time.Time]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second)
			who := rapid.SampledFrom([]domain.Party{ann, ben}).Draw(t, "who")
			before, c := s, draw(t, s, who, at)
			facts, err := claim.Decide(s, c)
			if err != nil && len(facts) > 0 {
				t.Fatalf("%T refused with events", c)
			}
			for _, fact := range facts {
				s = claim.Evolve(s, fact)
				switch e := fact.(type) {
				case claim.Claimed:
					if _, over := c.(claim.TakeOver); before.Open(at) && !over {
						t.Fatalf("claimed while %s holds it", before.Reviewer)
					}
					if at.Before(e.Until) != s.Open(at) {
						t.Fatal("claimed, and not held")
					}
				case claim.Renewed:
					if minute := at.Truncate(time.Minute); renewed[minute] {
						t.Fatalf("renewed twice within %s", minute)
					} else {
						renewed[minute] = true
					}
				case claim.Released:
					ended[e.Claim]++
				case claim.Expired:
					ended[e.Claim]++
				case claim.TakenOver:
					ended[e.Claim]++
				case claim.DecisionBegun:
					if before.Open(at) && before.Reviewer != e.Reviewer {
						t.Fatalf("decided while %s holds it", before.Reviewer)
					}
					if e.Claim != uuid.Nil {
						ended[e.Claim]++
					}
					if s.Open(at) {
						t.Fatal("held after a decision")
					}
				}
			}
			log = append(log, facts...)
		}
		for id, times := range ended {
			if times > 1 {
				t.Fatalf("claim %s ended %d times", id, times)
			}
		}
		decidertest.Lossless(t, claim.Types, log)
		decidertest.StableFold(t, claim.Decider, log)
	})
}

func draw(t *rapid.T, s claim.State, who domain.Party, at time.Time) claim.Command {
	c := claims(who, at.Sub(noon))
	c.New = uuid.New()
	named := rapid.SampledFrom([]uuid.UUID{uuid.Nil, s.Claim, first}).Draw(t, "named")
	renews := c
	renews.Renews = named
	return rapid.SampledFrom([]claim.Command{
		c, c, renews,
		claim.HandBack{By: who.ID, At: at},
		claim.TakeOver{Reason: "请假", At: at},
		claim.TakeOver{Reason: "请假", To: &c, At: at},
		claim.Expire{Claim: s.Claim, At: at},
		decides(who, named, at),
	}).Draw(t, "command")
}

// TestADecisionEndsItsOwnClaimOnly: how an earlier one ended stays as it was.
func TestADecisionEndsItsOwnClaimOnly(t *testing.T) {
	s := decidertest.Fold(claim.Decider, []domain.Event{
		claim.Claimed{Claim: first, Kind: "product", Revision: 2, Reviewer: ann.ID, Until: noon.Add(lease)},
		claim.Released{Claim: first},
		claim.DecisionBegun{Kind: "product", Revision: 2, Reviewer: ben.ID},
	})
	if s.Ended != claim.EndReleased || s.Begun == nil || s.Begun.Reviewer != ben.ID || s.Begun.Claim != uuid.Nil {
		t.Errorf("got %+v", s)
	}
}

// TestALeaseEndsOnAMicrosecond, as times are shown and kept: otherwise a claim would be over in one place and not yet in another.
func TestALeaseEndsOnAMicrosecond(t *testing.T) {
	facts, err := claim.Decide(claim.State{}, claims(ann, 1999*time.Nanosecond))
	if err != nil {
		t.Fatal(err)
	}
	if made, ok := facts[0].(claim.Claimed); !ok || !made.Until.Equal(noon.Add(lease+time.Microsecond)) {
		t.Errorf("got %+v", facts)
	}
}
