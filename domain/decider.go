package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Decider is an aggregate as three values: what it is before anything happened (S's zero value), what it decides, and
// what an event makes of it. Decide and Evolve are pure. Evolve accepts all history.
type Decider[S, C any] struct {
	// Category names the aggregate's streams.
	Category string
	// Decide turns a command into what happened, or refuses it with an *Error. No events means nothing had to change.
	Decide func(S, C) ([]Event, error)
	Evolve func(S, Event) S
	// Types decodes the aggregate's events.
	Types Types
}

// Types maps each stored name to the decoder of its data. An old version's decoder upcasts to the current type.
type Types map[string]func(data []byte) (Event, error)

// ErrUnknownType says that a stored name has no decoder: data from a newer Waybill, or damage.
var ErrUnknownType = fmt.Errorf("unknown event type")

// Decode reads an event's data. Unknown types and unknown fields are errors: a fact that is not understood is not guessed.
func (t Types) Decode(eventType string, data []byte) (Event, error) {
	decode, ok := t[eventType]
	if !ok {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, eventType)
	}
	e, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", eventType, err)
	}
	return e, nil
}

// Of is Decode of a recorded event, unless its content was left out.
func (t Types) Of(e RecordedEvent) (Event, error) {
	if err := e.Fits(); err != nil {
		return nil, err
	}
	return t.Decode(e.Type, e.Data)
}

// JSON is the decoder of an event stored as E's own JSON.
func JSON[E Event](data []byte) (Event, error) {
	var e E
	if string(data) == "{}" { // every second event, and a decoder costs a microsecond even so
		return e, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("data after the event")
	}
	return e, nil
}
