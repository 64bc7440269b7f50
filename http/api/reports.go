package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain/workdays"
	"waybill/http/reports"
	"waybill/http/tabular"
	"waybill/projections"
	"waybill/projections/figures"
	"waybill/projections/runtime"
)

// askedReport is what a report is asked, by its parameters.
type askedReport struct {
	from, to, kind, by, asOf string
	format                   ReportFormat
}

// GetTurnaround reports how long decisions took.
func (s *server) GetTurnaround(c echo.Context, p GetTurnaroundParams) error {
	return s.report(c, reports.Turnaround, askedReport{p.From, p.To, string(p.Kind), string(p.By), p.AsOf, p.Format})
}

// GetFunnel reports how far those got that were first submitted in a period.
func (s *server) GetFunnel(c echo.Context, p GetFunnelParams) error {
	return s.report(c, reports.Funnel, askedReport{p.From, p.To, string(p.Kind), "", p.AsOf, p.Format})
}

// GetRejections reports why what was rejected was.
func (s *server) GetRejections(c echo.Context, p GetRejectionsParams) error {
	return s.report(c, reports.Rejections, askedReport{p.From, p.To, string(p.Kind), "", p.AsOf, p.Format})
}

// GetBookingFigures reports what became of bookings.
func (s *server) GetBookingFigures(c echo.Context, p GetBookingFiguresParams) error {
	return s.report(c, reports.Bookings, askedReport{p.From, p.To, "", string(p.By), p.AsOf, p.Format})
}

// GetListings reports what was public at the end of each day.
func (s *server) GetListings(c echo.Context, p GetListingsParams) error {
	return s.report(c, reports.Listings, askedReport{p.From, p.To, "", string(p.By), p.AsOf, p.Format})
}

// GetDaily reports what happened in each day.
func (s *server) GetDaily(c echo.Context, p GetDailyParams) error {
	return s.report(c, reports.Daily, askedReport{p.From, p.To, "", "", p.AsOf, p.Format})
}

// report answers a report as of a position, in the format that is asked for.
func (s *server) report(c echo.Context, name reports.Name, asked askedReport) error {
	f, err := reportDays(asked.from, asked.to, s.web.Clock())
	if err != nil {
		return err
	}
	f.Kind, f.By = asked.kind, figures.By(asked.by)
	asOf, err := s.readAsOf(c.Request().Context(), asked.asOf)
	if err != nil {
		return err
	}
	if asOf.given() {
		if asOf.position == 0 {
			return wrongParameter("as_of", "before_the_log", "日志在该时间尚无事件", "the log has no event up to this time")
		}
		if err := s.waiting.wait(c.Request().Context(), callOf(c).Account, figures.Model.Name, asOf.position); err != nil {
			return err
		}
	}
	f.AsOf = asOf.position
	report, err := reports.Make(c.Request().Context(), s.figures, name, f)
	if errors.Is(err, figures.ErrNotShown) {
		return runtime.ErrBehind.Because(err)
	}
	if err != nil {
		return err
	}
	format := tabular.Format(asked.format)
	header := c.Response().Header()
	if format == "" {
		format = acceptedFormat(c.Request().Header.Values("Accept"), reports.Formats, reports.ContentType)
		header.Add("Vary", "Accept")
	}
	var content bytes.Buffer
	if err := report.Write(&content, format); err != nil {
		return err
	}
	sum := sha256.Sum256(content.Bytes())
	header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	header.Set("Waybill-As-Of", strconv.FormatUint(uint64(report.Position), 10))
	if !asOf.time.IsZero() {
		header.Set("Waybill-As-Of-Time", asOf.time.UTC().Format(projections.TimeLayout))
	}
	header.Set("Waybill-Calendar", string(report.Calendar))
	header.Set("Waybill-Rows", strconv.Itoa(len(report.Rows)))
	header.Set("Waybill-Rows-SHA256", report.SHA256)
	if format != reports.JSON {
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": report.FileName(format)}))
	}
	return tagged(c, tagOf(content.Bytes()), reports.ContentType(format), content.Bytes())
}

// reportDays is the period that is asked for: thirty days up to today when nothing is said, in years of which something can be known.
func reportDays(from, to string, now time.Time) (figures.Filter, error) {
	days, err := daysOf(from, to, now)
	if err != nil {
		return figures.Filter{}, err
	}
	for name, day := range map[string]workdays.Day{"from": days.From, "to": days.To} {
		if !reports.Covers(day) {
			return figures.Filter{}, wrongParameter(name, "out_of_range",
				fmt.Sprintf("须在 %d 年至 %d 年之间", reports.FirstYear, reports.LastYear),
				fmt.Sprintf("must be a day of %d to %d", reports.FirstYear, reports.LastYear))
		}
	}
	return figures.Filter{From: days.From, To: days.To}, nil
}

// acceptedFormat is the format that a caller likes best of those that there are; the first when it likes none, or all alike.
func acceptedFormat(accept []string, there []tabular.Format, contentType func(tabular.Format) string) tabular.Format {
	best, like := there[0], 0.0
	for _, one := range strings.Split(strings.Join(accept, ","), ",") {
		media, params, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, said := params["q"]; said {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		for _, f := range there {
			if named, _, _ := mime.ParseMediaType(contentType(f)); named == media && weight > like {
				best, like = f, weight
			}
		}
	}
	return best
}
