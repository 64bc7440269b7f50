package workdays_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/workdays"
)

// TestWorkingDaysOfEveryYear counts them as they were counted from the notices.
func TestWorkingDaysOfEveryYear(t *testing.T) {
	t.Parallel()
	c := workdays.Standard()
	for year, want := range map[int]int{
		2003: 261, 2004: 252, 2005: 251, 2006: 251, 2007: 249, 2008: 251, 2009: 250, 2010: 250, 2011: 250, 2012: 249, 2013: 250, 2014: 250, 2015: 249, 2016: 250,
		2017: 249, 2018: 250, 2019: 250, 2020: 249, 2021: 250, 2022: 249, 2023: 249, 2024: 251, 2025: 248, 2026: 248, 2027: 261,
	} {
		from, to := workdays.Date(year, time.January, 1), workdays.Date(year+1, time.January, 1)
		if got := c.WorkingDays(from, to); got != want {
			t.Errorf("%d has %d working days, want %d", year, got, want)
		}
		if known := c.Knows(year); known != (year != 2003 && year != 2027) {
			t.Errorf("%d is known: %v", year, known)
		}
	}
	if first, last := c.Years(); first != 2004 || last != 2026 || c.Version() != "2026.0" {
		t.Errorf("%s of %d to %d", c.Version(), first, last)
	}
}

// TestAnEditionStaysAsItWas: due times name it. What differs has another name (edition in cmd/calendar), and the table before it is kept.
func TestAnEditionStaysAsItWas(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("calendar.tsv")
	if err != nil {
		t.Fatal(err)
	}
	const want = "c5b87eab58d9683317921703f0ae2bbff8e3bcef06eb608c342845f94661625c"
	if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != want {
		t.Errorf("edition 2026 is another: %s", got)
	}
}

func TestSpecialDaysOfAYear(t *testing.T) {
	t.Parallel()
	c := workdays.Standard()
	all := c.Special(2025)
	if len(all) != 33 || all[0] != (workdays.Special{Day: day(t, "2025-01-01"), Name: domain.Text{ZH: "元旦", EN: "New Year's Day"}}) {
		t.Errorf("%d days, the first %+v", len(all), all[0])
	}
	if last := all[len(all)-1]; last != (workdays.Special{Day: day(t, "2025-10-11"), Working: true, Name: domain.Text{ZH: "国庆节", EN: "National Day"}}) {
		t.Errorf("the last is %+v", last)
	}
	all[0].Working = true // its own copy
	if c.Special(2025)[0].Working {
		t.Error("a calendar was changed")
	}
	for _, year := range []int{2003, 2027, -5} {
		if special := c.Special(year); len(special) != 0 {
			t.Errorf("%d: %v", year, special)
		}
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		day     workdays.Day
		weekday time.Weekday
		year    int
	}{
		{"1970-01-01", 0, time.Thursday, 1970},
		{"1969-12-31", -1, time.Wednesday, 1969},
		{"1969-12-28", -4, time.Sunday, 1969},
		{"2024-02-29", 19782, time.Thursday, 2024},
		{"2026-02-14", 20498, time.Saturday, 2026},
		{"0001-01-01", -719162, time.Monday, 1},
		{"9999-12-31", 2932896, time.Friday, 9999},
	} {
		got := day(t, c.text)
		if got != c.day || got.String() != c.text || got.Weekday() != c.weekday || got.Year() != c.year {
			t.Errorf("%s: %d, %s, %s of %d", c.text, got, got, got.Weekday(), got.Year())
		}
		start := at(t, c.text+"T00:00:00+08:00")
		if !got.Start().Equal(start) || workdays.DayOf(start) != got || workdays.DayOf(start.Add(-1)) != got-1 {
			t.Errorf("%s begins at %s", got, got.Start())
		}
		if parts := start.In(time.FixedZone("", 8*60*60)); workdays.Date(parts.Year(), parts.Month(), parts.Day()) != got {
			t.Errorf("%s by its parts is another day", got)
		}
	}
	for _, text := range []string{"", "2026-02-29", "2026-13-01", "2026-2-1", "20260201", "2026-02-01T00:00:00Z", "二月一日"} {
		if d, err := workdays.ParseDay(text); err == nil {
			t.Errorf("%q is taken for %s", text, d)
		}
	}
}
