// Package operation records what operators did to Waybill itself, so that it shows in the audit history.
package operation

import "waybill/domain"

// DeadLetterSkipped records that an operator gave up an event that a read model could not apply.
type DeadLetterSkipped struct {
	ReadModel string            `json:"read_model"`
	Stream    domain.StreamName `json:"stream"`
	Revision  domain.Revision   `json:"revision"`
	Position  domain.Position   `json:"position"`
	Reason    string            `json:"reason"`
}

// DeadLettersRetried records that an operator had the dead letters of a stream tried again; not, whether that helped.
type DeadLettersRetried struct {
	ReadModel string            `json:"read_model"`
	Stream    domain.StreamName `json:"stream"`
	// Position is that of the first of them, and Letters how many there were.
	Position domain.Position `json:"position"`
	Letters  int             `json:"letters"`
}

// EventType is the stored name.
func (DeadLettersRetried) EventType() string { return "dead-letters-retried.v1" }

// EventType is the stored name.
func (DeadLetterSkipped) EventType() string { return "dead-letter-skipped.v1" }

// Category names the streams of operations.
const Category = "operation"

// Types decodes this package's events.
var Types = domain.Types{
	DeadLetterSkipped{}.EventType():  domain.JSON[DeadLetterSkipped],
	DeadLettersRetried{}.EventType(): domain.JSON[DeadLettersRetried],
}
