package pins_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/pins"
)

var (
	a  = uuid.MustParse("00000000-0000-4000-8000-00000000000a")
	b  = uuid.MustParse("00000000-0000-4000-8000-00000000000b")
	at = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
)

func TestProcess(t *testing.T) {
	decidertest.Table[pins.State, pins.Command]{
		Decider: pins.Decider,
		Given: map[string][]domain.Event{
			"none": nil,
			"a's":  {pins.Taken{ProductID: a, ProductRevision: 2, At: at}},
		},
		When: map[string]pins.Command{
			"take":              pins.Take{ProductID: b, ProductRevision: 4, At: at, Limit: 1, Free: []uuid.UUID{a}},
			"take, all taken":   pins.Take{ProductID: b, ProductRevision: 4, At: at, Limit: 1, Others: 1},
			"take, none at all": pins.Take{ProductID: b, At: at},
		},
		Then: `
                  | none               | a's
take              | taken              | taken
take, all taken   | !pin_limit_reached | !pin_limit_reached
take, none at all | !pin_limit_reached | !pin_limit_reached
`,
	}.Run(t)
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, pins.Types) }

func TestSlots(t *testing.T) {
	s := decidertest.Fold(pins.Decider, []domain.Event{
		pins.Taken{ProductID: a, ProductRevision: 2, At: at},
		pins.Taken{ProductID: b, ProductRevision: 4, At: at, Freed: []uuid.UUID{a}},
		pins.Taken{ProductID: b, ProductRevision: 5, At: at},
	})
	if len(s.Slots) != 1 || s.Slots[0].ProductID != b || s.Slots[0].ProductRevision != 5 {
		t.Fatalf("slots %+v", s.Slots)
	}
	for name, c := range map[string]struct {
		now   domain.Revision
		later time.Duration
		want  bool
	}{
		"at once": {5, 0, true}, "a minute later": {5, time.Minute, true}, "cut short": {5, time.Minute + 1, false}, "moved on": {6, 0, false},
	} {
		if got := s.Slots[0].UnderWay(c.now, at.Add(c.later)); got != c.want {
			t.Errorf("%s: under way %v", name, got)
		}
	}
}
