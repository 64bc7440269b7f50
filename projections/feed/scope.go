package feed

import "github.com/google/uuid"

// Audience is for whom a scope of the feed is.
type Audience string

// The audiences.
const (
	// AudienceAll are operators and auditors: what happened, of everybody.
	AudienceAll Audience = "all"
	// AudienceReview are the reviewers: submissions, decisions and claims.
	AudienceReview Audience = "review"
	// AudienceProvider is one provider: its application, its products, the bookings of its products.
	AudienceProvider Audience = "provider"
	// AudienceEnterprise is one enterprise: its account and its bookings.
	AudienceEnterprise Audience = "enterprise"
)

// Scope is one ordered feed: what one audience may see.
type Scope struct {
	Audience Audience
	// Owner is whose it is; the nil id of a scope that is nobody's own.
	Owner uuid.UUID
}

// All is the scope of operators and auditors.
func All() Scope { return Scope{Audience: AudienceAll} }

// Review is the scope of reviewers.
func Review() Scope { return Scope{Audience: AudienceReview} }

// Provider is the scope of a provider, which has the id of its account.
func Provider(id uuid.UUID) Scope { return Scope{AudienceProvider, id} }

// Enterprise is the scope of an enterprise, which has the id of its account.
func Enterprise(id uuid.UUID) Scope { return Scope{AudienceEnterprise, id} }

// String is what logs call it: "all", or "provider-" and an id.
func (s Scope) String() string {
	if s.Owner == uuid.Nil {
		return string(s.Audience)
	}
	return string(s.Audience) + "-" + s.Owner.String()
}
