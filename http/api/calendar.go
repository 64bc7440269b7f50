package api

import (
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain/workdays"
)

// GetCalendar shows the days of a year that the week alone does not tell, by the calendar that says what is due when (R43).
func (s *server) GetCalendar(c echo.Context, year Year, _ GetCalendarParams) error {
	calendar, err := s.Commands.Calendar(c.Request().Context())
	if err != nil {
		return err
	}
	from, to := workdays.Date(int(year), time.January, 1), workdays.Date(int(year)+1, time.January, 1)
	return keyless(c, CalendarYear{
		Version: string(calendar.Version()), Year: year, Estimated: !calendar.Knows(int(year)),
		WorkingDays: int32of(calendar.WorkingDays(from, to)),
		Days: convert(calendar.Special(int(year)), func(d workdays.Special) CalendarDay {
			return CalendarDay{Day: d.Day.String(), Working: d.Working, Name: textOf(d.Name)}
		}),
	})
}
