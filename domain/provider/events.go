// Package provider decides about a logistics provider: its application, the review of each revision, and its standing.
// A provider has the id of the account it belongs to: one provider per account (R13).
package provider

import (
	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decision"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Profile is the application form of 物流机构 (R15). All fields are required.
type Profile struct {
	Type                string          `json:"type"`
	Name                string          `json:"name"`
	USCC                string          `json:"uscc"`
	Licence             domain.ImageRef `json:"licence"`
	LegalRepresentative string          `json:"legal_representative"`
	Contact             string          `json:"contact"`
	Address             string          `json:"address"`
	Phone               string          `json:"phone"`
	Logo                domain.ImageRef `json:"logo"`
	Introduction        string          `json:"introduction"`
}

// Applied is the card's ProviderApplied: revision 1 of the application was submitted for review.
type Applied struct {
	Revision domain.ContentRevision `json:"revision"`
	Profile  Profile                `json:"profile"`
	// Mismatches points at the fields that differ from the certified enterprise (Q8), for the reviewer to see.
	Mismatches []string `json:"mismatches,omitempty"`
	// Certified is what the profile was compared with; nil in events from before it was recorded.
	Certified *account.Enterprise `json:"certified,omitempty"`
	// Verdict is the rule book's; zero in events from before there was one.
	rules.Verdict
	// Due is when the result was promised (R18); zero in events from before it was recorded.
	Due workdays.Due `json:"due,omitzero"`
}

// Revised records that a later revision was submitted; a pending one before it is superseded, an approved one stays live (Q12).
type Revised struct {
	Revision   domain.ContentRevision `json:"revision"`
	Profile    Profile                `json:"profile"`
	Mismatches []string               `json:"mismatches,omitempty"`
	Certified  *account.Enterprise    `json:"certified,omitempty"`
	rules.Verdict
	Due workdays.Due `json:"due,omitzero"`
}

// Approved is the card's ProviderApproved: this revision is the live one; the first approval makes the provider active (R21).
type Approved struct {
	Revision domain.ContentRevision `json:"revision"`
	decision.Record
}

// FirstApproved records the first of two approvals, where two persons have to approve an application. It stands until the content
// changes.
type FirstApproved struct {
	Revision domain.ContentRevision `json:"revision"`
	// Reviewer is the first person: the second has to be another.
	Reviewer uuid.UUID `json:"reviewer,omitzero"`
	decision.Record
}

// ApprovalRevoked records that the approval of the live revision was wrong: no profile is live any more, and the latest revision, if it
// is that one, awaits a decision again.
type ApprovalRevoked struct {
	Revision domain.ContentRevision `json:"revision"`
	Reasons  []domain.Reason        `json:"reasons"`
	decision.Record
	// Due is when the new decision is promised.
	Due workdays.Due `json:"due,omitzero"`
}

// Rejected is the card's ProviderRejected(reasons) (R20).
type Rejected struct {
	Revision domain.ContentRevision `json:"revision"`
	Reasons  []domain.Reason        `json:"reasons"`
	decision.Record
}

// Suspended records that an operator took the provider and all its products out of public view (R45), for a time.
type Suspended struct {
	Reason string `json:"reason"`
}

// Reinstated ends a suspension; what was listed before is listed again, nothing else is.
type Reinstated struct {
	Reason string `json:"reason"`
}

// Closed records that an operator ended the provider for good.
type Closed struct {
	Reason string `json:"reason"`
}

// PinLimitSet records how many products an operator lets the provider pin at a time; a nil Limit is none (Q14).
type PinLimitSet struct {
	Limit  *int   `json:"limit"`
	Reason string `json:"reason"`
}

// EventType is the stored name.
func (Applied) EventType() string { return "provider-applied.v1" }

// EventType is the stored name.
func (Revised) EventType() string { return "provider-revised.v1" }

// EventType is the stored name.
func (Approved) EventType() string { return "provider-approved.v1" }

// EventType is the stored name.
func (Rejected) EventType() string { return "provider-rejected.v1" }

// EventType is the stored name.
func (FirstApproved) EventType() string { return "provider-first-approved.v1" }

// EventType is the stored name.
func (ApprovalRevoked) EventType() string { return "provider-approval-revoked.v1" }

// EventType is the stored name.
func (Suspended) EventType() string { return "provider-suspended.v1" }

// EventType is the stored name.
func (Reinstated) EventType() string { return "provider-reinstated.v1" }

// EventType is the stored name.
func (Closed) EventType() string { return "provider-closed.v1" }

// EventType is the stored name.
func (PinLimitSet) EventType() string { return "provider-pin-limit-set.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Applied{}.EventType():         domain.JSON[Applied],
	Revised{}.EventType():         domain.JSON[Revised],
	Approved{}.EventType():        domain.JSON[Approved],
	FirstApproved{}.EventType():   domain.JSON[FirstApproved],
	ApprovalRevoked{}.EventType(): domain.JSON[ApprovalRevoked],
	Rejected{}.EventType():        domain.JSON[Rejected],
	Suspended{}.EventType():       domain.JSON[Suspended],
	Reinstated{}.EventType():      domain.JSON[Reinstated],
	Closed{}.EventType():          domain.JSON[Closed],

	PinLimitSet{}.EventType(): domain.JSON[PinLimitSet],
}
