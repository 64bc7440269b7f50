package workdays

import (
	"fmt"
	"slices"
	"time"

	"waybill/domain"
)

// Correction is what a notice changes in a calendar. Its JSON is stored.
type Correction struct {
	// Through is the last year that the calendar knows from now on; 0 leaves that as it was.
	Through int `json:"through,omitempty"`
	// Days are those that change, in any order, each once. They hold of each what it is now.
	Days []Special `json:"days"`
	// Notice says who announced it, and where.
	Notice string `json:"notice"`
}

// Limits of a correction.
const (
	MaxDays   = 366
	MaxName   = 50  // code points, of either language
	MaxNotice = 200 // code points
)

// With is the calendar with a correction: the next version, for whatever is computed from then on. It cleans the texts of c in place, and
// refuses it with all its mistakes: required, too_long, too_many, control_characters, line_break, repeated_day, no_change, and
// out_of_range for days of years that the calendar would not know, and for a last year that it knows, or of which no day is named.
func (c *Calendar) With(correction *Correction) (*Calendar, error) {
	var mistakes domain.Fields
	mistakes.Line("/notice", &correction.Notice, MaxNotice, domain.Text{ZH: "通知", EN: "the notice"})
	switch n := len(correction.Days); {
	case n == 0:
		mistakes.Add("/days", "required", "请列出有变更的日期", "name the days that change")
	case n > MaxDays:
		mistakes.Add("/days", "too_many", fmt.Sprintf("日期不能超过%d个", MaxDays), fmt.Sprintf("at most %d days", MaxDays))
		return nil, mistakes.Err()
	}
	end := c.checkThrough(correction, &mistakes)
	seen := map[Day]bool{}
	for i := range correction.Days {
		day, at := &correction.Days[i], fmt.Sprintf("/days/%d", i)
		c.checkName(day, at, &mistakes)
		was := Special{Day: day.Day, Working: day.Day.weekday()}
		where, found := c.find(day.Day)
		if found {
			was = c.special[where]
		}
		switch {
		case day.Day < c.first || day.Day >= end:
			first, last := c.first.Year(), (end - 1).Year()
			mistakes.Add(at+"/day", "out_of_range", fmt.Sprintf("日期须在 %d 年至 %d 年之间", first, last),
				fmt.Sprintf("must be a day of %d to %d; \"through\" says when a notice brings a further year", first, last))
		case seen[day.Day]:
			mistakes.Add(at+"/day", "repeated_day", "该日期出现多次", "is named more than once")
		case *day == was:
			mistakes.Add(at, "no_change", "该日期没有变更", "is what the calendar says already")
		}
		seen[day.Day] = true
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return c.After(*correction), nil
}

// After is the calendar with a correction that was made: With without its checks, since what is stored is history whatever is asked of
// corrections now.
func (c *Calendar) After(correction Correction) *Calendar {
	end := c.end
	if correction.Through > 0 {
		end = max(end, Date(correction.Through+1, time.January, 1))
	}
	special := slices.Clone(c.special)
	for _, day := range correction.Days {
		if c.first <= day.Day && day.Day < end {
			special = put(special, day)
		}
	}
	return newCalendar(c.edition, c.corrections+1, c.first, end, special)
}

// Span is the first and the last of the days that change; false without any.
func (c Correction) Span() (first, last Day, ok bool) {
	for i, d := range c.Days {
		if i == 0 {
			first, last = d.Day, d.Day
		}
		first, last = min(first, d.Day), max(last, d.Day)
	}
	return first, last, len(c.Days) > 0
}

// Touches reports whether the correction can move what was due by the version before: what was submitted before the last of its days and
// due on the first or later, and every estimate. All else is due when it was.
func (c Correction) Touches(submitted time.Time, due Due) bool {
	first, last, ok := c.Span()
	return due.Estimated || ok && submitted.Before(last.Start()) && due.At.After(first.Start())
}

// checkThrough is the end of what the calendar knows with the correction. Every year has holidays: a further one without is a mistake.
func (c *Calendar) checkThrough(correction *Correction, mistakes *domain.Fields) (end Day) {
	if correction.Through == 0 {
		return c.end
	}
	named := map[int]bool{}
	for _, d := range correction.Days {
		named[d.Day.Year()] = true
	}
	_, known := c.Years()
	for last := known; last < correction.Through; last++ {
		if !named[last+1] {
			mistakes.Add("/through", "out_of_range", fmt.Sprintf("没有列出 %d 年的日期", last+1), fmt.Sprintf("no day of %d is named", last+1))
			return Date(last+1, time.January, 1)
		}
	}
	if correction.Through <= known {
		mistakes.Add("/through", "out_of_range", fmt.Sprintf("日历已包含 %d 年", correction.Through),
			fmt.Sprintf("the calendar knows %d already", correction.Through))
		return c.end
	}
	return Date(correction.Through+1, time.January, 1)
}

// checkName asks for a name in both languages, but of a day that is as the week says.
func (c *Calendar) checkName(day *Special, at string, mistakes *domain.Fields) {
	if day.Name == (domain.Text{}) && day.Working == day.Day.weekday() {
		return
	}
	mistakes.Line(at+"/name/zh", &day.Name.ZH, MaxName, domain.Text{ZH: "节日的中文名称", EN: "the holiday's Chinese name"})
	mistakes.Line(at+"/name/en", &day.Name.EN, MaxName, domain.Text{ZH: "节日的英文名称", EN: "the holiday's English name"})
}

// put puts a day in its place, or takes it out when it is an ordinary one.
func put(special []Special, day Special) []Special {
	where, found := slices.BinarySearchFunc(special, day.Day, func(s Special, d Day) int { return int(s.Day - d) })
	ordinary := day.Name == domain.Text{}
	switch {
	case found && ordinary:
		return slices.Delete(special, where, where+1)
	case found:
		special[where] = day
		return special
	case ordinary:
		return special
	}
	return slices.Insert(special, where, day)
}
