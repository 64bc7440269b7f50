package history

import (
	"slices"
	"strconv"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
)

// auditState is what an event can change besides content, over all kinds of streams.
type auditState struct {
	Review       domain.Review          `json:"review,omitempty"`
	First        bool                   `json:"first,omitempty"` // of two approvals
	LiveRevision domain.ContentRevision `json:"live_revision,omitempty"`
	Listed       bool                   `json:"listed,omitempty"`
	Pinned       bool                   `json:"pinned,omitempty"`
	TakenDown    *product.Takedown      `json:"taken_down,omitempty"`
	Deleted      bool                   `json:"deleted,omitempty"`
	Standing     provider.Standing      `json:"standing,omitempty"`
	State        booking.Status         `json:"state,omitempty"`
	CloseReason  string                 `json:"close_reason,omitempty"`
	ReadNumber   int                    `json:"read_number,omitempty"`
	Roles        []domain.Role          `json:"roles,omitzero"` // empty after the last one went
	Closed       bool                   `json:"closed,omitempty"`
	PinLimit     *int                   `json:"pin_limit,omitempty"`
	Holder       uuid.UUID              `json:"holder,omitzero"`
	Confirmed    bool                   `json:"confirmed,omitempty"`
	Paused       bool                   `json:"paused,omitempty"`
	// Provider is whose a product, booking, claim or webhook is.
	Provider uuid.UUID `json:"provider,omitzero"`
	// Texts are the canned ones of each reason.
	Texts map[string][]domain.Text `json:"texts,omitempty"`
	// ContentAt are the positions of a product's rows that hold content, which go when it is deleted.
	ContentAt []int64 `json:"content_at,omitempty"`
}

