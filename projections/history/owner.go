package history

import (
	"github.com/google/uuid"

	"waybill/domain/claim"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/projections"
)

// owner is the provider that the subject belongs to after the latest event; nil for none. What belongs to a provider is its own stream,
// its products, bookings of them, claims on it and on them, its pins, its reservation of a code and its webhooks.
func (s *subject) owner() *uuid.UUID {
	id := s.state.Provider
	switch s.kind {
	case provider.Category, pins.Category:
		id = s.id
	case uscc.Category:
		id = s.state.Holder
	}
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// claimed is the kind of the case that a claim is begun on; empty for other events.
func claimed(e projections.Event) string {
	switch fact := e.Fact.(type) {
	case claim.Claimed:
		return fact.Kind
	case claim.DecisionBegun:
		return fact.Kind
	}
	return ""
}

// own notes whose the case of a claim is. owners are the products that were known before and the batch's own.
func (s *subject) own(e projections.Event, owners map[uuid.UUID]uuid.UUID) {
	if fact, ok := e.Fact.(product.Submitted); ok {
		owners[s.id] = fact.ProviderID
	}
	if s.state.Provider != uuid.Nil {
		return
	}
	switch claimed(e) {
	case provider.Category:
		s.state.Provider = s.id
	case product.Category:
		s.state.Provider = owners[s.id]
	}
}
