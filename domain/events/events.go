// Package events knows every stored event of Waybill.
package events

import (
	"maps"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
)

// Types decodes the events of all aggregates.
var Types = union(
	account.Types, provider.Types, uscc.Types, product.Types, booking.Types, pins.Types, claim.Types, calendar.Types, canned.Types,
	digest.Types, operation.Types, audit.Types, webhook.Types,
)

// Categories name the streams of all aggregates.
var Categories = []string{
	account.Category, provider.Category, uscc.Category, product.Category, booking.Category, pins.Category, claim.Category,
	calendar.Category, canned.Category, digest.Category, operation.Category, audit.Category,
	webhook.Category,
}

func union(all ...domain.Types) domain.Types {
	types := domain.Types{}
	for _, t := range all {
		maps.Copy(types, t)
	}
	return types
}
