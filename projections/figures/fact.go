package figures

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections"
)

// Measures of facts.
const (
	ofDecisions = "decision"
	ofStages    = "stage"
	ofBookings  = "booking"
	ofDays      = "daily"
	ofPending   = "pending"
	ofPublic    = "public"
)

// What happened, beside the stages and the reasons for which bookings are closed.
const (
	submitted = "submitted"
	approved  = "approved"
	rejected  = "rejected"
	revoked   = "revoked"
	listed    = "listed"
	unlisted  = "unlisted"
	takenDown = "taken_down"
	deleted   = "deleted"
	requested = "requested"
	replied   = "replied"
)

// fact is a row of facts.
type fact struct {
	Position          domain.Position
	Seq               int
	Day               workdays.Day
	N                 int
	A, B, Round       *int
	Late              bool
	Measure           string
	Kind, What        string
	Who               *uuid.UUID
	Mode, Destination *string
	Reasons           []string
	SinceRevision     *time.Time
	SinceFirst        *time.Time
	Until             *time.Time
}

var factColumns = []string{
	"position", "seq", "day", "n", "a", "b", "round", "late", "measure", "kind", "what", "who", "mode", "destination", "reasons",
	"since_revision", "since_first", "until",
}

func (f *fact) row() []any {
	return []any{
		f.Position, f.Seq, int(f.Day), f.N, f.A, f.B, f.Round, f.Late, f.Measure, f.Kind, f.What, (*[16]byte)(f.Who), f.Mode, f.Destination,
		f.Reasons, f.SinceRevision, f.SinceFirst, f.Until,
	}
}

// stock reports a measure of which there is something, beside what happens.
func (f *fact) stock() bool { return f.Measure == ofPending || f.Measure == ofPublic }

// count has the minutes of a fact that has a beginning and an end, by a calendar.
func (f *fact) count(c *workdays.Calendar) {
	switch f.Measure {
	case ofDecisions:
		f.A = new(minutes(c.Between(*f.SinceRevision, *f.Until)))
		f.B = new(minutes(c.Between(*f.SinceFirst, *f.Until)))
		days := workdays.ForApplication
		if f.Kind == product.Category {
			days = workdays.ForProduct
		}
		f.Late = !f.Until.Before(c.Due(*f.SinceRevision, days).At)
	case ofBookings:
		f.A, f.B = new(minutes(f.Until.Sub(*f.SinceFirst))), new(minutes(c.Between(*f.SinceFirst, *f.Until)))
	}
}

// minutes are whole ones, rounded up; two clocks may differ, and nothing took less than none.
func minutes(d time.Duration) int { return int((max(d, 0) + time.Minute - 1) / time.Minute) }

// stretch is a row of stretches.
type stretch struct {
	Stretch  int
	Behind   domain.Position
	Ends     *domain.Position
	Facts    int
	FirstDay int
	Through  int
}

// book collects the facts of a batch, and where stretches end in it.
type book struct {
	size  int
	at    stretch // the open one
	ended []stretch
	facts []fact
	// belated are those of events before the open stretch: of a stream that was parked.
	belated  []fact
	position domain.Position
	seq      int
}

func (b *book) load(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, sqlOpenStretch)
	return b.loaded(rows)
}

const sqlOpenStretch = `SELECT stretch, behind, ends, facts, first_day, through FROM stretches ORDER BY stretch DESC LIMIT 1`

func (b *book) loaded(rows pgx.Rows) error {
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stretch])
	if b.at = newStretch(1, 0, math.MinInt32); len(found) > 0 {
		b.at = found[0]
	}
	return err
}

func newStretch(number int, behind domain.Position, through int) stretch {
	return stretch{Stretch: number, Behind: behind, FirstDay: math.MaxInt32, Through: through}
}

// begin is where an event's facts begin.
func (b *book) begin(e projections.Event) { b.position, b.seq = e.Position, 0 }

func (b *book) add(f fact) {
	f.Position, f.Seq = b.position, b.seq
	b.seq++
	if f.Position <= b.at.Behind {
		b.belated = append(b.belated, f)
		return
	}
	b.at.Facts++
	if f.stock() {
		b.at.FirstDay, b.at.Through = min(b.at.FirstDay, int(f.Day)), max(b.at.Through, int(f.Day))
	}
	b.facts = append(b.facts, f)
}

// end is where they end, and the stretch with them when it has enough.
func (b *book) end() {
	if b.at.Facts < b.size || b.position <= b.at.Behind {
		return
	}
	done := b.at
	done.Ends = new(b.position)
	b.ended = append(b.ended, done)
	b.at = newStretch(done.Stretch+1, b.position, done.Through)
}
