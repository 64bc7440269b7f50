package product_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

var (
	owner, stranger, reviewer = domaintest.Owner, domaintest.Stranger, domaintest.Reviewer

	active = provider.StandingActive
	unfit  = []domain.Reason{{Code: "image_unclear", Field: "/cover"}}
)

func content() product.Content { return domaintest.Content("三亚—新加坡海运专线") }

var (
	due       = workdays.Due{At: time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC), Calendar: "2026.0"}
	held      = domain.Refuse(domain.KindConflict, "too_soon", "", "")
	colleague = decision.Ruling{
		Reviewer: domain.Party{ID: reviewer, Codes: []string{domaintest.OtherCode, domaintest.Enterprise.USCC}}, Revision: 1,
		Submitter: domain.Party{ID: owner, Codes: []string{domaintest.Enterprise.USCC}},
	}
)

// looking is a ruling on revision 1 by whoever had content of the digest before them.
func looking(digest string) decision.Ruling {
	r := domaintest.Ruling(1)
	r.Digest = digest
	return r
}

// known are the facts of a content.
func known(c product.Content) product.Facts { return domaintest.FactsOfContent(c) }

func history(then ...domain.Event) []domain.Event {
	return append([]domain.Event{product.Submitted{ProviderID: owner, Revision: 1, Content: content()}}, then...)
}

