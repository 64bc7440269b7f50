package digest_test

import (
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/digest"
	"waybill/domain/workdays"
)

func TestProcess(t *testing.T) {
	morning := time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)
	overdue := morning.AddDate(0, 0, -1)
	counted := digest.Made{
		Day: workdays.DayOf(morning), At: morning, Calendar: "2026.0",
		Kinds: []digest.Kind{{Kind: "product", Open: 12, Overdue: 2, DueToday: 7, Oldest: &overdue}},
	}
	later := digest.Make(counted)
	later.At, later.Kinds = morning.Add(time.Hour), nil
	decidertest.Table[digest.State, digest.Command]{
		Decider: digest.Decider,
		Given:   map[string][]domain.Event{"none": nil, "made": {counted}},
		When:    map[string]digest.Command{"make": digest.Make(counted), "make, counted later": later},
		Then: `
                    | none               | made
make                | review-digest-made | -
make, counted later | review-digest-made | -
`,
	}.Run(t)
}

// A day has its own stream, whenever it is asked for.
func TestStreamOfADay(t *testing.T) {
	day := workdays.Date(2026, 11, 26)
	const is = "7c7af780-be61-5399-9cba-e588812f00a6"
	if got := digest.StreamID(day).String(); got != is {
		t.Errorf("the stream of %s is %s, want %s as it always was", day, got, is)
	}
	if digest.StreamID(day) == digest.StreamID(day+1) {
		t.Error("two days share a stream")
	}
}
