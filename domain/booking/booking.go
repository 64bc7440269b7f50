package booking

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
)

// Category names the streams of bookings.
const Category = "booking"

// Status is where a booking stands; it is empty when there is none.
type Status string

// The statuses: 待回复, 已回复 (R39), and closed.
const (
	StatusAwaitingReply Status = "awaiting_reply"
	StatusReplied       Status = "replied"
	StatusClosed        Status = "closed"
)

// After is the status that an event of the booking's leaves behind.
func (s Status) After(e domain.Event) Status {
	switch e.(type) {
	case Requested:
		return StatusAwaitingReply
	case Replied:
		return StatusReplied
	case Closed:
		return StatusClosed
	}
	return s
}

// State is one booking inquiry.
type State struct {
	Status Status `json:"status"`
	// Request is what was asked, with the product as the enterprise saw it.
	Request Requested `json:"request"`
	// Replies are the provider's messages, so far at most one (Q20), or what the system said in its stead.
	Replies []string `json:"replies,omitempty"`
	// ReadNumber is the number of the last reply the enterprise has seen; 0 is none.
	ReadNumber  int         `json:"read_number"`
	CloseReason CloseReason `json:"close_reason,omitempty"`
}

// Command is one of the structs below. By is the account that asks; one that is not the party concerned gets ErrNotFound.
type Command interface{ command() }

// Request files an inquiry. At is now.
type Request struct {
	Snapshot Requested
	// Available says that the product is public: approved, listed, and its provider active (R45).
	Available bool
	At        time.Time
}

// Reply answers the inquiry, once (R37, Q20). By is the provider.
type Reply struct {
	By   uuid.UUID
	Text string
	// EnterpriseClosed says that the enterprise's account is closed: nobody would read the reply.
	EnterpriseClosed bool
}

// MarkRead records that the enterprise has seen the reply (Q21).
type MarkRead struct{ By uuid.UUID }

// Withdraw takes an unanswered inquiry back. By is the enterprise.
type Withdraw struct{ By uuid.UUID }

// Close ends an unanswered inquiry for the system (Q17). One that is answered or closed stays as it is.
type Close struct{ Reason CloseReason }

func (Request) command()  {}
func (Reply) command()    {}
func (MarkRead) command() {}
func (Withdraw) command() {}
func (Close) command()    {}

// Refusals.
var (
	ErrAlreadyRequested = domain.Refuse(domain.KindConflict, "already_requested", "该预约已提交", "the booking was requested already")
	ErrOwnProduct       = domain.Refuse(domain.KindConflict, "own_product", "不能预约本企业的产品", "an enterprise cannot book its own product")
	ErrNotAvailable     = domain.Refuse(domain.KindConflict, "product_not_available",
		"该产品已下架或暂不可预约", "the product is not offered at present")
	ErrAlreadyReplied = domain.Refuse(domain.KindConflict, "already_replied", "该预约已回复", "the booking has been replied to")
	ErrNotReplied     = domain.Refuse(domain.KindConflict, "not_replied", "该预约尚未回复", "the booking has no reply yet")
	ErrClosed         = domain.Refuse(domain.KindConflict, "booking_closed", "该预约已关闭", "the booking is closed")

	ErrEnterpriseClosed = domain.Refuse(domain.KindConflict, "enterprise_closed",
		"预约企业的账号已注销，无法回复", "the account of the booking enterprise is closed; nobody would read the reply")
)

// Decider is the booking aggregate.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide turns a command into what happened.
func Decide(s State, c Command) ([]domain.Event, error) {
	if request, ok := c.(Request); ok {
		return decideRequest(s, request)
	}
	if s.Status == "" {
		return nil, domain.ErrNotFound
	}
	switch c := c.(type) {
	case Reply:
		return decideReply(s, c)
	case MarkRead:
		return decideMarkRead(s, c)
	case Withdraw:
		return decideWithdraw(s, c)
	case Close:
		return decideClose(s, c)
	}
	return nil, fmt.Errorf("booking: unknown command %T", c)
}

func decideRequest(s State, c Request) ([]domain.Event, error) {
	switch {
	case s.Status != "":
		return nil, ErrAlreadyRequested
	case c.Snapshot.EnterpriseName == "":
		return nil, account.ErrNotCertified
	case c.Snapshot.EnterpriseID == c.Snapshot.ProviderID:
		return nil, ErrOwnProduct
	case !c.Available:
		return nil, ErrNotAvailable
	}
	if err := c.Snapshot.Inquiry.Clean(c.At); err != nil {
		return nil, err
	}
	return []domain.Event{c.Snapshot}, nil
}

func decideReply(s State, c Reply) ([]domain.Event, error) {
	if c.By != s.Request.ProviderID {
		return nil, domain.ErrNotFound
	}
	switch s.Status {
	case StatusClosed:
		return nil, ErrClosed
	case StatusReplied:
		return nil, ErrAlreadyReplied
	case StatusAwaitingReply:
	}
	if c.EnterpriseClosed {
		return nil, ErrEnterpriseClosed
	}
	var f domain.Fields
	f.Required("/text", &c.Text, MaxReply, domain.Text{ZH: "回复内容", EN: "reply"})
	if err := f.Err(); err != nil {
		return nil, err
	}
	return []domain.Event{Replied{Number: len(s.Replies) + 1, Text: c.Text}}, nil
}

func decideMarkRead(s State, c MarkRead) ([]domain.Event, error) {
	switch {
	case c.By != s.Request.EnterpriseID:
		return nil, domain.ErrNotFound
	case len(s.Replies) == 0:
		return nil, ErrNotReplied
	case s.ReadNumber == len(s.Replies):
		return nil, nil
	}
	return []domain.Event{Read{Number: len(s.Replies)}}, nil
}

func decideWithdraw(s State, c Withdraw) ([]domain.Event, error) {
	if c.By != s.Request.EnterpriseID {
		return nil, domain.ErrNotFound
	}
	switch s.Status {
	case StatusClosed:
		return nil, nil
	case StatusReplied:
		return nil, ErrAlreadyReplied
	case StatusAwaitingReply:
	}
	return []domain.Event{Closed{Reason: Withdrawn}}, nil
}

func decideClose(s State, c Close) ([]domain.Event, error) {
	if c.Reason != ProductDeleted && c.Reason != ProviderClosed && c.Reason != EnterpriseClosed {
		var f domain.Fields
		f.Add("/reason", "unknown_reason", "未知的关闭原因", "must be product_deleted, provider_closed or enterprise_closed")
		return nil, f.Err()
	}
	if s.Status != StatusAwaitingReply {
		return nil, nil
	}
	return []domain.Event{Closed(c)}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	s.Status = s.Status.After(e)
	switch e := e.(type) {
	case Requested:
		s.Request = e
	case Replied:
		s.Replies = append(s.Replies[:len(s.Replies):len(s.Replies)], e.Text)
	case Read:
		s.ReadNumber = e.Number
	case Closed:
		s.CloseReason = e.Reason
		if said := e.Reason.SystemReply(); said != "" {
			s.Replies = append(s.Replies[:len(s.Replies):len(s.Replies)], said)
		}
	}
	return s
}
