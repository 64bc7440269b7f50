// Package workdays counts the working days of mainland China: from a submission to when it is due, by a calendar that has versions.
package workdays

import (
	"fmt"
	"math"
	"slices"
	"time"

	"waybill/domain"
)

// How many working days after a submission its result is promised.
const (
	ForProduct     = 1 // R26
	ForApplication = 2 // R18
)

// Version names what a calendar says: the edition of the table that it began with, and how many corrections it has since, such as
// 2026.0. In one log it names one content.
type Version string

// Special is a day that the week alone does not tell: one of a holiday, or one that is made up for a holiday.
type Special struct {
	Day Day `json:"day"`
	// Working is set on make-up days, and on workdays that a holiday has lost again.
	Working bool `json:"working"`
	// Name is the holiday's. It is empty in a correction that makes the day an ordinary one again.
	Name domain.Text `json:"name,omitzero"`
}

// Calendar tells working days from days off. It never changes, and is safe for concurrent use.
type Calendar struct {
	edition     string
	corrections int
	version     Version // of both
	// first and end bound the days it knows, from the first of a year up to that of another. All others are as the week says.
	first, end Day
	// before are the working days from first up to each of its days, and to end.
	before []int32
	// special days, in their order.
	special []Special
}

// Due is when a result is promised.
type Due struct {
	// At is 24:00 in Beijing of the day it is due; from then on it is overdue.
	At time.Time `json:"at"`
	// Calendar is the version by which it was computed.
	Calendar Version `json:"calendar"`
	// Estimated says that days of a year were counted which the calendar does not know.
	Estimated bool `json:"estimated,omitempty"`
}

// Day is the day at whose end it is due.
func (d Due) Day() Day { return DayOf(d.At.Add(-time.Nanosecond)) }

// newCalendar counts the working days of the years, whose special days are in their order.
func newCalendar(edition string, corrections int, first, end Day, special []Special) *Calendar {
	version := Version(fmt.Sprintf("%s.%d", edition, corrections))
	c := &Calendar{edition: edition, corrections: corrections, version: version, first: first, end: end, special: special}
	c.before = make([]int32, end-first+1)
	next := special
	for d := first; d < end; d++ {
		working := d.weekday()
		if len(next) > 0 && next[0].Day == d {
			working, next = next[0].Working, next[1:]
		}
		c.before[d-first+1] = c.before[d-first]
		if working {
			c.before[d-first+1]++
		}
	}
	return c
}

// Version is that of what the calendar says.
func (c *Calendar) Version() Version { return c.version }

// Years are the first and the last that the calendar knows. Those in between it knows too.
func (c *Calendar) Years() (first, last int) { return c.first.Year(), (c.end - 1).Year() }

// Knows reports whether the calendar knows all days of a year. The days of others are taken to be as the week says.
func (c *Calendar) Knows(year int) bool {
	first, last := c.Years()
	return first <= year && year <= last
}

// Special are a year's special days, in their order.
func (c *Calendar) Special(year int) []Special {
	from, _ := c.find(Date(year, time.January, 1))
	to, _ := c.find(Date(year+1, time.January, 1))
	return slices.Clone(c.special[from:to])
}

// find is where the special day is, or would be.
func (c *Calendar) find(d Day) (int, bool) {
	return slices.BinarySearchFunc(c.special, d, func(s Special, d Day) int { return int(s.Day - d) })
}

// Working reports whether a day is a working day.
func (c *Calendar) Working(d Day) bool { return c.count(d+1) > c.count(d) }

// WorkingDays are how many working days there are from a day up to another, without that one; negative when it is before.
func (c *Calendar) WorkingDays(from, to Day) int { return c.count(to) - c.count(from) }

// count is the number of working days before d, since the first that the calendar knows; negative for earlier ones.
func (c *Calendar) count(d Day) int {
	switch {
	case d < c.first:
		return weekdays(d) - weekdays(c.first)
	case d <= c.end:
		return int(c.before[d-c.first])
	}
	return int(c.before[c.end-c.first]) + weekdays(d) - weekdays(c.end)
}

// Due is when the result of what was submitted is due (Q10): at 24:00 of the so many-th working day after the day of submission,
// whether that was a working day or not. Fewer than one day are one.
func (c *Calendar) Due(submitted time.Time, days int) Due {
	days = max(days, 1)
	first := DayOf(submitted) + 1
	want := c.count(first) + days
	day := first + Day(days) - 1 // it cannot be before that
	for missing := want - c.count(day+1); missing > 0; missing = want - c.count(day+1) {
		day += Day(missing)
	}
	return Due{At: (day + 1).Start(), Calendar: c.version, Estimated: first < c.first || day >= c.end}
}

// Between is how much of the time from one instant to another lies in working days, of which each has 24 hours; negative when to is
// before from, and like time.Time.Sub bounded by 292 years.
func (c *Calendar) Between(from, to time.Time) time.Duration {
	const most = math.MaxInt64 / (secondsPerDay * int64(time.Second)) // days of a Duration
	full := int64(c.WorkingDays(DayOf(from), DayOf(to)))
	if full >= most || full <= -most {
		return time.Duration(math.MaxInt64) * time.Duration(full/max(full, -full))
	}
	return time.Duration(full)*secondsPerDay*time.Second + c.today(to) - c.today(from)
}

// today is the time since the day began, if that is a working day.
func (c *Calendar) today(t time.Time) time.Duration {
	d := DayOf(t)
	if !c.Working(d) {
		return 0
	}
	return t.Sub(d.Start())
}
