// Package account decides about accounts: who may act, in which roles, for which certified enterprise.
package account

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Enterprise is a certified identity (R9, R10): what the certifying authority asserted, kept verbatim (Q7).
type Enterprise struct {
	Name                string `json:"name"`
	USCC                string `json:"uscc"`
	LegalRepresentative string `json:"legal_representative"`
}

// Opened records that an account was opened.
type Opened struct {
	DisplayName string `json:"display_name"`
}

// Certified records that the account is that of an enterprise; it now holds the enterprise role.
type Certified struct {
	Enterprise Enterprise `json:"enterprise"`
	// Source is who vouched: "operator", later "haiyiban".
	Source string `json:"source"`
}

// RoleGranted records that a member of staff was given a role.
type RoleGranted struct {
	Role domain.Role `json:"role"`
}

// RoleRevoked records that a role was taken back.
type RoleRevoked struct {
	Role   domain.Role `json:"role"`
	Reason string      `json:"reason"`
}

// Closed records that the account can do nothing any more.
type Closed struct {
	Reason string `json:"reason"`
}

// TokenIssued records that a bearer token was made for the account: never its secret, nor the secret's hash.
type TokenIssued struct {
	ID        uuid.UUID     `json:"id"`
	Label     string        `json:"label"`
	Roles     []domain.Role `json:"roles"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// TokenRevoked records that a token ended before its time. Taking back a role and closing the account end tokens too, without
// an event for each.
type TokenRevoked struct {
	ID        uuid.UUID     `json:"id"`
	Label     string        `json:"label"`
	Roles     []domain.Role `json:"roles"`
	ExpiresAt time.Time     `json:"expires_at"`
	Reason    string        `json:"reason,omitempty"`
}

// EventType is the stored name.
func (Opened) EventType() string { return "account-opened.v1" }

// EventType is the stored name.
func (Certified) EventType() string { return "account-certified.v1" }

// EventType is the stored name.
func (RoleGranted) EventType() string { return "account-role-granted.v1" }

// EventType is the stored name.
func (RoleRevoked) EventType() string { return "account-role-revoked.v1" }

// EventType is the stored name.
func (Closed) EventType() string { return "account-closed.v1" }

// EventType is the stored name.
func (TokenIssued) EventType() string { return "account-token-issued.v1" }

// EventType is the stored name.
func (TokenRevoked) EventType() string { return "account-token-revoked.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Opened{}.EventType():      domain.JSON[Opened],
	Certified{}.EventType():   domain.JSON[Certified],
	RoleGranted{}.EventType(): domain.JSON[RoleGranted],
	RoleRevoked{}.EventType(): domain.JSON[RoleRevoked],
	Closed{}.EventType():      domain.JSON[Closed],

	TokenIssued{}.EventType():  domain.JSON[TokenIssued],
	TokenRevoked{}.EventType(): domain.JSON[TokenRevoked],
}
