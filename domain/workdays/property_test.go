package workdays_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/workdays"
)

// instant draws a time from a year before the data to two after it, mostly near midnight in Beijing.
func instant(t *rapid.T, name string) time.Time {
	from, to := workdays.Date(2003, time.January, 1), workdays.Date(2028, time.December, 31)
	start := workdays.Day(rapid.IntRange(int(from), int(to)).Draw(t, name)).Start()
	return start.Add(rapid.OneOf(
		rapid.SampledFrom([]time.Duration{-time.Nanosecond, 0, time.Second, 24*time.Hour - time.Second}),
		rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(24*time.Hour)-1).Draw(t, "ns"))
		}),
	).Draw(t, name+"'s clock"))
}

// correction draws one that a calendar takes: days of its years that become what they are not, and sometimes a further year.
func correction(t *rapid.T, c *workdays.Calendar) workdays.Correction {
	first, last := c.Years()
	if rapid.Bool().Draw(t, "recent") { // so that corrections meet
		first = last
	}
	from, end := workdays.Date(first, time.January, 1), workdays.Date(last+1, time.January, 1)
	drawn := workdays.Correction{Notice: "n"}
	chosen := rapid.SliceOfNDistinct(rapid.IntRange(int(from), int(end)-1), 1, 12, rapid.ID[int]).Draw(t, "days")
	if rapid.IntRange(0, 3).Draw(t, "a further year") == 0 {
		drawn.Through = last + 1
		chosen = append(chosen, int(workdays.Date(last+1, time.January, rapid.IntRange(1, 31).Draw(t, "its day"))))
	}
	for _, d := range chosen {
		changed := workdays.Special{Day: workdays.Day(d), Working: !c.Working(workdays.Day(d))}
		if changed.Working == isWeekend(changed.Day) || rapid.Bool().Draw(t, "named") {
			changed.Name = domain.Text{ZH: "节", EN: "Feast"}
		}
		drawn.Days = append(drawn.Days, changed)
	}
	return drawn
}

func isWeekend(d workdays.Day) bool {
	return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
}

// calendar draws the standard one with up to three corrections.
func calendar(t *rapid.T) *workdays.Calendar {
	c := workdays.Standard()
	for range rapid.IntRange(0, 3).Draw(t, "corrections") {
		drawn := correction(t, c)
		next, err := c.With(&drawn)
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
	return c
}

// TestDueCountsDays: one by one, without the day of submission.
func TestDueCountsDays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, submitted := calendar(t), instant(t, "submitted")
		days := rapid.IntRange(1, 300).Draw(t, "days")
		due := c.Due(submitted, days)
		if !due.At.After(submitted) || !c.Working(due.Day()) || !due.At.Equal((due.Day() + 1).Start()) || due.Calendar != c.Version() {
			t.Fatalf("%s and %d: %+v", submitted, days, due)
		}
		counted, estimated := 0, false
		for d := workdays.DayOf(submitted) + 1; d <= due.Day(); d++ {
			if c.Working(d) {
				counted++
			}
			estimated = estimated || !c.Knows(d.Year())
		}
		if counted != days || estimated != due.Estimated {
			t.Fatalf("%s and %d: %s, which are %d working days, estimated %v, not %v", submitted, days, due.Day(), counted, due.Estimated, estimated)
		}
	})
}

// TestLaterIsDueLater, and so is what has more days.
func TestLaterIsDueLater(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, a, b := calendar(t), instant(t, "a"), instant(t, "b")
		if b.Before(a) {
			a, b = b, a
		}
		days := rapid.IntRange(1, 30).Draw(t, "days")
		if c.Due(b, days).At.Before(c.Due(a, days).At) {
			t.Fatalf("%s is due before %s", b, a)
		}
		if !c.Due(a, days+1).At.After(c.Due(a, days).At) {
			t.Fatalf("%s: %d days are no longer than %d", a, days+1, days)
		}
	})
}

// TestACorrectionMovesOnlyWhatItIsAbout: what changes up to the submission, or after it was due, moves nothing, so that only open cases
// with a changed day in between, or an estimate, need to be computed again. The version before says what it said.
func TestACorrectionMovesOnlyWhatItIsAbout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, submitted := calendar(t), instant(t, "submitted")
		days := rapid.IntRange(1, 5).Draw(t, "days")
		before := c.Due(submitted, days)
		change := correction(t, c)
		next, err := c.With(&change)
		if err != nil {
			t.Fatal(err)
		}
		after := next.Due(submitted, days)
		if again := c.Due(submitted, days); again != before || after.Calendar == before.Calendar {
			t.Fatalf("%+v became %+v; after %+v", before, again, after)
		}
		within := slices.ContainsFunc(change.Days, func(d workdays.Special) bool {
			return d.Day > workdays.DayOf(submitted) && d.Day <= before.Day()
		})
		if !within && after.Day() != before.Day() {
			t.Fatalf("%s was due %s and is now %s", submitted, before.Day(), after.Day())
		}
		if !change.Touches(submitted, before) && (after.At != before.At || after.Estimated != before.Estimated) {
			t.Fatalf("%s was due %+v, which the correction touches, and is now %+v", submitted, before, after)
		}
		if after.Estimated && !before.Estimated && !within {
			t.Fatalf("%s was sure to be due %s and is now estimated", submitted, before.Day())
		}
	})
}

// TestCorrectionsCompose: after any of them each day is as the last that names it says, and a stored one does the same.
func TestCorrectionsCompose(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := workdays.Standard()
		last := map[workdays.Day]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "corrections") {
			change := correction(t, c)
			raw, err := json.Marshal(change)
			if err != nil {
				t.Fatal(err)
			}
			var stored workdays.Correction
			if err := json.Unmarshal(raw, &stored); err != nil {
				t.Fatal(err)
			}
			if c, err = c.With(&stored); err != nil {
				t.Fatal(err)
			}
			for _, d := range change.Days {
				last[d.Day] = d.Working
			}
		}
		_, year := c.Years()
		for d := workdays.Date(2003, time.January, 1); d < workdays.Date(year+2, time.January, 1); d++ {
			want, named := last[d]
			if !named {
				want = workdays.Standard().Working(d)
			}
			if c.Working(d) != want {
				t.Fatalf("%s: working %v", d, c.Working(d))
			}
		}
		for y := 2004; y <= year; y++ {
			for _, s := range c.Special(y) {
				if s.Day.Year() != y || s.Working != c.Working(s.Day) || s.Name.ZH == "" {
					t.Fatalf("%d: %+v", y, s)
				}
			}
		}
	})
}

// TestWorkingTimeAddsUp, and is that of the days one by one.
func TestWorkingTimeAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, a, b, d := calendar(t), instant(t, "a"), instant(t, "b"), instant(t, "d")
		if got, want := c.Between(a, d), c.Between(a, b)+c.Between(b, d); got != want {
			t.Fatalf("%s to %s: %s, over %s %s", a, d, got, b, want)
		}
		if b.Before(a) {
			a, b = b, a
		}
		var want time.Duration
		for day := workdays.DayOf(a); day <= workdays.DayOf(b); day++ {
			from, to := day.Start(), (day + 1).Start()
			if a.After(from) {
				from = a
			}
			if b.Before(to) {
				to = b
			}
			if c.Working(day) {
				want += to.Sub(from)
			}
		}
		if got := c.Between(a, b); got != want {
			t.Fatalf("%s to %s: %s, day by day %s", a, b, got, want)
		}
	})
}
