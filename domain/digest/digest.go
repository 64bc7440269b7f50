package digest

import (
	"fmt"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/workdays"
)

// days is the namespace of the streams' ids. Never changed: the stream of a day is where its digest was looked for before.
var days = uuid.MustParse("3b1c6d1e-8f0a-5d52-9f57-5c6a1d0e7b21")

// StreamID is the id of the day's stream.
func StreamID(day workdays.Day) uuid.UUID { return uuid.NewSHA1(days, []byte(day.String())) }

// State is the day's digest; the zero value is a day that has none.
type State struct {
	Made *Made `json:"made,omitempty"`
}

// Command is Make.
type Command interface{ command() }

// Make asks for the digest of a day. A day has one: where it is there already, nothing changes, whatever was counted meanwhile.
type Make Made

func (Make) command() {}

// Decider is the digest of one day.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide refuses nothing.
func Decide(s State, c Command) ([]domain.Event, error) {
	wanted, ok := c.(Make)
	if !ok {
		return nil, fmt.Errorf("digest: unknown command %T", c)
	}
	if s.Made != nil {
		return nil, nil
	}
	made := Made(wanted)
	made.At = made.At.UTC()
	return []domain.Event{made}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	if made, ok := e.(Made); ok {
		s.Made = &made
	}
	return s
}
