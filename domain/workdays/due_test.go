package workdays_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"waybill/domain/workdays"
)

func day(t testing.TB, text string) workdays.Day {
	t.Helper()
	d, err := workdays.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

// TestDue has the submission, and the day at whose end it is due after one and after two working days.
func TestDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, submitted, one, two string
		estimated                 int // from how many days on; 0 is never
	}{
		{"before the national holiday of 2023", "2023-09-28T10:00:00+08:00", "2023-10-07", "2023-10-08", 0},
		{"before the spring festival of 2024", "2024-02-09T10:00:00+08:00", "2024-02-18", "2024-02-19", 0},
		{"before a make-up Saturday", "2026-02-13T10:00:00+08:00", "2026-02-14", "2026-02-24", 0},
		{"on a Saturday before a make-up Sunday", "2026-09-19T10:00:00+08:00", "2026-09-20", "2026-09-21", 0},

		{"an ordinary Tuesday", "2026-03-10T10:00:00+08:00", "2026-03-11", "2026-03-12", 0},
		{"an ordinary Friday", "2026-03-13T10:00:00+08:00", "2026-03-16", "2026-03-17", 0},
		{"an ordinary Saturday", "2026-03-14T10:00:00+08:00", "2026-03-16", "2026-03-17", 0},
		{"an ordinary Sunday", "2026-03-15T10:00:00+08:00", "2026-03-16", "2026-03-17", 0},
		{"on a make-up day", "2026-02-14T10:00:00+08:00", "2026-02-24", "2026-02-25", 0},
		{"in the midst of a holiday", "2026-02-17T10:00:00+08:00", "2026-02-24", "2026-02-25", 0},

		{"the last second of a day in Beijing", "2026-03-10T23:59:59+08:00", "2026-03-11", "2026-03-12", 0},
		{"the last nanosecond", "2026-03-10T23:59:59.999999999+08:00", "2026-03-11", "2026-03-12", 0},
		{"midnight in Beijing is the next day", "2026-03-11T00:00:00+08:00", "2026-03-12", "2026-03-13", 0},
		{"the same second said in UTC", "2026-03-10T15:59:59Z", "2026-03-11", "2026-03-12", 0},
		{"the same midnight said in UTC", "2026-03-10T16:00:00Z", "2026-03-12", "2026-03-13", 0},
		{"and in another zone", "2026-03-10T08:00:00-08:00", "2026-03-12", "2026-03-13", 0},
		{"the last second of a make-up day", "2026-02-14T23:59:59+08:00", "2026-02-24", "2026-02-25", 0},
		{"the last second before a holiday ends", "2026-02-23T23:59:59+08:00", "2026-02-24", "2026-02-25", 0},
		{"the first second after it", "2026-02-24T00:00:00+08:00", "2026-02-25", "2026-02-26", 0},

		{"before a leap day", "2024-02-28T10:00:00+08:00", "2024-02-29", "2024-03-01", 0},
		{"on a leap day", "2024-02-29T23:59:59+08:00", "2024-03-01", "2024-03-04", 0},
		{"where there is none", "2026-02-27T10:00:00+08:00", "2026-02-28", "2026-03-02", 0}, // that Saturday is made up
		{"on a leap day that is a Saturday", "2020-02-29T10:00:00+08:00", "2020-03-02", "2020-03-03", 0},

		{"a holiday over the end of a year", "2022-12-30T10:00:00+08:00", "2023-01-03", "2023-01-04", 0},
		{"a make-up day at the end of a year", "2005-12-30T10:00:00+08:00", "2005-12-31", "2006-01-04", 0},
		{"two of them", "2006-12-29T10:00:00+08:00", "2006-12-30", "2006-12-31", 0},
		{"a holiday that was made longer later", "2020-01-23T10:00:00+08:00", "2020-02-03", "2020-02-04", 0},
		{"a holiday of one year only", "2015-09-02T10:00:00+08:00", "2015-09-06", "2015-09-07", 0},

		{"the last day with one known after it", "2026-12-30T10:00:00+08:00", "2026-12-31", "2027-01-01", 2},
		{"the last day", "2026-12-31T10:00:00+08:00", "2027-01-01", "2027-01-04", 1},
		{"beyond the data", "2027-10-01T10:00:00+08:00", "2027-10-04", "2027-10-05", 1},
		{"the day before the data", "2003-12-31T10:00:00+08:00", "2004-01-02", "2004-01-05", 0}, // all days that count are known
		{"two days before", "2003-12-30T10:00:00+08:00", "2003-12-31", "2004-01-02", 1},
		{"before a Friday at the end of the data", "2003-12-26T10:00:00+08:00", "2003-12-29", "2003-12-30", 1},
		{"before there was a 1970", "1969-12-31T10:00:00+08:00", "1970-01-01", "1970-01-02", 1},
		{"in the year 1", "0001-01-01T00:00:00Z", "0001-01-02", "0001-01-03", 1},
	} {
		for i, want := range []string{c.one, c.two} {
			got := workdays.Standard().Due(at(t, c.submitted), i+1)
			estimated := c.estimated != 0 && i+1 >= c.estimated
			if got.Day() != day(t, want) || got.Estimated != estimated || got.Calendar != "2026.0" {
				t.Errorf("%s: %s and %d: %s, estimated %v, by %s; want %s", c.name, c.submitted, i+1, got.Day(), got.Estimated, got.Calendar, want)
			}
			if midnight := at(t, want+"T00:00:00+08:00").Add(24 * time.Hour); !got.At.Equal(midnight) || got.At.Location() != time.UTC {
				t.Errorf("%s: due at %s, want %s in UTC", c.name, got.At, midnight)
			}
		}
	}
}

