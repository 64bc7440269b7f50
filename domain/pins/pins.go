package pins

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Category names the streams of slots; a stream's id is the provider's.
const Category = "pins"

// inFlight is how long a slot stands whose product is not pinned yet: the request is under way, or was cut short.
const inFlight = time.Minute

// State is who holds a slot, in the order in which they were taken.
type State struct {
	Slots []Slot `json:"slots,omitempty"`
}

// Slot is the place of one product among the pinned.
type Slot struct {
	ProductID       uuid.UUID       `json:"product_id"`
	ProductRevision domain.Revision `json:"product_revision"`
	At              time.Time       `json:"at"`
}

// UnderWay reports whether the product may still be pinned by the request that took the slot: its stream has not moved since, and
// that was a moment ago.
func (s Slot) UnderWay(now domain.Revision, at time.Time) bool {
	return now == s.ProductRevision && at.Sub(s.At) <= inFlight
}

// Command is Take.
type Command interface{ command() }

// Take asks for a slot. By a product that has one it is a renewal, which moves the stream, so that what is decided meanwhile is decided
// again.
type Take struct {
	ProductID       uuid.UUID
	ProductRevision domain.Revision
	At              time.Time
	// Limit is the most products that the provider may pin, and Others how many others are pinned or about to be.
	Limit, Others int
	// Free are the products with a slot that are neither.
	Free []uuid.UUID
}

func (Take) command() {}

// ErrLimit says that the operator's limit of the provider is reached (Q14).
var ErrLimit = domain.Refuse(domain.KindConflict, "pin_limit_reached",
	"置顶产品数已达上限，请先取消其他产品的置顶", "as many products are pinned as the operator allows; unpin another one first")

// Decider is the slots of one provider.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide refuses with ErrLimit, which names the limit.
func Decide(_ State, c Command) ([]domain.Event, error) {
	take, ok := c.(Take)
	if !ok {
		return nil, fmt.Errorf("pins: unknown command %T", c)
	}
	if take.Others >= take.Limit {
		e := *ErrLimit
		e.Text = domain.Text{
			ZH: fmt.Sprintf("置顶产品数已达上限（%d个），请先取消其他产品的置顶", take.Limit),
			EN: fmt.Sprintf("at most %d products may be pinned; unpin another one first", take.Limit),
		}
		return nil, &e
	}
	return []domain.Event{Taken{ProductID: take.ProductID, ProductRevision: take.ProductRevision, At: take.At.UTC(), Freed: take.Free}}, nil
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	taken, ok := e.(Taken)
	if !ok {
		return s
	}
	left := slices.DeleteFunc(slices.Clone(s.Slots), func(slot Slot) bool {
		return slot.ProductID == taken.ProductID || slices.Contains(taken.Freed, slot.ProductID)
	})
	return State{Slots: append(left, Slot{ProductID: taken.ProductID, ProductRevision: taken.ProductRevision, At: taken.At})}
}
