package workdays

import (
	"fmt"
	"time"
)

// offset is that of Beijing (Asia/Shanghai), in seconds. China has had no summer time since 1991, and no case is older than that: a fixed
// offset needs no time zone database, and is taken for earlier times too.
const offset, secondsPerDay = 8 * 60 * 60, 24 * 60 * 60

// Day is a day in Beijing, counted from 1970-01-01. As text it is YYYY-MM-DD.
type Day int

// DayOf is the day of an instant.
func DayOf(t time.Time) Day { return Day(floor(t.Unix()+offset, secondsPerDay)) }

// Date is a day by its parts; what lies beyond a month is in the next, as for time.Date.
func Date(year int, month time.Month, day int) Day {
	return Day(floor(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), secondsPerDay))
}

// ParseDay reads YYYY-MM-DD.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a day: it has to be YYYY-MM-DD, and to exist", text)
	}
	return Day(floor(t.Unix(), secondsPerDay)), nil
}

// Start is the day's first instant; the next day's is this one's 24:00.
func (d Day) Start() time.Time { return time.Unix(int64(d)*secondsPerDay-offset, 0).UTC() }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday { return time.Weekday((d.monday()%7 + 8) % 7) }

// Year is the day's year.
func (d Day) Year() int { return d.date().Year() }

func (d Day) String() string { return d.date().Format(time.DateOnly) }

// MarshalText writes YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return d.date().AppendFormat(nil, time.DateOnly), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// date is the day in UTC, whose parts are the day's.
func (d Day) date() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// monday counts from Monday, 1969-12-29.
func (d Day) monday() int { return int(d) + 3 }

// weekday reports a day from Monday to Friday.
func (d Day) weekday() bool { return weekdays(d+1) > weekdays(d) }

// weekdays are the days from Monday to Friday before d, since 1969-12-29; negative for earlier ones.
func weekdays(d Day) int {
	week := floor(d.monday(), 7)
	return 5*week + min(d.monday()-7*week, 5)
}

// floor divides, downwards also below zero.
func floor[N int | int64](a, b N) N {
	if a < 0 {
		return (a+1)/b - 1
	}
	return a / b
}
