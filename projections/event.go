// Package projections turns the log into read models: a Watermill subscriber over the event store, one projector for
// each read model, and the queries that read what the projectors wrote.
package projections

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/events"
)

// Event is a recorded event, decoded.
type Event struct {
	domain.RecordedEvent
	Fact domain.Event
	Meta domain.Metadata
}

// Decode reads a recorded event. An event of an unknown type, or with fields that this Waybill does not know, is an error.
func Decode(recorded domain.RecordedEvent) (Event, error) {
	fact, err := events.Types.Decode(recorded.Type, recorded.Data)
	if err != nil {
		return Event{}, fmt.Errorf("%s@%d: %w", recorded.Stream, recorded.Revision, err)
	}
	meta, err := recorded.DecodeMetadata()
	if err != nil {
		return Event{}, err
	}
	return Event{RecordedEvent: recorded, Fact: fact, Meta: meta}, nil
}
