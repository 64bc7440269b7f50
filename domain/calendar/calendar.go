package calendar

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/workdays"
)

// ID is that of the one stream: a log has one calendar.
var ID = uuid.MustParse("0b5c7a1e-3f64-5d0a-8c1b-6f1d2a9e4c70")

// State is the calendar as the log has it; its zero value is the table in the binary.
type State struct{ corrected *workdays.Calendar }

// Calendar tells what is due when. It is never nil.
func (s State) Calendar() *workdays.Calendar {
	if s.corrected == nil {
		return workdays.Standard()
	}
	return s.corrected
}

// MarshalJSON writes the version, the years and all their special days, in their order.
func (s State) MarshalJSON() ([]byte, error) {
	c := s.Calendar()
	first, last := c.Years()
	special := []workdays.Special{}
	for year := first; year <= last; year++ {
		special = append(special, c.Special(year)...)
	}
	return json.Marshal(struct {
		Version workdays.Version   `json:"version"`
		From    int                `json:"from"`
		Through int                `json:"through"`
		Days    []workdays.Special `json:"days"`
	}{c.Version(), first, last, special})
}

// Command is Correct.
type Command interface{ command() }

// Correct changes days, or brings a further year (workdays.Calendar.With, which refuses what is no correction).
type Correct struct{ Correction workdays.Correction }

func (Correct) command() {}

// Decider is the calendar.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	correct, ok := c.(Correct)
	if !ok {
		return nil, fmt.Errorf("calendar: unknown command %T", c)
	}
	correction := correct.Correction
	correction.Days = slices.Clone(correction.Days) // With cleans them in place
	next, err := s.Calendar().With(&correction)
	if err != nil {
		return nil, err
	}
	return []domain.Event{Corrected{Version: next.Version(), Correction: correction}}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	if corrected, ok := e.(Corrected); ok {
		s.corrected = s.Calendar().After(corrected.Correction)
	}
	return s
}
