package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/calendar"
)

// TestPublishedCalendar has what is asked on the command line and lines of the answer; it needs no database.
func TestPublishedCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   string
		answer string // lines that are in it, or a part of the error after !
	}{
		{"show --year 2026", `calendar 2026.0, which knows 2004 to 2026
FROM            TO              DAYS  WHAT  HOLIDAY
2026-02-14 Sat  2026-02-14 Sat  1     work  春节 Spring Festival
2026-02-15 Sun  2026-02-23 Mon  9     off   春节 Spring Festival
2026-02-28 Sat  2026-02-28 Sat  1     work  春节 Spring Festival
248 working days`},
		{"show --year 2005", "2005-12-31 Sat  2005-12-31 Sat  1     work  元旦 New Year's Day\n251 working days"},
		{"show --year 2030", "2030: estimated from Monday to Friday, without holidays\n261 working days"},
		{"show", "working days"},
		{"show --year 0", "!--year: from 1 to 9999, not 0"},
		{"show --year 10000", "!--year: from 1 to 9999, not 10000"},
		{"due --submitted 2026-02-13T10:00:00+08:00 --days 2", "due on 2026-02-24 Tue at 24:00 in Beijing, which is 2026-02-24T16:00:00Z; calendar 2026.0"},
		{"due --submitted 2026-02-13T16:00:00Z --days 1", "due on 2026-02-24 Tue at 24:00 in Beijing, which is 2026-02-24T16:00:00Z; calendar 2026.0"},
		{"due --submitted 2026-12-31T10:00:00+08:00 --days 1", "estimated: the calendar knows 2004 to 2026; days of other years were counted from Monday to Friday"},
		{"due --submitted 2026-02-13T10:00:00+08:00 --days 0", "!--days: from 1 to 1000, not 0"},
		{"due --submitted 2026-02-13T10:00:00+08:00 --days 1001", "!--days: from 1 to 1000, not 1001"},
		{"due --submitted 2026-02-13 --days 1", "!--submitted"},
		{"due --days 1", "!--submitted"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"calendar"}, strings.Fields(c.args+" --published")...), func(string) string { return "" }, &out)
		if want, refused := strings.CutPrefix(c.answer, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.args, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		for line := range strings.Lines(c.answer) {
			if !strings.Contains(out.String(), strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: no line %s\n%s", c.args, line, &out)
			}
		}
	}
}

// example is the correction that operating.md shows.
func example(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), "```json\n")
	correction, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("operating.md shows no correction")
	}
	return correction
}

// TestCorrectTheCalendar does as operating.md says, and what goes wrong leaves the log as it was.
func TestCorrectTheCalendar(t *testing.T) {
	t.Parallel()
	l, store := newLine(t)
	operator := idIn(t, l.do("staff", "add", "--name", "吴海", "--role", "operator"))
	reviewer := idIn(t, l.do("staff", "add", "--name", "陈静", "--role", "reviewer", "--as", operator))
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "correction.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	typhoon := file(example(t))
	says := func(printed string, want ...string) {
		t.Helper()
		for _, line := range want {
			if !strings.Contains(printed, line) {
				t.Errorf("no %q in\n%s", line, printed)
			}
		}
	}
	due := []string{"calendar", "due", "--submitted", "2026-09-16T10:00:00+08:00", "--days", "2"}
	says(l.do(due...), "due on 2026-09-18 Fri", "calendar 2026.0")
	changes := []string{"2026-09-17 Thu  work  off   台风停工 Typhoon", "2026-09-19 Sat  off   work  台风停工 Typhoon"}
	before := endOf(t, store)
	says(l.do("calendar", "correct", typhoon, "--as", "吴海", "--dry-run"), append(changes, "would make calendar 2026.1")...)
	if after := endOf(t, store); after != before {
		t.Errorf("a dry run left %d events", after-before)
	}
	says(l.do("calendar", "correct", typhoon, "--as", "吴海"), append(changes, "calendar 2026.1, which knows 2004 to 2026")...)
	says(l.do(due...), "due on 2026-09-19 Sat", "calendar 2026.1")
	says(l.do("calendar", "show", "--year", "2026"), "calendar 2026.1", "2026-09-17 Thu  2026-09-17 Thu  1     off   台风停工 Typhoon")
	says(l.do("calendar", "show", "--year", "2026", "--published"), "calendar 2026.0")
	stream := string(domain.Stream(calendar.Category, calendar.ID))
	says(l.do("replay", stream), `"version": "2026.1"`, "台风停工")

	for want, args := range map[string][]string{
		"is what the calendar says already": {typhoon, "--as", "吴海"},
		"--as":                              {typhoon},
		"--as: ":                            {typhoon, "--as", reviewer},
		"no such file":                      {filepath.Join(t.TempDir(), "nothing.json"), "--as", "吴海"},
		"unknown field":                     {file(`{"dates": []}`), "--as", "吴海"},
		"more than one correction":          {file(`{} {}`), "--as", "吴海"},
		"2026-02-30":                        {file(`{"days": [{"day": "2026-02-30"}]}`), "--as", "吴海"},
		"name the days that change":         {file(`{"notice": "n"}`), "--as", "吴海"},
		"longer than any correction":        {file(strings.Repeat(" ", maxCorrection+1)), "--as", "吴海"},
		"must be a day of 2004 to 2026":     {file(`{"notice": "n", "days": [{"day": "2027-05-03", "name": {"zh": "节", "en": "Feast"}}]}`), "--as", "吴海", "--dry-run"},
		"/notice: the notice is required":   {file(`{"days": [{"day": "2026-05-08", "name": {"zh": "节", "en": "Feast"}}]}`), "--as", "吴海"},
	} {
		l.refuses(store, want, append([]string{"calendar", "correct"}, args...)...)
	}
	year := file(`{"notice": "n", "through": 2027, "days": [{"day": "2027-01-01", "name": {"zh": "元旦", "en": "New Year's Day"}}]}`)
	says(l.do("calendar", "correct", year, "--as", "吴海"), "2027-01-01 Fri  work  off  元旦 New Year's Day", "calendar 2026.2, which knows 2004 to 2027")
}
