// Package product decides about a logistics product on its two axes: the review of each revision, and its display.
package product

import (
	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/place"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Mode is one of the four transport modes (R24).
type Mode string

// The four modes: 海运, 空运, 陆运, 铁路.
const (
	Sea  Mode = "sea"
	Air  Mode = "air"
	Land Mode = "land"
	Rail Mode = "rail"
)

// Destination is one country and one city (Q23), with the coordinates of the map click (Q24), as the map gave them.
type Destination struct {
	Country   string  `json:"country"`
	City      string  `json:"city"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	// CRS is the map's coordinate system, one of place.Systems.
	CRS string `json:"crs"`
}

// Content is what the provider typed (R24) and the reviewer judges.
type Content struct {
	Name        string            `json:"name"`
	Brief       string            `json:"brief"`
	Tags        []string          `json:"tags"`
	Mode        Mode              `json:"mode"`
	Destination Destination       `json:"destination"`
	Cover       domain.ImageRef   `json:"cover"`
	Details     []domain.ImageRef `json:"details"`
}

// Submitted is the card's ProductSubmitted: revision 1 was submitted for review (R23). Its time is the product's creation time.
type Submitted struct {
	ProviderID uuid.UUID              `json:"provider_id"`
	Revision   domain.ContentRevision `json:"revision"`
	Content    Content                `json:"content"`
	// Verdict is the rule book's; zero in events from before there was one.
	rules.Verdict
	// Place is the gazetteer's entry of the destination; 0 is none.
	Place int64 `json:"place,omitempty"`
	// Point is where the destination is, in WGS-84 (Q24); zero in events from before it was recorded, which PlaceMatched makes up for.
	Point place.Point `json:"point,omitzero"`
	// Due is when the result was promised (R26); zero in events from before it was recorded.
	Due workdays.Due `json:"due,omitzero"`
}

// Revised is the card's ProductRevised: a later revision was submitted (R25, R28); a pending one before it is superseded,
// an approved one stays live (Q12).
type Revised struct {
	Revision domain.ContentRevision `json:"revision"`
	Content  Content                `json:"content"`
	rules.Verdict
	Place int64        `json:"place,omitempty"`
	Point place.Point  `json:"point,omitzero"`
	Due   workdays.Due `json:"due,omitzero"`
}

// PlaceMatched records where the destination of a revision is that was submitted before its event said so, and which of the gazetteer's
// places that is; 0 is none. It is no judgement: what was found of the revision when it was submitted stays as it was.
type PlaceMatched struct {
	Revision domain.ContentRevision `json:"revision"`
	Place    int64                  `json:"place,omitempty"`
	Point    place.Point            `json:"point"`
}

// Approved is the card's ProductApproved: this revision is now the live one. The first approval is followed by Listed (R27).
type Approved struct {
	Revision domain.ContentRevision `json:"revision"`
	decision.Record
}

// Rejected is the card's ProductRejected(reasons). An earlier approved revision stays live.
type Rejected struct {
	Revision domain.ContentRevision `json:"revision"`
	Reasons  []domain.Reason        `json:"reasons"`
	decision.Record
}

// ApprovalRevoked records that the approval of the live revision was wrong: no revision is live any more, and the latest, if it is that
// one, awaits a decision again.
type ApprovalRevoked struct {
	Revision domain.ContentRevision `json:"revision"`
	Reasons  []domain.Reason        `json:"reasons"`
	decision.Record
	// Due is when the new decision is promised.
	Due workdays.Due `json:"due,omitzero"`
}

// Listed records that it is shown to the public (R33).
type Listed struct{}

// Unlisted records that it is hidden from the public (R33).
type Unlisted struct{}

// Pinned records that it is placed before all products that are not pinned (R34).
type Pinned struct{}

// Unpinned records that it is back in order of creation (R34).
type Unpinned struct{}

// TakenDown records that an operator hid it from the public. Its provider may list and pin it again once a revision that was
// submitted later than Revision, the latest then, is approved.
type TakenDown struct {
	Revision domain.ContentRevision `json:"revision"`
	Reason   string                 `json:"reason"`
}

// Deleted is the card's ProductDeleted: gone from every read path (R35, Q16).
type Deleted struct{}

// EventType is the stored name.
func (Submitted) EventType() string { return "product-submitted.v1" }

// EventType is the stored name.
func (Revised) EventType() string { return "product-revised.v1" }

// EventType is the stored name.
func (PlaceMatched) EventType() string { return "product-place-matched.v1" }

// EventType is the stored name.
func (Approved) EventType() string { return "product-approved.v1" }

// EventType is the stored name.
func (Rejected) EventType() string { return "product-rejected.v1" }

// EventType is the stored name.
func (ApprovalRevoked) EventType() string { return "product-approval-revoked.v1" }

// EventType is the stored name.
func (Listed) EventType() string { return "product-listed.v1" }

// EventType is the stored name.
func (Unlisted) EventType() string { return "product-unlisted.v1" }

// EventType is the stored name.
func (Pinned) EventType() string { return "product-pinned.v1" }

// EventType is the stored name.
func (Unpinned) EventType() string { return "product-unpinned.v1" }

// EventType is the stored name.
func (TakenDown) EventType() string { return "product-taken-down.v1" }

// EventType is the stored name.
func (Deleted) EventType() string { return "product-deleted.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{
	Submitted{}.EventType():       domain.JSON[Submitted],
	Revised{}.EventType():         domain.JSON[Revised],
	PlaceMatched{}.EventType():    domain.JSON[PlaceMatched],
	Approved{}.EventType():        domain.JSON[Approved],
	Rejected{}.EventType():        domain.JSON[Rejected],
	ApprovalRevoked{}.EventType(): domain.JSON[ApprovalRevoked],
	Listed{}.EventType():          domain.JSON[Listed],
	Unlisted{}.EventType():        domain.JSON[Unlisted],
	Pinned{}.EventType():          domain.JSON[Pinned],
	Unpinned{}.EventType():        domain.JSON[Unpinned],
	TakenDown{}.EventType():       domain.JSON[TakenDown],
	Deleted{}.EventType():         domain.JSON[Deleted],
}
