package commands_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// TestExamine: what each decision was about, since when that waited, and what came of it.
func TestExamine(t *testing.T) {
	w := newWorld(t)
	reasons := []domain.Reason{{Code: "other", Note: "重写"}}
	content := func(name string) product.Content { return domaintest.Content(name) }
	one, two := domaintest.Profile("一"), domaintest.Profile("二")
	for _, row := range []struct {
		what  string
		facts []domain.Event // an hour apart
		want  map[int]string // by the place of the decision: verb, what it was about, how long that waited, what came of it
	}{
		{"a product", []domain.Event{
			0: product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: content("一")},
			1: product.Rejected{Revision: 1, Reasons: reasons},
			2: product.Revised{Revision: 2, Content: content("二")},
			3: product.Approved{Revision: 2}, 4: product.Listed{}, 5: product.Pinned{}, 6: product.Unlisted{}, 7: product.Listed{},
			8:  product.Revised{Revision: 3, Content: content("三")},
			9:  product.Rejected{Revision: 3, Reasons: reasons},
			10: product.Revised{Revision: 4, Content: content("四")},
			11: product.ApprovalRevoked{Revision: 2, Reasons: reasons},
			12: product.Approved{Revision: 4}, 13: product.Listed{},
			14: product.ApprovalRevoked{Revision: 4, Reasons: reasons},
			15: product.Approved{Revision: 4}, 16: product.TakenDown{Revision: 4, Reason: "投诉"}, 17: product.Deleted{},
		}, map[int]string{
			1:  "rejected 一 1h revised",
			3:  "approved 二 1h listed unlisted revised rejected approval-revoked",
			9:  "rejected 三 1h revised",
			11: "approval_revoked 二 - approved",
			12: "approved 四 2h listed approval-revoked",
			14: "approval_revoked 四 - approved",
			15: "approved 四 1h taken-down deleted",
		}},
		{"an application", []domain.Event{
			0: provider.Applied{Revision: 1, Profile: one},
			1: provider.FirstApproved{Revision: 1, Reviewer: domaintest.Reviewer},
			2: provider.Revised{Revision: 2, Profile: two},
			3: provider.FirstApproved{Revision: 2, Reviewer: domaintest.Reviewer},
			4: provider.Approved{Revision: 2}, 5: provider.PinLimitSet{}, 6: provider.Suspended{Reason: "核查"},
			7: provider.Reinstated{}, 8: provider.Suspended{Reason: "核查"}, 9: provider.Closed{Reason: "注销"},
		}, map[int]string{
			1: "first_approved 一 1h revised",
			3: "first_approved 二 1h approved",
			4: "approved 二 2h suspended reinstated closed",
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			category := provider.Category
			if strings.HasPrefix(row.facts[0].EventType(), product.Category) {
				category = product.Category
			}
			stream := domain.Stream(category, uuid.New())
			ids := w.record(stream, noon, row.facts...)
			for i, id := range ids {
				x, err := w.Examine(t.Context(), stream, id)
				want, decided := row.want[i]
				if !decided {
					wantRefusal(t, err, domain.ErrNotFound)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				said := string(x.Verb)
				switch c := x.Submission.Content.(type) {
				case product.Content:
					said += " " + c.Name
				case provider.Profile:
					said += " " + c.Introduction
				}
				waited := " -"
				if x.Waited != nil {
					waited = fmt.Sprintf(" %dh", x.Waited.Elapsed/time.Hour)
				}
				said += waited
				for _, step := range x.Aftermath {
					said += " " + strings.TrimSuffix(strings.TrimPrefix(step.Type, category+"-"), ".v1")
				}
				if said != want || x.ID != id || x.Seen != nil || x.Claim != nil || x.Calendar == "" || x.Submission.Digest == "" {
					t.Errorf("%s@%d: %s, want %s\n%+v", row.what, i, said, want, x)
				}
			}
		})
	}
}