func TestProcess(t *testing.T) {
	approved := []domain.Event{product.Approved{Revision: 1}, product.Listed{}}
	down := product.TakenDown{Revision: 1, Reason: "投诉"}
	revoked := product.ApprovalRevoked{Revision: 1, Reasons: unfit}
	listed := func(then ...domain.Event) []domain.Event { return history(append(approved, then...)...) }
	decidertest.Table[product.State, product.Command]{
		Decider: product.Decider,
		Given: map[string][]domain.Event{
			"none":             nil,
			"pending":          history(),
			"rejected":         history(product.Rejected{Revision: 1, Reasons: unfit}),
			"listed":           listed(),
			"unlisted":         listed(product.Unlisted{}),
			"pinned":           listed(product.Pinned{}),
			"pinned, unlisted": listed(product.Pinned{}, product.Unlisted{}),
			"listed, pending":  listed(product.Revised{Revision: 2, Content: content()}),
			"hidden, rejected": listed(product.Unlisted{}, product.Revised{Revision: 2, Content: content()},
				product.Rejected{Revision: 2, Reasons: unfit}),
			"deleted":              listed(product.Deleted{}),
			"taken down":           listed(down),
			"taken down, revised":  listed(down, product.Revised{Revision: 2, Content: content()}),
			"pending, taken down":  listed(product.Revised{Revision: 2, Content: content()}, product.TakenDown{Revision: 2, Reason: "投诉"}),
			"taken down, approved": listed(down, product.Revised{Revision: 2, Content: content()}, product.Approved{Revision: 2}),
			"revoked":              listed(product.Pinned{}, revoked),
			"revoked, revised":     listed(product.Revised{Revision: 2, Content: content()}, revoked),
			"revoked, taken down":  listed(down, revoked),
			"matched":              history(product.PlaceMatched{Revision: 1, Point: content().Destination.Point()}),
		},
		When: map[string]product.Command{
			"submit":                   product.Submit{ProviderID: owner, Provider: active, Content: content(), Facts: known(content())},
			"submit, no content":       product.Submit{ProviderID: owner, Provider: active},
			"submit by applicant":      product.Submit{ProviderID: owner, Provider: provider.StandingApplicant, Content: content(), Facts: known(content())},
			"revise":                   product.Revise{By: owner, Provider: active, Content: content(), Facts: known(content())},
			"revise, no content":       product.Revise{By: owner, Provider: active},
			"revise by stranger":       product.Revise{By: stranger, Provider: active, Content: content(), Facts: known(content())},
			"revise suspended":         product.Revise{By: owner, Provider: provider.StandingSuspended, Content: content(), Facts: known(content())},
			"approve 1":                product.Approve{Ruling: domaintest.Ruling(1)},
			"approve 2":                product.Approve{Ruling: domaintest.Ruling(2)},
			"approve own":              product.Approve{Ruling: domaintest.RulingBy(owner, 1)},
			"approve 1, other content": product.Approve{Ruling: looking(strings.Repeat("0", 64))},
			"approve 1, bad digest":    product.Approve{Ruling: looking("f00")},
			"approve 1, held":          product.Approve{Ruling: decision.Ruling{Reviewer: domain.Party{ID: reviewer}, Revision: 1, Held: held}},
			"approve 1, long note":     product.Approve{Ruling: decision.Ruling{Revision: 1, Note: strings.Repeat("字", decision.MaxNote+1)}},
			"approve by a colleague":   product.Approve{Ruling: colleague},
			"revoke 1":                 product.RevokeApproval{Ruling: domaintest.Ruling(1, unfit...), Due: due},
			"revoke 2":                 product.RevokeApproval{Ruling: domaintest.Ruling(2, unfit...), Due: due},
			"revoke 1, no reason":      product.RevokeApproval{Ruling: domaintest.Ruling(1)},
			"revoke own":               product.RevokeApproval{Ruling: domaintest.RulingBy(owner, 1, unfit...)},
			"revoke, closed":           product.RevokeApproval{Ruling: domaintest.Ruling(1, unfit...), Provider: provider.StandingClosed},
			"reject 1":                 product.Reject{Ruling: domaintest.Ruling(1, unfit...)},
			"reject 2":                 product.Reject{Ruling: domaintest.Ruling(2, unfit...)},
			"reject 1, no reason":      product.Reject{Ruling: domaintest.Ruling(1)},
			"reject own":               product.Reject{Ruling: domaintest.RulingBy(owner, 1, unfit...)},
			"publish":                  product.Publish{By: owner, Provider: active},
			"publish by stranger":      product.Publish{By: stranger, Provider: provider.StandingSuspended},
			"publish suspended":        product.Publish{By: owner, Provider: provider.StandingSuspended},
			"unpublish":                product.Unpublish{By: owner},
			"unpublish by stranger":    product.Unpublish{By: stranger},
			"pin":                      product.Pin{By: owner, Provider: active},
			"pin by stranger":          product.Pin{By: stranger, Provider: active},
			"pin when closed":          product.Pin{By: owner, Provider: provider.StandingClosed},
			"unpin":                    product.Unpin{By: owner},
			"unpin by stranger":        product.Unpin{By: stranger},
			"approve, closed":          product.Approve{Ruling: domaintest.Ruling(1), Provider: provider.StandingClosed},
			"reject, closed":           product.Reject{Ruling: domaintest.Ruling(1, unfit...), Provider: provider.StandingClosed},
			"end the review":           product.EndReview{Provider: active},
			"end, closed":              product.EndReview{Provider: provider.StandingClosed},
			"delete":                   product.Delete{By: owner},
			"delete by stranger":       product.Delete{By: stranger},
			"take down":                product.TakeDown{Reason: "投诉"},
			"take down, no reason":     product.TakeDown{},
			"match place 1":            product.MatchPlace{Revision: 1, Place: domaintest.Place},
			"match place 2":            product.MatchPlace{Revision: 2},
		},
		Then: `
                         | none                   | pending               | rejected              | listed              | unlisted            | pinned              | pinned, unlisted    | listed, pending     | hidden, rejected    | deleted            | taken down          | taken down, revised | pending, taken down | taken down, approved | matched               | revoked               | revoked, revised      | revoked, taken down
submit                   | submitted              | !already_submitted    | !already_submitted    | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted   | !already_submitted    | !already_submitted    | !already_submitted    | !already_submitted
submit, no content       | !invalid_input         | !already_submitted    | !already_submitted    | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted   | !already_submitted    | !already_submitted    | !already_submitted    | !already_submitted
submit by applicant      | !provider_not_approved | !already_submitted    | !already_submitted    | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted | !already_submitted  | !already_submitted  | !already_submitted  | !already_submitted   | !already_submitted    | !already_submitted    | !already_submitted    | !already_submitted
revise                   | !not_found             | revised               | revised               | revised             | revised             | revised             | revised             | revised             | revised             | !not_found         | revised             | revised             | revised             | revised              | revised               | revised               | revised               | revised
revise, no content       | !not_found             | !invalid_input        | !invalid_input        | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !not_found         | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input       | !invalid_input        | !invalid_input        | !invalid_input        | !invalid_input
revise by stranger       | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
revise suspended         | !not_found             | !provider_suspended   | !provider_suspended   | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !not_found         | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended  | !provider_suspended   | !provider_suspended   | !provider_suspended   | !provider_suspended
approve 1                | !not_found             | approved+listed       | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | approved+listed       | approved+listed       | !stale_revision       | approved
approve 2                | !not_found             | !stale_revision       | !stale_revision       | !stale_revision     | !stale_revision     | !stale_revision     | !stale_revision     | approved            | !already_decided    | !not_found         | !stale_revision     | approved            | approved            | !already_decided     | !stale_revision       | !stale_revision       | approved+listed       | !stale_revision
approve own              | !not_found             | !own_case             | !own_case             | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !not_found         | !own_case           | !own_case           | !own_case           | !own_case            | !own_case             | !own_case             | !own_case             | !own_case
approve 1, other content | !not_found             | !content_differs      | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | !content_differs      | !content_differs      | !stale_revision       | !content_differs
approve 1, bad digest    | !not_found             | !invalid_input        | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | !invalid_input        | !invalid_input        | !stale_revision       | !invalid_input
approve 1, held          | !not_found             | !too_soon             | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | !too_soon             | !too_soon             | !stale_revision       | !too_soon
approve 1, long note     | !not_found             | !invalid_input        | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | !invalid_input        | !invalid_input        | !stale_revision       | !invalid_input
approve by a colleague   | !not_found             | !own_enterprise       | !own_enterprise       | !own_enterprise     | !own_enterprise     | !own_enterprise     | !own_enterprise     | !own_enterprise     | !own_enterprise     | !not_found         | !own_enterprise     | !own_enterprise     | !own_enterprise     | !own_enterprise      | !own_enterprise       | !own_enterprise       | !own_enterprise       | !own_enterprise
reject 1                 | !not_found             | rejected              | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | rejected              | rejected              | !stale_revision       | rejected
reject 2                 | !not_found             | !stale_revision       | !stale_revision       | !stale_revision     | !stale_revision     | !stale_revision     | !stale_revision     | rejected            | !already_decided    | !not_found         | !stale_revision     | rejected            | rejected            | !already_decided     | !stale_revision       | !stale_revision       | rejected              | !stale_revision
reject 1, no reason      | !not_found             | !invalid_input        | !already_decided      | !already_decided    | !already_decided    | !already_decided    | !already_decided    | !stale_revision     | !stale_revision     | !not_found         | !already_decided    | !stale_revision     | !stale_revision     | !stale_revision      | !invalid_input        | !invalid_input        | !stale_revision       | !invalid_input
reject own               | !not_found             | !own_case             | !own_case             | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !not_found         | !own_case           | !own_case           | !own_case           | !own_case            | !own_case             | !own_case             | !own_case             | !own_case
revoke 1                 | !not_found             | !no_approval          | !no_approval          | approval-revoked    | approval-revoked    | approval-revoked    | approval-revoked    | approval-revoked    | approval-revoked    | !not_found         | approval-revoked    | approval-revoked    | approval-revoked    | !stale_revision      | !no_approval          | !no_approval          | !no_approval          | !no_approval
revoke 2                 | !not_found             | !no_approval          | !no_approval          | !stale_revision     | !stale_revision     | !stale_revision     | !stale_revision     | !stale_revision     | !stale_revision     | !not_found         | !stale_revision     | !stale_revision     | !stale_revision     | approval-revoked     | !no_approval          | !no_approval          | !no_approval          | !no_approval
revoke 1, no reason      | !not_found             | !no_approval          | !no_approval          | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !not_found         | !invalid_input      | !invalid_input      | !invalid_input      | !stale_revision      | !no_approval          | !no_approval          | !no_approval          | !no_approval
revoke own               | !not_found             | !own_case             | !own_case             | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !own_case           | !not_found         | !own_case           | !own_case           | !own_case           | !own_case            | !own_case             | !own_case             | !own_case             | !own_case
revoke, closed           | !not_found             | !provider_closed      | !provider_closed      | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !not_found         | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed     | !provider_closed      | !provider_closed      | !provider_closed      | !provider_closed
publish                  | !not_found             | !product_not_approved | !product_not_approved | -                   | listed              | -                   | listed              | -                   | listed              | !not_found         | !product_taken_down | !product_taken_down | !product_taken_down | listed               | !product_not_approved | !product_not_approved | !product_not_approved | !product_not_approved
publish by stranger      | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
publish suspended        | !not_found             | !provider_suspended   | !provider_suspended   | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended | !not_found         | !provider_suspended | !provider_suspended | !provider_suspended | !provider_suspended  | !provider_suspended   | !provider_suspended   | !provider_suspended   | !provider_suspended
unpublish                | !not_found             | -                     | -                     | unlisted            | -                   | unlisted            | -                   | unlisted            | -                   | !not_found         | -                   | -                   | -                   | -                    | -                     | -                     | -                     | -
unpublish by stranger    | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
pin                      | !not_found             | !product_not_approved | !product_not_approved | pinned              | pinned              | -                   | -                   | pinned              | pinned              | !not_found         | !product_taken_down | !product_taken_down | !product_taken_down | pinned               | !product_not_approved | !product_not_approved | !product_not_approved | !product_not_approved
pin by stranger          | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
pin when closed          | !not_found             | !provider_closed      | !provider_closed      | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !not_found         | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed     | !provider_closed      | !provider_closed      | !provider_closed      | !provider_closed
unpin                    | !not_found             | -                     | -                     | -                   | -                   | unpinned            | unpinned            | -                   | -                   | !not_found         | -                   | -                   | -                   | -                    | -                     | -                     | -                     | -
unpin by stranger        | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
approve, closed          | !not_found             | !provider_closed      | !provider_closed      | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !not_found         | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed     | !provider_closed      | !provider_closed      | !provider_closed      | !provider_closed
reject, closed           | !not_found             | !provider_closed      | !provider_closed      | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed    | !not_found         | !provider_closed    | !provider_closed    | !provider_closed    | !provider_closed     | !provider_closed      | !provider_closed      | !provider_closed      | !provider_closed
end the review           | !not_found             | -                     | -                     | -                   | -                   | -                   | -                   | -                   | -                   | !not_found         | -                   | -                   | -                   | -                    | -                     | -                     | -                     | -
end, closed              | !not_found             | rejected              | -                     | -                   | -                   | -                   | -                   | rejected            | -                   | !not_found         | -                   | rejected            | rejected            | -                    | rejected              | rejected              | rejected              | rejected
delete                   | !not_found             | deleted               | deleted               | deleted             | deleted             | deleted             | deleted             | deleted             | deleted             | -                  | deleted             | deleted             | deleted             | deleted              | deleted               | deleted               | deleted               | deleted
delete by stranger       | !not_found             | !not_found            | !not_found            | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found          | !not_found         | !not_found          | !not_found          | !not_found          | !not_found           | !not_found            | !not_found            | !not_found            | !not_found
take down                | !not_found             | !product_never_public | !product_never_public | taken-down          | taken-down          | taken-down          | taken-down          | taken-down          | taken-down          | !not_found         | -                   | -                   | -                   | taken-down           | !product_never_public | !product_never_public | !product_never_public | !product_never_public
take down, no reason     | !not_found             | !invalid_input        | !invalid_input        | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input      | !not_found         | !invalid_input      | !invalid_input      | !invalid_input      | !invalid_input       | !invalid_input        | !invalid_input        | !invalid_input        | !invalid_input
match place 1            | !not_found             | place-matched         | place-matched         | place-matched       | place-matched       | place-matched       | place-matched       | -                   | -                   | !not_found         | place-matched       | -                   | -                   | -                    | -                     | place-matched         | -                     | place-matched
match place 2            | !not_found             | -                     | -                     | -                   | -                   | -                   | -                   | place-matched       | place-matched       | !not_found         | -                   | place-matched       | place-matched       | place-matched        | -                     | -                     | place-matched         | -
`,
	}.Run(t)
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, product.Types) }

