// Package claim keeps two reviewers from the same case: a reviewer claims it for a time, and whoever decides appends here first. The
// stream has the id of the case, which is the provider's or the product's.
package claim

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Category names the streams of claims; a stream's id is the case's.
const Category = "claim"

// Claimed records that a case is a reviewer's until a time.
type Claimed struct {
	// Claim is its id.
	Claim uuid.UUID `json:"claim"`
	// Kind is the category of the case's stream, and Revision the latest submission then.
	Kind     string                 `json:"kind"`
	Revision domain.ContentRevision `json:"revision"`
	Reviewer uuid.UUID              `json:"reviewer"`
	Until    time.Time              `json:"until"`
}

// Renewed records that the claim's reviewer is still at it.
type Renewed struct {
	Claim uuid.UUID `json:"claim"`
	Until time.Time `json:"until"`
}

// Released records that the claim's reviewer handed the case back.
type Released struct {
	Claim uuid.UUID `json:"claim"`
}

// Expired records that the claim's time was over. It had ended by then without it.
type Expired struct {
	Claim uuid.UUID `json:"claim"`
}

// TakenOver records that an operator ended a claim. Claimed follows when the case goes to somebody else.
type TakenOver struct {
	Claim  uuid.UUID `json:"claim"`
	Reason string    `json:"reason"`
}

// DecisionBegun records that a decision on the case was under way, and ends the reviewer's claim. Whether it was decided, the stream of
// the case says.
type DecisionBegun struct {
	Kind     string                 `json:"kind"`
	Revision domain.ContentRevision `json:"revision"`
	Reviewer uuid.UUID              `json:"reviewer"`
	// Claim is the reviewer's; the nil id without one.
	Claim uuid.UUID `json:"claim,omitzero"`
}

// EventType is the stored name.
func (Claimed) EventType() string { return "case-claimed.v1" }

// EventType is the stored name.
func (Renewed) EventType() string { return "claim-renewed.v1" }

// EventType is the stored name.
func (Released) EventType() string { return "claim-released.v1" }

// EventType is the stored name.
func (Expired) EventType() string { return "claim-expired.v1" }

// EventType is the stored name.
func (TakenOver) EventType() string { return "claim-taken-over.v1" }

// EventType is the stored name.
func (DecisionBegun) EventType() string { return "decision-begun.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Claimed{}.EventType():       domain.JSON[Claimed],
	Renewed{}.EventType():       domain.JSON[Renewed],
	Released{}.EventType():      domain.JSON[Released],
	Expired{}.EventType():       domain.JSON[Expired],
	TakenOver{}.EventType():     domain.JSON[TakenOver],
	DecisionBegun{}.EventType(): domain.JSON[DecisionBegun],
}
