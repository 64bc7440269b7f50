// Package pins keeps a provider from pinning more products than an operator allows, however many requests come at once: whoever
// pins under a limit takes a slot first. The stream has the id of the provider; without a limit nothing is written to it.
package pins

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Taken records that a slot was taken for a product that is about to be pinned, and which slots are free again.
type Taken struct {
	ProductID uuid.UUID `json:"product_id"`
	// ProductRevision is that of the product's stream, to which Pinned will be appended.
	ProductRevision domain.Revision `json:"product_revision"`
	At              time.Time       `json:"at"`
	// Freed are products that held a slot and are not pinned any more.
	Freed []uuid.UUID `json:"freed,omitempty"`
}

// EventType is the stored name.
func (Taken) EventType() string { return "pins-taken.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{Taken{}.EventType(): domain.JSON[Taken]}
