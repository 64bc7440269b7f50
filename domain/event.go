// Package domain holds what all aggregates share: events and their metadata, streams, the event store port,
// deciders and errors. It does no I/O and reads no clock.
package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Event is a fact that an aggregate recorded. EventType is the name it is stored under, such as
// "product-submitted.v1": a decision, never derived from the Go type, and never changed once stored.
type Event interface {
	EventType() string
}

// Role is what an actor may act as. One account can hold several.
type Role string

// The roles of requirements.md 1.1. Provider is not granted: an enterprise account holds it while its own provider is active.
const (
	RoleEnterprise Role = "enterprise"
	RoleProvider   Role = "provider"
	RoleReviewer   Role = "reviewer"
	RoleAuditor    Role = "auditor"
	RoleOperator   Role = "operator"
	RoleSystem     Role = "system"
)

// Actor is who caused an event: an account and the role it acted in.
type Actor struct {
	ID   uuid.UUID `json:"id"`
	Role Role      `json:"role"`
}

// System is the actor of what Waybill does by itself, such as closing the bookings of a deleted product.
var System = Actor{Role: RoleSystem}

// Metadata accompanies every event (R44).
type Metadata struct {
	Actor Actor `json:"actor"`
	// At is when the command was accepted, UTC.
	At time.Time `json:"at"`
	// CausationID is the id of the command (or, for a reaction, of the event) that caused this event.
	CausationID uuid.UUID `json:"causation_id"`
	// CorrelationID ties together everything that one outside request set off.
	CorrelationID uuid.UUID `json:"correlation_id"`
	// RequestID is the id the caller's HTTP request was logged under; empty for commands from the command line.
	RequestID string `json:"request_id,omitempty"`
	// Fingerprint is a digest of the request, so that a reused Idempotency-Key with another body is noticed.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Schema is the version of this metadata's own shape.
	Schema int `json:"schema"`
}

// MetadataSchema is the current Metadata.Schema.
const MetadataSchema = 1

// NewEvent is an event on its way into a store. ID makes a repeated append harmless.
type NewEvent struct {
	ID       uuid.UUID
	Type     string
	Data     []byte
	Metadata []byte
}

// RecordedEvent is an event as a store holds it. Data and Metadata are the bytes that were appended, unaltered.
type RecordedEvent struct {
	ID       uuid.UUID
	Stream   StreamName
	Revision Revision
	Position Position
	Type     string
	Data     []byte
	Metadata []byte
	// RecordedAt is the store's clock at the append, UTC.
	RecordedAt time.Time
	// Oversize is the number of bytes of Data and Metadata together where they are more than MaxEventBytes, so that somebody else put them
	// there; 0 otherwise. The two are left out then.
	Oversize int
}

// MaxEventBytes is the most that data and metadata of one event have together: no store takes more in an append.
const MaxEventBytes = 1 << 20

// ErrOversize is the error of an event that is larger than any that Waybill ever wrote.
var ErrOversize = errors.New("it is larger than any event that Waybill writes, so its content is not read")

// Fits returns ErrOversize for an event whose content was left out.
func (e RecordedEvent) Fits() error {
	if e.Oversize == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d bytes, at most %d", ErrOversize, e.Oversize, MaxEventBytes)
}

// Sized is the event without its content where that is too large.
func (e RecordedEvent) Sized() RecordedEvent {
	if size := len(e.Data) + len(e.Metadata); size > MaxEventBytes {
		e.Oversize, e.Data, e.Metadata = size, nil, nil
	}
	return e
}

// DecodeMetadata reads the metadata of a recorded event.
func (e RecordedEvent) DecodeMetadata() (Metadata, error) {
	if err := e.Fits(); err != nil {
		return Metadata{}, fmt.Errorf("metadata of %s@%d: %w", e.Stream, e.Revision, err)
	}
	m, ok := scanMetadata(e.Metadata)
	if ok {
		return m, nil
	}
	m = Metadata{}
	if err := json.Unmarshal(e.Metadata, &m); err != nil {
		return m, fmt.Errorf("metadata of %s@%d: %w", e.Stream, e.Revision, err)
	}
	return m, nil
}
