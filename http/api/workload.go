package api

import (
	"fmt"
	nethttp "net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/projections/directory"
	"waybill/projections/workload"
)

// GetWorkload shows what each reviewer did in a range of days.
func (s *server) GetWorkload(c echo.Context, params GetWorkloadParams) error {
	filter, err := daysOf(params.From, params.To, s.web.Clock())
	if err != nil {
		return err
	}
	filter.Kind = string(params.Kind)
	ctx := c.Request().Context()
	calendar, err := s.Commands.Calendar(ctx)
	if err != nil {
		return err
	}
	report, err := s.workload.Report(ctx, filter, calendar)
	if err != nil {
		return err
	}
	busy := map[uuid.UUID]workload.Work{}
	ids := make([]uuid.UUID, len(report.Reviewers))
	for i, w := range report.Reviewers {
		busy[w.Reviewer], ids[i] = w, w.Reviewer
	}
	reviewers, err := s.directory.Holders(ctx, domain.RoleReviewer, ids)
	if err != nil {
		return err
	}
	items := convert(reviewers, func(a directory.Account) ReviewerWork {
		return ReviewerWork{
			Reviewer: a.ID, Name: a.DisplayName, Work: workOf(busy[a.ID]),
			Active: !a.Closed && slices.Contains(a.Roles, domain.RoleReviewer),
		}
	})
	slices.SortStableFunc(items, func(a, b ReviewerWork) int { return int(b.Work.Decided - a.Work.Decided) })
	return answer(c, nethttp.StatusOK, Workload{
		From: filter.From.String(), To: filter.To.String(), Calendar: string(calendar.Version()),
		Everybody: workOf(report.Everybody), Items: items,
	})
}

// daysOf is the range of days that is asked for: thirty up to today when nothing is said.
func daysOf(from, to string, now time.Time) (workload.Filter, error) {
	const usual = 30
	f := workload.Filter{To: workdays.DayOf(now)}
	var mistakes domain.Fields
	day := func(name, text string, into *workdays.Day) {
		d, err := workdays.ParseDay(text)
		if text == "" {
			return
		}
		if err != nil {
			mistakes.Add(name, "bad_date", "请输入正确的日期，如 2026-01-31", "must be a date such as 2026-01-31")
		}
		*into = d
	}
	day("to", to, &f.To)
	f.From = f.To - usual + 1
	if day("from", from, &f.From); len(mistakes) > 0 {
		return f, mistakes.Err()
	}
	switch days := int(f.To - f.From + 1); {
	case days < 1:
		mistakes.Add("to", "bad_range", "结束日期不能早于开始日期", "must not be before from")
	case days > workload.MaxDays:
		mistakes.Add("from", "range_too_long", fmt.Sprintf("最多统计%d天", workload.MaxDays),
			fmt.Sprintf("must be within %d days of to", workload.MaxDays))
	}
	return f, mistakes.Err()
}

func workOf(w workload.Work) Work {
	return Work{
		Claimed: int32of(w.Claimed), HandedBack: int32of(w.HandedBack), Expired: int32of(w.Expired), TakenOver: int32of(w.TakenOver),
		Decided: int32of(w.Decided()), Approved: int32of(w.Approved), FirstApproved: int32of(w.FirstApproved),
		Rejected: int32of(w.Rejected), Revoked: int32of(w.Revoked), Overturned: int32of(w.Overturned),
		FromClaim: workTimesOf(w.FromClaim), FromSubmission: workTimesOf(w.FromSubmission),
	}
}

// workTimesOf is zero, and not shown, when there is no decision to tell of.
func workTimesOf(t workload.Times) WorkTimes {
	seconds := func(d time.Duration) int64 { return int64(d / time.Second) }
	return WorkTimes{
		Decisions: int32of(t.N), MedianSeconds: seconds(t.Median), P90Seconds: seconds(t.P90),
		WorkingMedianSeconds: seconds(t.WorkingMedian), WorkingP90Seconds: seconds(t.WorkingP90),
	}
}
