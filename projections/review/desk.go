package review

import (
	"context"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Case is a subject whose latest submission awaits a decision.
type Case struct {
	// Kind is the category of the subject's stream, ID the subject's, and Revision its latest submission.
	Kind       string
	ID         uuid.UUID
	ProviderID uuid.UUID
	Revision   domain.ContentRevision
}

// UnclaimedFilter narrows the cases that nobody holds. Empty texts keep all; Now is when a claim has ended.
type UnclaimedFilter struct {
	Kind, ProviderType string
	Now                time.Time
}

// Unclaimed are the first cases of the queue, in its order, that nobody holds.
func (q Queries) Unclaimed(context.Context, UnclaimedFilter, int) ([]Case, error) { return nil, nil }

// KindCount counts the cases of one kind that await a decision.
type KindCount struct {
	Kind string
	// Overdue are those due at the moment asked for or before, DueToday those due after it and until the end of its day.
	Open, Overdue, DueToday int
	// Oldest is when the first of them is, or was, due; nil without any.
	Oldest *time.Time
}

// Open counts what awaits a decision at a moment, by kind, those of which nothing is open too. endOfDay is when the moment's day ends.
func (q Queries) Open(context.Context, time.Time, time.Time) ([]KindCount, error) { return nil, nil }

// ExpiredClaim is a claim whose time is over and that nobody ended.
type ExpiredClaim struct{ Case, Claim uuid.UUID }

// ExpiredClaims are the claims that ended by now, in the order in which they did; at most limit.
func (q Queries) ExpiredClaims(context.Context, time.Time, int) ([]ExpiredClaim, error) {
	return nil, nil
}
