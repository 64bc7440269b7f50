// Package figures is a read model: what the reports count, as of any position of the log. docs/reports.md defines each figure.
package figures

import (
	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/projections"
)

// MaxDays is how many days a period has at most.
const MaxDays = 366

// By says what the rows of a report are of.
type By string

// What rows may be of. ByAll is one row of everything, but in Listings one for each destination and mode.
const (
	ByAll         By = ""
	ByKind        By = "kind"
	ByReviewer    By = "reviewer"
	ByReason      By = "reason"
	ByRound       By = "round"
	ByDay         By = "day"
	ByProvider    By = "provider"
	ByMode        By = "mode"
	ByDestination By = "destination"
)

// What the reports may be by; those that are not here are by nothing.
var (
	TurnaroundBy = []By{ByAll, ByKind, ByReviewer, ByReason, ByRound, ByDay}
	BookingsBy   = []By{ByAll, ByDay, ByProvider, ByMode, ByDestination}
	ListingsBy   = []By{ByAll, ByDay, ByMode, ByDestination}
)

// Filter says of which days a report is, both included, and as of which position.
type Filter struct {
	From, To workdays.Day
	// AsOf is the last position that the report knows of; 0 is the newest that the read model shows.
	AsOf domain.Position
	// Kind is provider or product in Turnaround, Funnel and Rejections; empty is both, and the others take no notice.
	Kind string
	By   By
}

// days is the length of the period.
func (f Filter) days() workdays.Day { return f.To - f.From + 1 }

// first is the first day of the period before.
func (f Filter) first() workdays.Day { return f.From - f.days() }

// Stamp says of which position a report is, and by which calendar its working time is counted.
type Stamp struct {
	Position domain.Position
	Calendar workdays.Version
}

// Spread are the minutes that N things took: the least within which half of them lie, and nine in ten. Both are 0 when N is.
type Spread struct{ N, Median, P90 int }

// Rate is part / whole in ten-thousandths, rounded half up; false of nothing.
func Rate(part, whole int) (int, bool) {
	if whole == 0 {
		return 0, false
	}
	return (2*10_000*part + whole) / (2 * whole), true
}

// Pair is a figure of the period, and of as many days before it.
type Pair[T any] struct{ Now, Before T }

// Row is what one key has. Key is empty by all, else the kind, the reviewer's or provider's id, the reason, round, mode or country, or the
// day as YYYY-MM-DD; Before of a day is of the day that is as far before it as the periods are apart. Rows are in the order of their
// keys, but rounds by number, and providers before products; a day has a row whatever happened in it, and so has a kind that is not
// filtered out.
type Row[T any] struct {
	Key string
	Pair[T]
}

// Turnaround is how long decisions took.
type Turnaround struct {
	Decided, Breaches         int
	SinceRevision, SinceFirst Spread
}

// TurnaroundReport has its rows by one of TurnaroundBy.
type TurnaroundReport struct {
	Stamp
	Rows []Row[Turnaround]
}

// Stage is how far a provider or product got.
type Stage string

// The stages, in the order of ProviderStages and ProductStages.
const (
	Submitted        Stage = "submitted"
	Decided          Stage = "decided"
	Approved         Stage = "approved"
	ApprovedAtFirst  Stage = "approved_at_first"
	ProductSubmitted Stage = "product_submitted"
	ProductListed    Stage = "product_listed"
	Listed           Stage = "listed"
	Booked           Stage = "booked"
	RepliedTo        Stage = "replied_to"
)

// The stages of each kind.
var (
	ProviderStages = []Stage{Submitted, Decided, Approved, ApprovedAtFirst, ProductSubmitted, ProductListed}
	ProductStages  = []Stage{Submitted, Decided, Approved, ApprovedAtFirst, Listed, Booked, RepliedTo}
)

// FunnelRow is how many of those that were first submitted in the period got so far, and how many there are.
type FunnelRow struct {
	Kind  string
	Stage Stage
	Pair[int]
	Of Pair[int]
}

// FunnelReport has a row for each stage: of providers, then of products.
type FunnelReport struct {
	Stamp
	Rows []FunnelRow
}

// RejectionRow is how many rejections of a kind named a reason, and how many rejections there are.
type RejectionRow struct {
	Kind, Reason string
	Pair[int]
	Of Pair[int]
}

// RejectionsReport has its rows by kind, providers first, then by reason.
type RejectionsReport struct {
	Stamp
	Rows []RejectionRow
}

// Closed are bookings that were closed, by reason.
type Closed struct{ Withdrawn, ProductDeleted, ProviderClosed, EnterpriseClosed int }

// Bookings is what became of bookings.
type Bookings struct {
	Requested, Replied int
	// ToReply is by the clock, ToReplyWorking in working time.
	ToReply, ToReplyWorking Spread
	Closed                  Closed
}

// BookingsReport has its rows by one of BookingsBy.
type BookingsReport struct {
	Stamp
	Rows []Row[Bookings]
}

// ListingRow is how many products were public at the end of a day. Destination and Mode are empty where the report is not by them.
type ListingRow struct {
	Day               workdays.Day
	Destination, Mode string
	Pair[int]
}

// ListingsReport has its rows by day, destination and mode. By ByDay each day has a row; else those that have products in the period, or
// before it, have one for each day.
type ListingsReport struct {
	Stamp
	Rows []ListingRow
}

// Reviewed is what happened to submissions of a kind in a day, and how many were pending at its end.
type Reviewed struct{ Submitted, Approved, Rejected, Revoked, Pending int }

// Daily is a day.
type Daily struct {
	Provider, Product                    Reviewed
	Listed, Unlisted, TakenDown, Deleted int
	Requested, Replied                   int
}

// DailyReport has a row for each day.
type DailyReport struct {
	Stamp
	Rows []Row[Daily]
}

// Queries reads the figures.
type Queries struct{ DB projections.Querier }
