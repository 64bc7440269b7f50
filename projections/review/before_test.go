package review_test

import (
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

// TestTheLastBefore is the latest of those decided so before a revision, never itself, a later one, or one whose approval was revoked.
func TestTheLastBefore(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	p := domaintest.ID("p")
	h.Add("product", p, product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("p")})
	for revision, outcome := range []func(domain.ContentRevision) domain.Event{
		1: approved, 2: rejected, 3: approved, 4: rejected, 5: approved,
	} {
		if revision > 0 {
			of := domain.ContentRevision(revision)
			h.Add("product", p, outcome(of), product.Revised{Revision: of + 1, Content: domaintest.Content("p")})
		}
	}
	h.Add("product", p, product.ApprovalRevoked{Revision: 5, Reasons: domaintest.Unfit})
	modeltest.Project(t, pool, h.Log, 4)
	q := review.Queries{DB: pool}
	for revision, want := range map[domain.ContentRevision][3]domain.ContentRevision{
		1: {}, 2: {1}, 3: {1, 2}, 4: {3, 2}, 5: {3, 4, 5}, 6: {3, 4, 5},
	} {
		item, err := q.ItemAt(t.Context(), product.Category, p, revision)
		if err != nil {
			t.Fatal(err)
		}
		var got [3]domain.ContentRevision
		for i, last := range []func() (*review.SubmissionDetail, error){
			func() (*review.SubmissionDetail, error) {
				return q.LastBefore(t.Context(), item.Submission, domain.ReviewApproved)
			},
			func() (*review.SubmissionDetail, error) {
				return q.LastBefore(t.Context(), item.Submission, domain.ReviewRejected)
			},
			func() (*review.SubmissionDetail, error) { return q.RevokedOf(t.Context(), item.Submission) },
		} {
			found, err := last()
			if err != nil {
				t.Fatal(err)
			}
			if found != nil {
				got[i] = found.ContentRevision
			}
		}
		modeltest.Equal(t, "last approved, rejected and revoked", got, want)
	}
}

func approved(of domain.ContentRevision) domain.Event { return product.Approved{Revision: of} }
func rejected(of domain.ContentRevision) domain.Event { return product.Rejected{Revision: of} }

// TestAtTheInstant at which a claim ends the case is free, and at which a case is due it is overdue; what a decision came too late by
// grows no more.
func TestAtTheInstant(t *testing.T) {
	at := time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC)
	s := review.Submission{State: domain.ReviewPending, Claim: &review.Claim{Until: at}}
	s.DueAt = at
	if s.Holder(at.Add(-1)) == nil || s.Holder(at) != nil {
		t.Error("a claim does not end with its time")
	}
	if s.Overdue(at.Add(-1)) || !s.Overdue(at) || s.OverdueBy(at.Add(time.Hour)) != time.Hour {
		t.Error("a case is not overdue from its time on")
	}
	s.State, s.DecidedAt = domain.ReviewApproved, new(at.Add(time.Minute))
	if !s.Overdue(at) || s.OverdueBy(at.Add(time.Hour)) != time.Minute {
		t.Errorf("decided a minute too late: %s", s.OverdueBy(at.Add(time.Hour)))
	}
}
