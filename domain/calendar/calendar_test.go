package calendar_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/decidertest"
	"waybill/domain/workdays"
)

func off(date string) workdays.Special {
	d, err := workdays.ParseDay(date)
	if err != nil {
		panic(err)
	}
	return workdays.Special{Day: d, Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}
}

func correction(through int, days ...workdays.Special) workdays.Correction {
	return workdays.Correction{Through: through, Days: days, Notice: "国办发明电〔2026〕9号"}
}

func TestProcess(t *testing.T) {
	decidertest.Table[calendar.State, calendar.Command]{
		Decider: calendar.Decider,
		Given: map[string][]domain.Event{
			"as published": nil,
			"corrected":    {calendar.Corrected{Version: "2026.1", Correction: correction(0, off("2026-03-13"))}},
			"a year on":    {calendar.Corrected{Version: "2026.1", Correction: correction(2027, off("2027-01-01"))}},
		},
		When: map[string]calendar.Command{
			"correct":         calendar.Correct{Correction: correction(0, off("2026-03-16"))},
			"correct again":   calendar.Correct{Correction: correction(0, off("2026-03-13"))},
			"bring a year":    calendar.Correct{Correction: correction(2027, off("2027-05-03"))},
			"correct nothing": calendar.Correct{},
		},
		Then: `
                | as published   | corrected      | a year on
correct         | corrected      | corrected      | corrected
correct again   | corrected      | !invalid_input | corrected
bring a year    | corrected      | corrected      | !invalid_input
correct nothing | !invalid_input | !invalid_input | !invalid_input
`,
	}.Run(t)
}

// TestVersionsFollowEachOther: a state says what its events say, and the version before goes on saying what it said.
func TestVersionsFollowEachOther(t *testing.T) {
	var s calendar.State
	thursday := time.Date(2026, 3, 12, 2, 0, 0, 0, time.UTC)
	for i, want := range []struct {
		version workdays.Version
		due     string
	}{{"2026.0", "2026-03-13"}, {"2026.1", "2026-03-16"}, {"2026.2", "2026-03-17"}} {
		before := s
		if due := s.Calendar().Due(thursday, workdays.ForProduct); due.Calendar != want.version || due.Day().String() != want.due {
			t.Errorf("due %s by %s, want %+v", due.Day(), due.Calendar, want)
		}
		days := []workdays.Special{off("2026-03-13"), off("2026-03-16"), off("2026-03-17")}
		happened, err := calendar.Decide(s, calendar.Correct{Correction: correction(0, days[i])})
		if err != nil {
			t.Fatal(err)
		}
		s = calendar.Evolve(s, happened[0])
		if said := happened[0].(calendar.Corrected).Version; said != s.Calendar().Version() {
			t.Errorf("the event says %s of %s", said, s.Calendar().Version())
		}
		if before.Calendar().Version() != want.version {
			t.Errorf("%s became %s", want.version, before.Calendar().Version())
		}
	}
}

// TestDecideCleansACopy: what the caller holds stays as it was typed.
func TestDecideCleansACopy(t *testing.T) {
	typed := correction(0, off("2026-03-13"))
	typed.Days[0].Name.EN = " Typhoon "
	happened, err := calendar.Decide(calendar.State{}, calendar.Correct{Correction: typed})
	if err != nil {
		t.Fatal(err)
	}
	if corrected := happened[0].(calendar.Corrected); corrected.Correction.Days[0].Name.EN != "Typhoon" || typed.Days[0].Name.EN != " Typhoon " {
		t.Errorf("%+v of %+v", corrected, typed)
	}
}

// TestMistakesAreNamed where they are.
func TestMistakesAreNamed(t *testing.T) {
	_, err := calendar.Decide(calendar.State{}, calendar.Correct{Correction: correction(0, off("2027-03-13"))})
	var refusal *domain.Error
	if !errors.As(err, &refusal) || len(refusal.Fields) != 1 || refusal.Fields[0].Pointer != "/days/0/day" {
		t.Errorf("%v", err)
	}
}

func TestStateAsAuditorsReadIt(t *testing.T) {
	s := calendar.Evolve(calendar.State{}, calendar.Corrected{Version: "2026.1", Correction: correction(2027, off("2027-01-01"))})
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Version       string
		From, Through int
		Days          []workdays.Special
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	if n := len(read.Days); read.Version != "2026.1" || read.From != 2004 || read.Through != 2027 || read.Days[n-1] != off("2027-01-01") {
		t.Errorf("%s", raw)
	}
}
