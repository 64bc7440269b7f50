package product_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
)

func commands() *rapid.Generator[product.Command] {
	return rapid.Custom(func(t *rapid.T) product.Command {
		by := rapid.SampledFrom([]uuid.UUID{owner, owner, owner, stranger, reviewer}).Draw(t, "by")
		standing := rapid.SampledFrom([]provider.Standing{active, active, active, provider.StandingSuspended}).Draw(t, "standing")
		revision := domain.ContentRevision(rapid.IntRange(0, 6).Draw(t, "revision"))
		c := content()
		c.Name = fmt.Sprint("产品", rapid.IntRange(0, 99).Draw(t, "name"))
		c.Tags = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "tags")
		return rapid.SampledFrom([]product.Command{
			product.Submit{ProviderID: owner, Provider: standing, Content: c, Facts: known(c)},
			product.Revise{By: by, Provider: standing, Content: c, Facts: known(c)},
			product.Approve{Ruling: domaintest.Ruling(revision)},
			product.Approve{Ruling: domaintest.Ruling(revision)},
			product.Reject{Ruling: domaintest.Ruling(revision, unfit...)},
			product.RevokeApproval{Ruling: domaintest.Ruling(revision, unfit...), Provider: standing, Due: due},
			product.Publish{By: by, Provider: standing},
			product.Unpublish{By: by},
			product.Pin{By: by, Provider: standing},
			product.Unpin{By: by},
			product.Delete{By: by},
			product.TakeDown{Reason: "投诉"},
			product.MatchPlace{Revision: revision, Place: place.Fact{ID: 7}},
		}).Draw(t, "command")
	})
}

func TestAnySequenceOfCommandsKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s product.State
		var log []domain.Event
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := s
			c := commands().Draw(t, "c")
			if d, ok := c.(product.Delete); ok && d.By == owner && rapid.Bool().Draw(t, "spare it") {
				continue
			}
			facts, err := product.Decide(s, c)
			if err != nil && len(facts) > 0 {
				t.Fatalf("%T refused with events", c)
			}
			decidertest.Lossless(t, product.Types, facts)
			if rapid.Bool().Draw(t, "recorded long ago") {
				facts = domaintest.Older(facts...)
			}
			for _, fact := range facts {
				s = product.Evolve(s, fact)
			}
			log = append(log, facts...)
			checkInvariants(t, before, s, facts)
		}
		decidertest.StableFold(t, product.Decider, log)
		if again := decidertest.Fold(product.Decider, log); !reflect.DeepEqual(again, s) {
			t.Fatalf("folding the whole log gives\n%+v, want\n%+v", again, s)
		}
	})
}

func checkInvariants(t *rapid.T, before, s product.State, facts []domain.Event) {
	for _, rule := range []struct {
		holds bool
		name  string
	}{
		{!s.Listed || s.ApprovedRevision > 0, "listed without approval"},
		{!s.Pinned || s.ApprovedRevision > 0, "pinned without approval"},
		{s.ApprovedRevision <= s.Revision, "approved what was never submitted"},
		{
			s.ApprovedRevision == 0 || s.ApprovedRevision == before.ApprovedRevision || s.ApprovedRevision == s.Revision,
			"an older revision went live",
		},
		{s.ApprovedRevision >= before.ApprovedRevision || revokes(facts), "the approval is gone and nobody revoked it"},
		{s.Revoked == nil || s.ApprovedRevision == 0, "revoked and approved"},
		{!revokes(facts) || !s.Public(active), "public though its approval was revoked"},
		{s.Revision >= before.Revision && s.Revision <= before.Revision+1, "revision jumped"},
		{s.Deleted || s.ApprovedRevision == 0 || s.Approved.Name != "", "live content lost"},
		{s.Review != domain.ReviewApproved || s.ApprovedRevision == s.Revision, "approved revision is not the live one"},
		{!before.Deleted || (s.Deleted && len(facts) == 0), "something happened after deletion"},
		{!s.Deleted || (!s.Public(active) && !s.Pinned && s.Latest.Name == "" && s.Approved.Name == ""), "deleted product still shows"},
		{s.TakenDown == nil || !s.Listed, "taken down and listed"},
		{before.Revision == 0 || s.ProviderID == before.ProviderID, "changed owner"},
		{s.Point.IsZero() || s.Point == s.Latest.Destination.Point(), "is not where its destination is"},
		{s.Place == 0 || !s.Point.IsZero(), "a place that is nowhere"},
	} {
		if !rule.holds {
			t.Fatalf("%s: %+v", rule.name, s)
		}
	}
	for _, fact := range facts {
		switch e := fact.(type) {
		case product.ApprovalRevoked:
			if e.Revision != before.ApprovedRevision || e.Due.At.IsZero() == (e.Revision == before.Revision) || e.Seen == nil {
				t.Fatalf("revoked %d, due %v, when %d was live and %d the latest", e.Revision, e.Due, before.ApprovedRevision, before.Revision)
			}
		case product.Revised:
			if e.Revision != before.Revision+1 {
				t.Fatalf("revision %d after %d", e.Revision, before.Revision)
			}
		case product.Approved:
			if before.Review != domain.ReviewPending || e.Revision != before.Revision {
				t.Fatalf("approved %d when %d was %s", e.Revision, before.Revision, before.Review)
			}
		case product.PlaceMatched:
			if e.Revision != before.Revision || !before.Point.IsZero() {
				t.Fatalf("matched %d when %d was at %v", e.Revision, before.Revision, before.Point)
			}
		}
	}
}

func revokes(facts []domain.Event) bool {
	return slices.ContainsFunc(facts, func(e domain.Event) bool { _, ok := e.(product.ApprovalRevoked); return ok })
}
