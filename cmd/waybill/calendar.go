package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"waybill/cmd/config"
	"waybill/domain/workdays"
)

type calendarCommand struct {
	Show    calendarShowCommand    `cmd:"" help:"Print the days off and the make-up days of a year, and how many working days it has."`
	Due     calendarDueCommand     `cmd:"" help:"Say when the result of a submission is due."`
	Correct calendarCorrectCommand `cmd:"" help:"Correct the calendar of the log, or bring it a further year, as a notice says."`
}

// whichCalendar says which calendar a question is about.
type whichCalendar struct {
	Published bool `help:"The table in this program, without the corrections of the log; it needs no database."`
}

// with runs f on the calendar.
func (w whichCalendar) with(ctx context.Context, cfg config.Config, f func(*workdays.Calendar) error) error {
	if w.Published {
		return f(workdays.Standard())
	}
	return withApp(ctx, cfg, func(a *app) error {
		calendar, err := a.commands.Calendar(ctx)
		if err != nil {
			return err
		}
		return f(calendar)
	})
}

type calendarShowCommand struct {
	Year *int `help:"The year; that of today in Beijing when not given." placeholder:"YEAR"`
	whichCalendar
}

// Run is called by kong.
func (c calendarShowCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	year := workdays.DayOf(time.Now()).Year()
	if c.Year != nil {
		year = *c.Year
	}
	if year < 1 || year > lastYear {
		return fmt.Errorf("--year: from 1 to %d, not %d", lastYear, year)
	}
	return c.with(ctx, cfg, func(calendar *workdays.Calendar) error { return showCalendar(out, calendar, year) })
}

// lastYear is the last that a date is written of.
const lastYear = 9999

// showCalendar prints a year's special days, a row for each run of days that are alike.
func showCalendar(out io.Writer, calendar *workdays.Calendar, year int) error {
	first, last := calendar.Years()
	fmt.Fprintf(out, "calendar %s, which knows %d to %d\n", calendar.Version(), first, last)
	if !calendar.Knows(year) {
		fmt.Fprintf(out, "%d: estimated from Monday to Friday, without holidays\n", year)
	} else {
		days := newTable(out, "FROM", "TO", "DAYS", "WHAT", "HOLIDAY")
		special := calendar.Special(year)
		for i := 0; i < len(special); {
			from := special[i]
			to := from
			for i++; i < len(special) && special[i] == (workdays.Special{Day: to.Day + 1, Working: from.Working, Name: from.Name}); i++ {
				to = special[i]
			}
			what := workOrOff(calendar, from.Day)
			days.add(dayName(from.Day), dayName(to.Day), int(to.Day-from.Day)+1, what, from.Name.ZH+" "+from.Name.EN)
		}
		if err := days.flush(); err != nil {
			return err
		}
	}
	working := calendar.WorkingDays(workdays.Date(year, time.January, 1), workdays.Date(year+1, time.January, 1))
	fmt.Fprintf(out, "%d working days\n", working)
	return nil
}

type calendarDueCommand struct {
	Submitted time.Time `required:"" help:"When it was submitted (RFC 3339), such as 2026-02-13T10:00:00+08:00."`
	Days      int       `required:"" help:"How many working days, to ${most}: ${product} for a product, ${application} for an application."`
	whichCalendar
}

// mostDays is more than anybody promises.
const mostDays = 1000

// Run is called by kong.
func (c calendarDueCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	if c.Days < 1 || c.Days > mostDays {
		return fmt.Errorf("--days: from 1 to %d, not %d", mostDays, c.Days)
	}
	return c.with(ctx, cfg, func(calendar *workdays.Calendar) error {
		due := calendar.Due(c.Submitted, c.Days)
		fmt.Fprintf(out, "due on %s at 24:00 in Beijing, which is %s; calendar %s\n",
			dayName(due.Day()), due.At.Format(time.RFC3339), due.Calendar)
		if due.Estimated {
			first, last := calendar.Years()
			fmt.Fprintf(out, "estimated: the calendar knows %d to %d; days of other years were counted from Monday to Friday\n",
				first, last)
		}
		return nil
	})
}

// dayName is 2026-02-14 Sat.
func dayName(d workdays.Day) string { return d.String() + " " + d.Weekday().String()[:3] }
