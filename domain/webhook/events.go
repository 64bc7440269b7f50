// Package webhook is the aggregate of one webhook: an address outside Waybill that is told of events, in the order in which they
// happened to each object. Its secrets stand beside the log.
package webhook

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Category names the streams of webhooks.
const Category = "webhook"

// Registered records that somebody wants to be told.
type Registered struct {
	// Owner is the provider of whose objects the hook is told; the nil id of one that an operator registered, which is told of all.
	Owner uuid.UUID `json:"owner"`
	Target
	// Secret is the id of the secret that deliveries are signed with. The secret itself is never in the log.
	Secret uuid.UUID `json:"secret"`
}

// Target is where deliveries go, and of what.
type Target struct {
	URL string `json:"url"`
	// Types are the stored names of the events it is told of, in their order; none is all.
	Types []string `json:"types"`
	// Label is what people call it.
	Label string `json:"label"`
}

// Changed records another target.
type Changed struct{ Target }

// SecretRotated records that deliveries are signed with another secret, and until RetiresAt with the one before as well.
type SecretRotated struct {
	Secret    uuid.UUID `json:"secret"`
	RetiresAt time.Time `json:"retires_at"`
}

// Paused records that nothing is delivered until it is resumed. What happens meanwhile is kept, and delivered then.
type Paused struct {
	// Reason is what whoever paused it said, or a word of Waybill's own: gone, when the receiver answered 410.
	Reason string `json:"reason"`
}

// Resumed records that deliveries go on.
type Resumed struct{}

// Removed records the end of a webhook: what is not delivered yet never will be.
type Removed struct {
	Reason string `json:"reason"`
}

// EventType is the stored name.
func (Registered) EventType() string { return "webhook-registered.v1" }

// EventType is the stored name.
func (Changed) EventType() string { return "webhook-changed.v1" }

// EventType is the stored name.
func (SecretRotated) EventType() string { return "webhook-secret-rotated.v1" }

// EventType is the stored name.
func (Paused) EventType() string { return "webhook-paused.v1" }

// EventType is the stored name.
func (Resumed) EventType() string { return "webhook-resumed.v1" }

// EventType is the stored name.
func (Removed) EventType() string { return "webhook-removed.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Registered{}.EventType():    domain.JSON[Registered],
	Changed{}.EventType():       domain.JSON[Changed],
	SecretRotated{}.EventType(): domain.JSON[SecretRotated],
	Paused{}.EventType():        domain.JSON[Paused],
	Resumed{}.EventType():       domain.JSON[Resumed],
	Removed{}.EventType():       domain.JSON[Removed],
}