func TestApprovedContentStaysLiveWhileALaterRevisionWaits(t *testing.T) {
	later := content()
	later.Name = "改名后的专线"
	s := decidertest.Fold(product.Decider, history(
		product.Approved{Revision: 1}, product.Listed{}, product.Revised{Revision: 2, Content: later}))
	if s.Approved.Name != content().Name || s.Latest.Name != later.Name || !s.Public(active) {
		t.Errorf("while pending: approved %q, latest %q, public %v", s.Approved.Name, s.Latest.Name, s.Public(active))
	}
	rejected := product.Evolve(s, product.Rejected{Revision: 2, Reasons: unfit})
	if rejected.Approved.Name != content().Name || !rejected.Public(active) {
		t.Errorf("after rejection: approved %q, public %v", rejected.Approved.Name, rejected.Public(active))
	}
	if approved := product.Evolve(s, product.Approved{Revision: 2}); approved.Approved.Name != later.Name || approved.ApprovedRevision != 2 {
		t.Errorf("after approval: approved %q", approved.Approved.Name)
	}
}

func TestPublicNeedsAnActiveOwner(t *testing.T) {
	s := decidertest.Fold(product.Decider, history(product.Approved{Revision: 1}, product.Listed{}))
	for _, owner := range []provider.Standing{"", provider.StandingApplicant, provider.StandingSuspended, provider.StandingClosed} {
		if s.Public(owner) {
			t.Errorf("public while the owner is %q", owner)
		}
	}
}