// TestExamineFindsTheClaim that a decision names, or that one from before it was recorded ended.
func TestExamineFindsTheClaim(t *testing.T) {
	w := newWorld(t)
	id, reviewer, first, second := uuid.New(), domaintest.ID("reviewer"), uuid.New(), uuid.New()
	on := domain.Stream(claim.Category, id)
	claimed := func(c uuid.UUID) claim.Claimed {
		return claim.Claimed{Claim: c, Kind: product.Category, Revision: 1, Reviewer: reviewer, Until: noon.Add(24 * time.Hour)}
	}
	stream := domain.Stream(product.Category, id)
	w.record(stream, noon.Add(-time.Hour), product.Submitted{Revision: 1, Content: content()})
	w.record(on, noon, claimed(first), claim.Released{Claim: first}, claimed(second),
		claim.DecisionBegun{Kind: product.Category, Revision: 1, Reviewer: reviewer, Claim: second})
	old := w.record(stream, noon.Add(3*time.Hour), product.Rejected{Revision: 1})[0]
	named := w.record(stream, noon.Add(4*time.Hour), product.Approved{Revision: 1, Record: decision.Record{Seen: &decision.Seen{Claim: first}}})[0]
	without := w.record(stream, noon.Add(5*time.Hour), product.Approved{Revision: 1, Record: decision.Record{Seen: &decision.Seen{}}})[0]
	w.record(on, noon.Add(6*time.Hour), claimed(uuid.New()))
	for event, want := range map[uuid.UUID]string{old: fmt.Sprint(second, "1h"), named: fmt.Sprint(first, "4h"), without: ""} {
		x, err := w.Examine(t.Context(), stream, event)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		if x.Claim != nil {
			said = fmt.Sprintf("%v%dh", x.Claim.ID, x.FromClaim.Elapsed/time.Hour)
		}
		if said != want {
			t.Errorf("%s %d: %q, want %q", x.Verb, x.Revision, said, want)
		}
	}
}

// record appends facts of a reviewer's, an hour apart, to the end of a stream, and returns their ids.
func (w *world) record(stream domain.StreamName, from time.Time, facts ...domain.Event) (ids []uuid.UUID) {
	w.t.Helper()
	expected := domain.NoStream()
	if before := w.events(stream); len(before) > 0 {
		expected = domain.Exactly(before[len(before)-1].Revision)
	}
	var events []domain.NewEvent
	for i, fact := range facts {
		data, err := json.Marshal(fact)
		if err != nil {
			w.t.Fatal(err)
		}
		meta, err := json.Marshal(domain.Metadata{
			Actor: domain.Actor{ID: domaintest.ID("reviewer"), Role: domain.RoleReviewer}, At: from.Add(time.Duration(i) * time.Hour),
			CausationID: uuid.New(), CorrelationID: uuid.New(), Schema: domain.MetadataSchema,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		events = append(events, domain.NewEvent{ID: uuid.New(), Type: fact.EventType(), Data: data, Metadata: meta})
		ids = append(ids, events[i].ID)
	}
	if _, err := w.store.Append(w.t.Context(), stream, expected, events); err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// TestReplayAtAPosition: a position between two events of a stream is the one before it.
func TestReplayAtAPosition(t *testing.T) {
	w := newWorld(t)
	id := w.listed(w.provider(w.codeA))
	stream := domain.Stream(product.Category, id)
	events := w.events(stream)
	for position := events[0].Position - 1; position <= events[len(events)-1].Position+1; position++ {
		want := -1
		for i, e := range events {
			if e.Position <= position {
				want = i
			}
		}
		then, err := w.Replay(t.Context(), stream, commands.Until{Position: &position})
		if want < 0 {
			wantRefusal(t, err, domain.ErrNotFound)
			continue
		}
		if err != nil || then.Step.ID != events[want].ID || then.More != (want < len(events)-1) {
			t.Errorf("at %d: %+v, %v", position, then, err)
		}
	}
}
