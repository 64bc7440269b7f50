package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestCalendar has what is asked on the command line and lines of the answer; it needs no database.
func TestCalendar(t *testing.T) {
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
		err := run(t.Context(), append([]string{"calendar"}, strings.Fields(c.args)...), func(string) string { return "" }, &out)
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