// diff notes what changed since before.
func (s *auditState) diff(before auditState, c *changes) {
	c.text("/review", string(before.Review), string(s.Review))
	c.flag("/first_approved", before.First, s.First)
	c.number("/live_revision", int(before.LiveRevision), int(s.LiveRevision))
	c.flag("/listed", before.Listed, s.Listed)
	c.flag("/pinned", before.Pinned, s.Pinned)
	c.flag("/taken_down", before.TakenDown != nil, s.TakenDown != nil)
	c.flag("/deleted", before.Deleted, s.Deleted)
	c.text("/standing", string(before.Standing), string(s.Standing))
	c.text("/state", string(before.State), string(s.State))
	c.text("/close_reason", before.CloseReason, s.CloseReason)
	c.number("/read_number", before.ReadNumber, s.ReadNumber)
	if !slices.Equal(before.Roles, s.Roles) {
		c.value("/roles", before.Roles, s.Roles)
	}
	c.flag("/closed", before.Closed, s.Closed)
	if before.Holder != s.Holder {
		c.text("/holder", idText(before.Holder), idText(s.Holder))
	}
	c.flag("/confirmed", before.Confirmed, s.Confirmed)
	c.flag("/paused", before.Paused, s.Paused)
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// fold changes the subject as the event says, notes content changes, and returns the reasons stated in the event. The
// meaning of each event here is what it did to the values that people look at; an event of a kind that changes none
// still makes a row.
func (s *subject) fold(fact domain.Event, c *changes) []domain.Reason {
	state := &s.state
	state.Standing = state.Standing.After(fact)
	state.TakenDown = state.TakenDown.After(fact)
	switch e := fact.(type) {
	case product.Submitted:
		state.Provider = e.ProviderID
		c.value("/provider_id", nil, e.ProviderID)
		s.submit("/content", e.Content, e.Revision, c)
		judged(e.Verdict, c)
	case product.Revised:
		s.submit("/content", e.Content, e.Revision, c)
		judged(e.Verdict, c)
	case product.Approved:
		s.approve(e.Revision, e.Record, c)
	case product.Rejected:
		return s.reject(e.Revision, e.Reasons, e.Record, c)
	case product.Listed:
		state.Listed = true
	case product.Unlisted:
		state.Listed = false
	case product.Pinned:
		state.Pinned = true
	case product.Unpinned:
		state.Pinned = false
	case product.TakenDown:
		state.Listed = false
		c.revision = e.Revision
		return note(e.Reason)
	case product.PlaceMatched:
		// As content: where somebody said a destination is goes with the product.
		c.revision, c.content = e.Revision, true
		c.value("/content/destination/point", nil, e.Point)
		if e.Place != 0 {
			c.value("/content/destination/place", nil, e.Place)
		}
	case product.Deleted:
		state.Deleted = true
	case provider.Applied:
		s.submit("/profile", e.Profile, e.Revision, c)
		judged(e.Verdict, c)
		return compared(e.Mismatches, e.Certified, c)
	case provider.Revised:
		s.submit("/profile", e.Profile, e.Revision, c)
		judged(e.Verdict, c)
		return compared(e.Mismatches, e.Certified, c)
	case provider.Approved:
		s.approve(e.Revision, e.Record, c)
	case provider.Rejected:
		return s.reject(e.Revision, e.Reasons, e.Record, c)
	case provider.Suspended:
		return note(e.Reason)
	case provider.Reinstated:
		return note(e.Reason)
	case provider.Closed:
		return note(e.Reason)
	case provider.PinLimitSet:
		c.value("/pin_limit", state.PinLimit, e.Limit)
		state.PinLimit = e.Limit
		return note(e.Reason)
	default:
		return s.foldOther(fact, c)
	}
	return nil
}

func (s *subject) foldOther(fact domain.Event, c *changes) []domain.Reason {
	state := &s.state
	state.State = state.State.After(fact)
	switch e := fact.(type) {
	case booking.Requested:
		// Not the product's name: it would outlive the product.
		c.value("/product_id", nil, e.ProductID)
		state.Provider = e.ProviderID
		c.value("/provider_id", nil, e.ProviderID)
		c.value("/enterprise_id", nil, e.EnterpriseID)
		c.revision = e.ProductRevision
		s.replace("/inquiry", e.Inquiry, c)
	case booking.Replied:
		c.value("/replies/"+strconv.Itoa(e.Number), nil, e.Text)
	case booking.Read:
		state.ReadNumber = e.Number
	case booking.Closed:
		state.CloseReason = string(e.Reason)
		return []domain.Reason{{Code: string(e.Reason)}}
	case account.Opened:
		c.value("/display_name", nil, e.DisplayName)
	case account.Certified:
		s.replace("/enterprise", e.Enterprise, c)
		c.value("/source", nil, e.Source)
	case account.RoleGranted:
		state.Roles = append(slices.Clone(state.Roles), e.Role)
	case account.RoleRevoked:
		state.Roles = slices.DeleteFunc(slices.Clone(state.Roles), func(r domain.Role) bool { return r == e.Role })
		return note(e.Reason)
	case account.TokenIssued:
		c.value("/token", nil, shown(account.Token(e)))
	case account.TokenRevoked:
		c.value("/token", shown(account.Token{ID: e.ID, Label: e.Label, Roles: e.Roles, ExpiresAt: e.ExpiresAt}), nil)
		return note(e.Reason)
	case account.Closed:
		state.Closed = true
		return note(e.Reason)
	case uscc.Reserved, uscc.Confirmed:
		held := uscc.Evolve(uscc.State{Holder: state.Holder, Confirmed: state.Confirmed}, fact)
		state.Holder, state.Confirmed = held.Holder, held.Confirmed
	case pins.Taken:
		c.value("/product_id", nil, e.ProductID)
		if len(e.Freed) > 0 {
			c.value("/freed", nil, e.Freed)
		}
	case operation.DeadLetterSkipped:
		c.value("/read_model", nil, e.ReadModel)
		c.value("/stream", nil, e.Stream)
		c.value("/revision", nil, e.Revision)
		c.value("/position", nil, e.Position)
		return note(e.Reason)
	case operation.DeadLettersRetried:
		c.value("/read_model", nil, e.ReadModel)
		c.value("/stream", nil, e.Stream)
		c.value("/position", nil, e.Position)
		c.value("/letters", nil, e.Letters)
	default:
		return s.foldDesk(fact, c)
	}
	return nil
}

func (s *subject) submit(prefix string, content any, revision domain.ContentRevision, c *changes) {
	s.state.Review, s.state.First = domain.ReviewPending, false
	c.revision = revision
	s.replace(prefix, content, c)
}

// shownToken is a token whose end is written as answers write times.
type shownToken struct {
	account.Token
	ExpiresAt string `json:"expires_at"`
}

func shown(t account.Token) shownToken {
	return shownToken{t, t.ExpiresAt.UTC().Format(projections.TimeLayout)}
}

// bringsContent reports whether fold compares the event with the content before.
func bringsContent(fact domain.Event) bool {
	switch fact.(type) {
	case product.Revised, provider.Revised, account.Certified, webhook.Changed:
		return true
	}
	return false
}

// compared notes what the certified values were that a profile was compared with, and where it differs.
func compared(mismatches []string, certified *account.Enterprise, c *changes) []domain.Reason {
	if certified != nil {
		c.value("/certified", nil, certified)
	}
	if len(mismatches) > 0 {
		c.value("/mismatches", nil, mismatches)
	}
	return nil
}

// judged notes under which version of the rule book a submission was judged, and what that had to say. What was measured of its images
// stays in the event: it goes with the content.
func judged(v rules.Verdict, c *changes) {
	if v.Rules > 0 {
		c.value("/rules", nil, v.Rules)
	}
	if len(v.Findings) > 0 {
		c.value("/findings", nil, v.Findings)
	}
}

func note(reason string) []domain.Reason {
	if reason == "" {
		return nil
	}
	return []domain.Reason{{Note: reason}}
}
