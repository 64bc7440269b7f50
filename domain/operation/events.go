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

// DeadLettersRetried records that an operator had the dead letters of a stream tried again, and what became of them.
type DeadLettersRetried struct {
	ReadModel string            `json:"read_model"`
	Stream    domain.StreamName `json:"stream"`
	// Done were applied, Left were not, and Due are deliveries that are tried again from then on.
	Done int `json:"done"`
	Left int `json:"left"`
	Due  int `json:"due"`
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