func TestDeletedProductHoldsNoContent(t *testing.T) {
	s := decidertest.Fold(product.Decider, history(product.Approved{Revision: 1}, product.Listed{}, product.Pinned{}, product.Deleted{}))
	if !reflect.DeepEqual(s.Latest, product.Content{}) || !reflect.DeepEqual(s.Approved, product.Content{}) || s.Public(active) || s.Pinned {
		t.Errorf("got %+v", s)
	}
}

func TestStaleDecisionNamesTheLatestRevision(t *testing.T) {
	s := decidertest.Fold(product.Decider, history(product.Revised{Revision: 2, Content: content()}))
	_, err := product.Decide(s, product.Approve{Ruling: domaintest.Ruling(1)})
	var refusal *domain.Error
	if !errors.As(err, &refusal) || refusal.Kind != domain.KindStale ||
		!strings.Contains(refusal.Text.EN, "2") || !strings.Contains(refusal.Text.ZH, "第2版") {
		t.Errorf("got %v", err)
	}
}

func TestContentLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("字", n) }
	many := func(n int) []string {
		tags := make([]string, n)
		for i := range tags {
			tags[i] = fmt.Sprint("标签", i)
		}
		return tags
	}
	for name, test := range map[string]struct {
		change func(*product.Content)
		want   string // pointer and code of each mistake
	}{
		"as it is":            {func(*product.Content) {}, ""},
		"name at limit":       {func(c *product.Content) { c.Name = " " + long(30) + "\n" }, ""},
		"name over":           {func(c *product.Content) { c.Name = long(31) }, "/name too_long"},
		"name missing":        {func(c *product.Content) { c.Name = " \t " }, "/name required"},
		"name with control":   {func(c *product.Content) { c.Name = "a\x00b" }, "/name control_characters"},
		"name not UTF-8":      {func(c *product.Content) { c.Name = "a\xffb" }, "/name control_characters"},
		"name of two lines":   {func(c *product.Content) { c.Name = "a\nb" }, "/name line_break"},
		"name of no width":    {func(c *product.Content) { c.Name = "\u200b\ufeff" }, "/name required"},
		"name turned around":  {func(c *product.Content) { c.Name = "a\u202eb" }, "/name control_characters"},
		"brief at limit":      {func(c *product.Content) { c.Brief = long(60) }, ""},
		"brief over":          {func(c *product.Content) { c.Brief = long(61) }, "/brief too_long"},
		"no tags":             {func(c *product.Content) { c.Tags = nil }, ""},
		"50 tags":             {func(c *product.Content) { c.Tags = many(50) }, ""},
		"50 tags and repeats": {func(c *product.Content) { c.Tags = append(many(50), "标签3", " ") }, ""},
		"51 tags":             {func(c *product.Content) { c.Tags = many(51) }, "/tags too_many"},
		"tag at limit":        {func(c *product.Content) { c.Tags = []string{long(50)} }, ""},
		"tag of two lines":    {func(c *product.Content) { c.Tags = []string{"a\nb"} }, "/tags/0 line_break"},
		"tag over":            {func(c *product.Content) { c.Tags = []string{"a", "", long(51)} }, "/tags/2 too_long"},
		"no mode":             {func(c *product.Content) { c.Mode = "" }, "/mode unknown_mode"},
		"another mode":        {func(c *product.Content) { c.Mode = "pipeline" }, "/mode unknown_mode"},
		"no country":          {func(c *product.Content) { c.Destination.Country = "" }, "/destination/country required"},
		"city over":           {func(c *product.Content) { c.Destination.City = long(31) }, "/destination/city too_long"},
		"map not clicked":     {func(c *product.Content) { c.Destination.Latitude, c.Destination.Longitude = 0, 0 }, "/destination/latitude required"},
		"on the equator":      {func(c *product.Content) { c.Destination.Latitude = 0 }, ""},
		"poles":               {func(c *product.Content) { c.Destination.Latitude, c.Destination.Longitude = -90, 180 }, ""},
		"beyond":              {func(c *product.Content) { c.Destination.Latitude, c.Destination.Longitude = 90.1, -180.1 }, "/destination/latitude out_of_range, /destination/longitude out_of_range"},
		"not a number":        {func(c *product.Content) { c.Destination.Latitude = math.NaN() }, "/destination/latitude out_of_range"},
		"infinite":            {func(c *product.Content) { c.Destination.Longitude = math.Inf(1) }, "/destination/longitude out_of_range"},
		"no system":           {func(c *product.Content) { c.Destination.CRS = "" }, "/destination/crs unknown_crs"},
		"no cover":            {func(c *product.Content) { c.Cover = "" }, "/cover required"},
		"cover is a URL":      {func(c *product.Content) { c.Cover = "https://example.com/a.png" }, "/cover bad_image_reference"},
		"no details":          {func(c *product.Content) { c.Details = nil }, "/details required"},
		"10 details":          {func(c *product.Content) { c.Details = make10() }, ""},
		"11 details":          {func(c *product.Content) { c.Details = append(make10(), domaintest.Image("a")) }, "/details too_many"},
		"a bad detail":        {func(c *product.Content) { c.Details[1] = "sha256:xyz" }, "/details/1 bad_image_reference"},
		"all at once": {
			func(c *product.Content) { *c = product.Content{} },
			"/name required, /brief required, /mode unknown_mode, /destination/country required, /destination/city required, " +
				"/destination/latitude required, /cover required, /details required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := content()
			test.change(&c)
			_, err := c.Clean(known(c))
			if got := decidertest.Mistakes(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTagsAreCleanedAndKeptInOrder(t *testing.T) {
	c := content()
	c.Tags = []string{" 海运 ", "", "清关", "海运", "e\u0301"}
	if _, err := c.Clean(known(c)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"海运", "清关", "é"}; !reflect.DeepEqual(c.Tags, want) {
		t.Errorf("got %q, want %q", c.Tags, want)
	}
	c.Tags = nil
	if _, err := c.Clean(known(c)); err != nil || c.Tags == nil {
		t.Errorf("no tags must be an empty list in JSON, got %#v (%v)", c.Tags, err)
	}
}

func make10() []domain.ImageRef {
	refs := make([]domain.ImageRef, 10)
	for i := range refs {
		refs[i] = domaintest.Image(fmt.Sprint(i))
	}
	return refs
}

func TestOnlyWhatAwaitsADecisionAgainIsDueAnew(t *testing.T) {
	live := []domain.Event{product.Approved{Revision: 1}, product.Listed{}}
	later := append(live, product.Revised{Revision: 2, Content: content()})
	for name, c := range map[string]struct {
		log  []domain.Event
		want workdays.Due
	}{"the latest": {live, due}, "a later one waits": {later, workdays.Due{}}} {
		s := decidertest.Fold(product.Decider, history(c.log...))
		facts, err := product.Decide(s, product.RevokeApproval{Ruling: domaintest.Ruling(1, unfit...), Due: due})
		if err != nil {
			t.Fatal(err)
		}
		after := product.Evolve(s, facts[0])
		if e := facts[0].(product.ApprovalRevoked); e.Due != c.want || after.Due != c.want || after.Review != domain.ReviewPending || after.Revoked.Revision != 1 {
			t.Errorf("%s: due %+v, %+v", name, after.Due, after.Revoked)
		}
	}
}
