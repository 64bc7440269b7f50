package audit

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Lease is how long an opening lasts: a working day, so that a reason is given again for what is looked at again (docs/decisions/0046).
const Lease = 8 * time.Hour

// MaxReason bounds the reason of an opening, in code points.
const MaxReason = 500

// Opening is one auditor's access to one deleted record. Its zero value is none.
type Opening struct {
	Kind   string    `json:"kind"`
	Object uuid.UUID `json:"object"`
	// Reason is the latest that was given.
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// Live reports whether the record is open at a time.
func (o Opening) Live(at time.Time) bool { return at.Before(o.Until) }

// openings is the name space of the ids of openings.
var openings = uuid.MustParse("5d1c0b7e-92a4-5f3e-8e61-7c4b2a90d3f8")

// OpeningID is the id of the stream of an auditor's openings of one record: whether it is open now, its few events say.
func OpeningID(auditor uuid.UUID, kind string, object uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(openings, []byte(auditor.String()+"\n"+string(domain.Stream(kind, object))))
}

// OpeningCommand is Open.
type OpeningCommand interface{ command() }

// Open opens a record for the auditor for the length of Lease, anew if it is open.
type Open struct {
	Kind   string
	Object uuid.UUID
	// Deleted says that the record is one that was deleted: any other is refused.
	Deleted bool
	Reason  string
	At      time.Time
}

func (Open) command() {}

// Refusals.
var (
	ErrNotDeleted = domain.Refuse(domain.KindConflict, "not_deleted",
		"该记录未被删除，无需申请即可查阅", "the record was not deleted; it can be read without an opening")
	ErrOpeningNeeded = domain.Refuse(domain.KindForbidden, "opening_needed",
		"该记录已删除，请先说明理由并打开（POST /api/v1/audit/openings）",
		"the record was deleted; open it with a reason first (POST /api/v1/audit/openings)")
)

// Openings decides about openings.
var Openings = domain.Decider[Opening, OpeningCommand]{
	Category: Category, Decide: DecideOpening, Evolve: EvolveOpening,
	Types: domain.Types{Opened{}.EventType(): domain.JSON[Opened]},
}

// DecideOpening turns a command into what happened.
func DecideOpening(s Opening, c OpeningCommand) ([]domain.Event, error) {
	open, ok := c.(Open)
	if !ok {
		return nil, fmt.Errorf("audit: unknown command %T", c)
	}
	var f domain.Fields
	f.Required("/reason", &open.Reason, MaxReason, domain.Text{ZH: "理由", EN: "reason"})
	if err := f.Err(); err != nil {
		return nil, err
	}
	if !open.Deleted {
		return nil, ErrNotDeleted
	}
	until := open.At.UTC().Add(Lease)
	if until.Before(s.Until) {
		until = s.Until // another node's clock was ahead
	}
	return []domain.Event{Opened{Kind: open.Kind, Object: open.Object, Reason: open.Reason, Until: until}}, nil
}

// EvolveOpening folds one event.
func EvolveOpening(s Opening, e domain.Event) Opening {
	if opened, ok := e.(Opened); ok {
		s = Opening(opened)
	}
	return s
}
