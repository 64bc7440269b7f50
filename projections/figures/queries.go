package figures

import (
	"context"
	"errors"
)

// ErrNotShown is the error of a report as of a position that the read model does not show yet.
var ErrNotShown = errors.New("the figures are not as far as this position yet")

var errMissing = errors.New("figures: no tables yet")

// Turnaround is how long the decisions of a period took.
func (q Queries) Turnaround(ctx context.Context, f Filter) (TurnaroundReport, error) {
	return TurnaroundReport{}, errMissing
}

// Funnel is how far those got that were first submitted in a period.
func (q Queries) Funnel(ctx context.Context, f Filter) (FunnelReport, error) {
	return FunnelReport{}, errMissing
}

// Rejections is why what was rejected in a period was.
func (q Queries) Rejections(ctx context.Context, f Filter) (RejectionsReport, error) {
	return RejectionsReport{}, errMissing
}

// Bookings is what became of the bookings that were requested in a period.
func (q Queries) Bookings(ctx context.Context, f Filter) (BookingsReport, error) {
	return BookingsReport{}, errMissing
}

// Listings is what was public at the end of each day of a period.
func (q Queries) Listings(ctx context.Context, f Filter) (ListingsReport, error) {
	return ListingsReport{}, errMissing
}

// Daily is what happened in each day of a period.
func (q Queries) Daily(ctx context.Context, f Filter) (DailyReport, error) {
	return DailyReport{}, errMissing
}
