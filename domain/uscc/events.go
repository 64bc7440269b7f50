// Package uscc knows unified social credit codes (GB 32100-2015) and keeps one provider per code (Q19).
package uscc

import (
	"github.com/google/uuid"

	"waybill/domain"
)

// Reserved records that the code is this provider's to apply with. A later one by another provider takes it over, which is allowed
// while the holder's application stands rejected.
type Reserved struct {
	ProviderID uuid.UUID `json:"provider_id"`
}

// Confirmed records that the holder was approved with the code; it is taken for good.
type Confirmed struct {
	ProviderID uuid.UUID `json:"provider_id"`
}

// EventType is the stored name.
func (Reserved) EventType() string { return "uscc-reserved.v1" }

// EventType is the stored name.
func (Confirmed) EventType() string { return "uscc-confirmed.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Reserved{}.EventType():  domain.JSON[Reserved],
	Confirmed{}.EventType(): domain.JSON[Confirmed],
}
