package uscc

import (
	"fmt"

	"github.com/google/uuid"

	"waybill/domain"
)

// Category names the reservation streams; a stream's id is its code's StreamID.
const Category = "uscc"

// State is one code's reservation.
type State struct {
	// Holder is the provider that may apply with the code; the nil UUID before anybody asked for it.
	Holder uuid.UUID `json:"holder"`
	// Confirmed is set once a decision to approve the holder with the code was under way: see Reserve.HolderGone.
	Confirmed bool `json:"confirmed"`
}

// Command is Reserve or Confirm.
type Command interface{ command() }

// Reserve asks for the code before a provider applies with it. By the holder it is a renewal, which moves the stream, so that a
// takeover decided meanwhile loses.
type Reserve struct {
	ProviderID uuid.UUID
	// HolderGone says that the current holder does not need the code: see provider.State.Needs. Before Confirmed, its
	// application with the code is neither pending nor approved; after, it can never be approved with the code any more.
	HolderGone bool
}

// Confirm makes the code the provider's for good, just before its approval.
type Confirm struct {
	ProviderID uuid.UUID
	// HolderGone says that the provider, which is not the holder, gets the code all the same: there is no holder, or as in Reserve.
	HolderGone bool
}

func (Reserve) command() {}
func (Confirm) command() {}

// ErrTaken says that the code is another account's (Q19).
var ErrTaken = domain.Refuse(domain.KindConflict, "uscc_taken",
	"该统一社会信用代码已由其他账号用于服务商申请，一个统一社会信用代码只能对应一个服务商",
	"another account applies, or was approved, with this unified social credit code; a code can have only one provider")

// Decider is the reservation of one code.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide refuses with ErrTaken.
func Decide(s State, c Command) ([]domain.Event, error) {
	switch c := c.(type) {
	case Reserve:
		switch {
		case s.Holder == c.ProviderID && s.Confirmed:
			return nil, nil
		case s.Holder == c.ProviderID, s.Holder == uuid.Nil, c.HolderGone:
			return []domain.Event{Reserved{ProviderID: c.ProviderID}}, nil
		}
		return nil, ErrTaken
	case Confirm:
		confirmed := Confirmed{ProviderID: c.ProviderID}
		switch {
		case s.Holder == c.ProviderID && s.Confirmed:
			return nil, nil
		case s.Holder == c.ProviderID:
			return []domain.Event{confirmed}, nil
		case c.HolderGone:
			return []domain.Event{Reserved{ProviderID: c.ProviderID}, confirmed}, nil
		}
		return nil, ErrTaken
	}
	return nil, fmt.Errorf("uscc: unknown command %T", c)
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	switch e := e.(type) {
	case Reserved:
		return State{Holder: e.ProviderID}
	case Confirmed:
		return State{Holder: e.ProviderID, Confirmed: true}
	}
	return s
}
