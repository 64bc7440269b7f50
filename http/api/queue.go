package api

import (
	nethttp "net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/projections/review"
)

// GetReviewQueue lists submissions (R41).
func (s *server) GetReviewQueue(c echo.Context, params GetReviewQueueParams) error {
	f := review.Filter{
		Kind: string(params.Kind), State: domain.Review(params.State),
		OlderThan: given(params.OlderThan), YoungerThan: given(params.YoungerThan),
		DueBefore: given(params.DueBefore), DueAfter: given(params.DueAfter), Overdue: params.Overdue,
		Submitter: params.Submitter, Provider: params.Provider, Subject: params.Subject, ProviderType: params.ProviderType,
		Flags: convert(params.Flag, func(f ReviewFlag) review.Flag { return review.Flag(f) }),
		Now:   s.web.Clock().UTC(), Reviewer: callOf(c).Account,
		After: params.Cursor, Limit: params.Limit, Total: params.Total,
	}
	if err := checkPending(f); err != nil {
		return err
	}
	page, err := s.review.Queue(c.Request().Context(), f)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, ReviewPage{
		Items:      convert(page.Rows, func(r review.Submission) ReviewItem { return s.reviewRowOf(r, f.Now) }),
		NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// checkPending refuses conditions that only pending submissions can meet, of others: an empty list would say that there are none.
func checkPending(f review.Filter) error {
	if f.State == "" || f.State == domain.ReviewPending {
		return nil
	}
	var wrong domain.Fields
	refuse := func(name string, asked bool) {
		if asked {
			wrong.Add(name, "only_pending", "该条件只适用于待审核的事项", "is a condition on pending ones only")
		}
	}
	refuse("due_before", f.DueBefore != nil)
	refuse("due_after", f.DueAfter != nil)
	refuse("flag", slices.ContainsFunc(f.Flags, review.Flag.Pending))
	return wrong.Err()
}

// reviewRowOf is an item as a list shows it, at a time.
func (s *server) reviewRowOf(r review.Submission, now time.Time) ReviewItem {
	item := s.reviewItemOf(r)
	item.OverdueBy = int64(r.OverdueBy(now) / time.Second)
	return item
}

// GetReviewCounts counts what there is at the desk.
func (s *server) GetReviewCounts(c echo.Context, _ GetReviewCountsParams) error {
	now := s.web.Clock().UTC()
	counts, err := s.review.Counts(c.Request().Context(), now)
	if err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, ReviewCounts{At: at(now), Items: convert(counts, func(n review.DeskCount) ReviewCount {
		return ReviewCount{
			Kind: ReviewKind(n.Kind), Pending: int64(n.Open), Overdue: int64(n.Overdue), DueToday: int64(n.DueToday),
			Claimed:  int64(n.Claimed),
			Approved: int64(n.States[domain.ReviewApproved]), Rejected: int64(n.States[domain.ReviewRejected]),
			Superseded: int64(n.States[domain.ReviewSuperseded]), OldestDue: timeOf(n.Oldest),
		}
	})})
}
