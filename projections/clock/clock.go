// Package clock is what Waybill does by itself at certain times, one file a job. docs/new-job.md says how to add one.
package clock

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

// Desk is what jobs ask of the reviewers' desk.
type Desk interface {
	// Open counts the cases of each kind that await a decision: all, those due by an instant, and those due after it and by the end of
	// the day. A kind without any may be missing.
	Open(ctx context.Context, at, endOfDay time.Time) ([]review.KindCount, error)
	// OpenThen counts those that awaited one at an instant that has passed, as far as that can still be told.
	OpenThen(ctx context.Context, at, endOfDay time.Time) ([]review.KindCount, error)
	// ExpiredClaims lists claims that stand though their time is over, at most so many.
	ExpiredClaims(ctx context.Context, now time.Time, limit int) ([]review.ExpiredClaim, error)
}

// All are the jobs of a server.
func All(service *commands.Service, desk Desk, log *slog.Logger) []runtime.Job {
	return []runtime.Job{digests(service, desk), expiries(service, desk), overdue(desk, log)}
}

// because is the request by which a turn changes something: that of the system, and the same one however often the turn is taken.
func because(turn runtime.Turn) commands.Request {
	return commands.Request{ID: turn.ID, Actor: domain.System, CorrelationID: turn.ID, At: turn.Now}
}

// kinds are those of the cases at the desk, in the order in which they are shown.
var kinds = []string{provider.Category, product.Category}

// counted has the open cases of every kind, also of those without any.
func counted(found []review.KindCount) []digest.Kind {
	all := make([]digest.Kind, len(kinds))
	for i, kind := range kinds {
		all[i].Kind = kind
		for _, f := range found {
			if f.Kind == kind {
				all[i] = digest.Kind(f)
			}
		}
	}
	return all
}

// endOfDay is 24:00 in Beijing of an instant's day.
func endOfDay(at time.Time) time.Time { return (workdays.DayOf(at) + 1).Start() }

// expiry is the request that ends a claim, of which there is one however often it is found.
func expiry(claim uuid.UUID, turn runtime.Turn) commands.Request {
	req := because(turn)
	req.ID = uuid.NewSHA1(claim, []byte("expire"))
	return req
}
