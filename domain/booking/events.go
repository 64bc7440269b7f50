// Package booking decides about a booking inquiry: an enterprise asks about a product, its provider replies (R36–R40).
package booking

import (
	"github.com/google/uuid"

	"waybill/domain"
)

// Inquiry is what the enterprise fills in (Q22): contact, phone and message are required.
type Inquiry struct {
	ContactName  string `json:"contact_name"`
	Phone        string `json:"phone"`
	Message      string `json:"message"`
	Goods        string `json:"goods,omitempty"`
	WeightVolume string `json:"weight_volume,omitempty"`
	Origin       string `json:"origin,omitempty"`
	// ExpectedDate is a calendar day in Asia/Shanghai, YYYY-MM-DD.
	ExpectedDate string `json:"expected_date,omitempty"`
}

// Requested is the card's BookingRequested. Product names the approved revision the enterprise saw.
type Requested struct {
	ProductID       uuid.UUID              `json:"product_id"`
	ProductRevision domain.ContentRevision `json:"product_revision"`
	ProductName     string                 `json:"product_name"`
	ProviderID      uuid.UUID              `json:"provider_id"`
	EnterpriseID    uuid.UUID              `json:"enterprise_id"`
	EnterpriseName  string                 `json:"enterprise_name"`
	Inquiry         Inquiry                `json:"inquiry"`
	// ProviderName is what the enterprise saw beside the product; empty in events from before it was recorded.
	ProviderName string `json:"provider_name,omitempty"`
}

// Replied is the card's BookingReplied. Number counts the messages of the thread from 1 (Q20).
type Replied struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// Read records that the enterprise has seen the reply (Q21).
type Read struct {
	Number int `json:"number"`
}

// CloseReason says why a booking was closed.
type CloseReason string

// The reasons.
const (
	Withdrawn        CloseReason = "withdrawn"         // by the enterprise
	ProductDeleted   CloseReason = "product_deleted"   // by the system (Q17)
	ProviderClosed   CloseReason = "provider_closed"   // by the system
	EnterpriseClosed CloseReason = "enterprise_closed" // by the system: nobody would read a reply
)

// SystemReply is what the enterprise is told when a booking is closed for the provider's side (Q17); empty for other reasons.
func (r CloseReason) SystemReply() string {
	switch r {
	case ProductDeleted:
		return "系统回复：该产品已被删除，本次预约已自动关闭。\n" +
			"Reply by the system: the product was deleted, so this booking was closed."
	case ProviderClosed:
		return "系统回复：该服务商已被关闭，本次预约已自动关闭。\n" +
			"Reply by the system: the provider was closed, so this booking was closed."
	case Withdrawn, EnterpriseClosed:
	}
	return ""
}

// Closed records that no reply is to be expected any more.
type Closed struct {
	Reason CloseReason `json:"reason"`
}

// EventType is the stored name.
func (Requested) EventType() string { return "booking-requested.v1" }

// EventType is the stored name.
func (Replied) EventType() string { return "booking-replied.v1" }

// EventType is the stored name.
func (Read) EventType() string { return "booking-read.v1" }

// EventType is the stored name.
func (Closed) EventType() string { return "booking-closed.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Requested{}.EventType(): domain.JSON[Requested],
	Replied{}.EventType():   domain.JSON[Replied],
	Read{}.EventType():      domain.JSON[Read],
	Closed{}.EventType():    domain.JSON[Closed],
}