// TestDueAroundEveryHoliday holds the table to another reading of the same notices.
func TestDueAroundEveryHoliday(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/holidays.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		f := strings.Fields(line)
		for _, clock := range []string{"T00:00:00+08:00", "T23:59:59+08:00"} {
			for i, want := range f[1:] {
				got := workdays.Standard().Due(at(t, f[0]+clock), i+1)
				if got.Day().String() != want || got.Estimated != (want > "2027") {
					t.Errorf("%s%s and %d: %s, estimated %v, want %s", f[0], clock, i+1, got.Day(), got.Estimated, want)
				}
			}
		}
	}
	if rows < 500 {
		t.Errorf("only %d rows", rows)
	}
}

func TestFewerThanOneDayIsOne(t *testing.T) {
	t.Parallel()
	submitted := at(t, "2026-03-13T10:00:00+08:00")
	for _, days := range []int{0, -1, -1 << 40} {
		if got := workdays.Standard().Due(submitted, days); got != workdays.Standard().Due(submitted, 1) {
			t.Errorf("%d days: %s", days, got.Day())
		}
	}
}

// TestWorkingTime has the hours between two instants that lie in working days.
func TestWorkingTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, from, to string
		want           time.Duration
	}{
		{"within a day", "2026-03-10T10:00:00+08:00", "2026-03-10T11:30:00+08:00", 90 * time.Minute},
		{"nothing", "2026-03-10T10:00:00+08:00", "2026-03-10T10:00:00+08:00", 0},
		{"over a weekend", "2026-03-13T22:00:00+08:00", "2026-03-16T01:00:00+08:00", 3 * time.Hour},
		{"over a make-up day", "2026-02-13T22:00:00+08:00", "2026-02-15T01:00:00+08:00", 26 * time.Hour},
		{"within a holiday", "2026-02-16T10:00:00+08:00", "2026-02-18T10:00:00+08:00", 0},
		{"from a holiday", "2026-02-23T10:00:00+08:00", "2026-02-24T00:00:00.000001+08:00", time.Microsecond},
		{"backwards", "2026-03-16T01:00:00+08:00", "2026-03-13T22:00:00+08:00", -3 * time.Hour},
		{"a year", "2026-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00", 248 * 24 * time.Hour},
		{"longer than can be said", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 1<<63 - 1},
		{"and backwards", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", -1<<63 + 1},
	} {
		if got := workdays.Standard().Between(at(t, c.from), at(t, c.to)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func BenchmarkDue(b *testing.B) {
	c := workdays.Standard()
	for name, submitted := range map[string]time.Time{
		"ordinary": at(b, "2026-03-10T10:00:00+08:00"), "spring festival": at(b, "2026-02-13T10:00:00+08:00"), "estimated": at(b, "2026-12-31T10:00:00+08:00"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Due(submitted, workdays.ForApplication)
			}
		})
	}
}
