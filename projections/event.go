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
	fact, err := types.Of(recorded)
	if err != nil {
		return Event{}, fmt.Errorf("%s@%d: %w", recorded.Stream, recorded.Revision, err)
	}
	meta, err := recorded.DecodeMetadata()
	if err != nil {
		return Event{}, err
	}
	return Event{RecordedEvent: recorded, Fact: fact, Meta: meta}, nil
}
