// Package projections holds what all read models share: what a read model is, the events it is made of, pages and their cursors.
// Each read model is a package below; runtime keeps them equal to a fold of the log, and models lists them.
package projections

import (
	"fmt"

	"waybill/domain"
)

// Event is a recorded event, decoded.
type Event struct {
	domain.RecordedEvent
	Fact domain.Event
	Meta domain.Metadata
}

// Decode reads a recorded event of one of the types. One of another type, or with fields that this Waybill does not know,
// is an error.
func Decode(types domain.Types, recorded domain.RecordedEvent) (Event, error) {
	fact, err := types.Decode(recorded.Type, recorded.Data)
	if err != nil {
		return Event{}, Event{RecordedEvent: recorded}.Wrong(err)
	}
	meta, err := recorded.DecodeMetadata()
	if err != nil {
		return Event{}, Event{RecordedEvent: recorded}.Wrong(err)
	}
	return Event{RecordedEvent: recorded, Fact: fact, Meta: meta}, nil
}

// EventError is the event's own fault: it cannot be decoded, or has no meaning where it stands. Only what a model says is an EventError,
// and what PostgreSQL refuses of its values, can have an event parked; everything else stops whoever meets it.
type EventError struct {
	Stream   domain.StreamName
	Revision domain.Revision
	Err      error
}

func (e *EventError) Error() string { return fmt.Sprintf("%s@%d: %v", e.Stream, e.Revision, e.Err) }

func (e *EventError) Unwrap() error { return e.Err }

// Wrong says that an error is the event's own.
func (e Event) Wrong(err error) error {
	return &EventError{Stream: e.Stream, Revision: e.Revision, Err: err}
}
