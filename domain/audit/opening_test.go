package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/decidertest"
)

var (
	noon   = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)
	object = uuid.MustParse("0193b3a0-6f2e-7cc1-9d0e-2f6f1c1f5a01")
)

func open(reason string, deleted bool) audit.Open {
	return audit.Open{Kind: "product", Object: object, Deleted: deleted, Reason: reason, At: noon}
}

func TestOpenings(t *testing.T) {
	decidertest.Table[audit.Opening, audit.OpeningCommand]{
		Decider: audit.Openings,
		Given: map[string][]domain.Event{
			"none":  nil,
			"open":  {audit.Opened{Kind: "product", Object: object, Reason: "核查", Until: noon.Add(time.Hour)}},
			"ended": {audit.Opened{Kind: "product", Object: object, Reason: "核查", Until: noon}},
		},
		When: map[string]audit.OpeningCommand{
			"open":             open("投诉", true),
			"without a reason": open("\u200b ", true),
			"too long":         open(strings.Repeat("长", audit.MaxReason+1), true),
			"of what is there": open("投诉", false),
		},
		Then: `
                 | none           | open           | ended
open             | record-opened  | record-opened  | record-opened
without a reason | !invalid_input | !invalid_input | !invalid_input
too long         | !invalid_input | !invalid_input | !invalid_input
of what is there | !not_deleted   | !not_deleted   | !not_deleted
`,
	}.Run(t)
}

// TestAnOpeningEndsAtItsInstant: it lasts for the lease, is made anew by another reason, and never made shorter by a slower clock.
func TestAnOpeningEndsAtItsInstant(t *testing.T) {
	var s audit.Opening
	at := func(then time.Time) time.Time {
		t.Helper()
		c := open("投诉", true)
		c.At = then
		happened, err := audit.DecideOpening(s, c)
		if err != nil || len(happened) != 1 {
			t.Fatal(happened, err)
		}
		s = audit.EvolveOpening(s, happened[0])
		return s.Until
	}
	if s.Live(noon) {
		t.Error("open before anything happened")
	}
	until := at(noon)
	if until != noon.Add(audit.Lease) || !s.Live(until.Add(-1)) || s.Live(until) {
		t.Errorf("open until %v", until)
	}
	if again := at(noon.Add(-time.Minute)); again != until {
		t.Errorf("by a slower clock until %v", again)
	}
	if later := at(noon.Add(time.Hour)); later != until.Add(time.Hour) {
		t.Errorf("opened again until %v", later)
	}
}

func TestOpeningsAreOfOneAuditorAndOneRecord(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	ids := map[uuid.UUID]bool{
		audit.OpeningID(a, "product", object): true, audit.OpeningID(b, "product", object): true, audit.OpeningID(a, "booking", object): true,
		audit.OpeningID(a, "product", b): true,
	}
	if len(ids) != 4 {
		t.Errorf("ids: %v", ids)
	}
}
