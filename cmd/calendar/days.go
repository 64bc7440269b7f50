package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// day is what the table says of one day.
type day struct {
	work bool
	// holiday is the Chinese name of the one that the day is off for, or is made up for.
	holiday string
}

// names are those of the package, in Chinese, and what is shown for them in both languages.
var names = map[string][2]string{
	"元旦":  {"元旦", "New Year's Day"},
	"春节":  {"春节", "Spring Festival"},
	"清明":  {"清明节", "Tomb-Sweeping Day"},
	"劳动节": {"劳动节", "Labour Day"},
	"端午":  {"端午节", "Dragon Boat Festival"},
	"中秋":  {"中秋节", "Mid-Autumn Festival"},
	"国庆节": {"国庆节", "National Day"},
	"中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日": {"抗战胜利70周年纪念日", "70th Anniversary of Victory in the War of Resistance"},
}

// read reads the package's file: by day, the English name, the Chinese one and a number, with commas between.
func read(raw []byte) (map[string]day, error) {
	var file struct {
		Holidays map[string]string `json:"holidays"`
		Workdays map[string]string `json:"workdays"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	days := map[string]day{}
	for _, some := range []struct {
		work bool
		days map[string]string
	}{{false, file.Holidays}, {true, file.Workdays}} {
		for date, text := range some.days {
			if _, there := days[date]; there {
				return nil, fmt.Errorf("%s is off and made up for", date)
			}
			fields := strings.Split(text, ",")
			if len(fields) != 3 {
				return nil, fmt.Errorf("%s: %q has %d fields", date, text, len(fields))
			}
			days[date] = day{some.work, fields[1]}
		}
	}
	return days, nil
}

// amend puts in what the package lacks: the day, rest or work, the holiday as the package names it, and the notice that says so.
func amend(days map[string]day, table []byte) error {
	for line := range strings.Lines(string(table)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 || (f[1] != "work" && f[1] != "rest") {
			return fmt.Errorf("%q is not: day, work or rest, holiday, notice", line)
		}
		amended := day{f[1] == "work", f[2]}
		if days[f[0]] == amended {
			return fmt.Errorf("%s: the package has it already", f[0])
		}
		days[f[0]] = amended
	}
	return nil
}

// header is the beginning of the table; rows of days follow.
const header = `# Days off and make-up days of mainland China, made by make generate; see ATTRIBUTION.md. All others are as the week says.
# The edition and its first and last year; then: first day, last day, rest or work, and the holiday in Chinese and English.
edition	%s	%s	%s
`

// write writes the table: a row for each run of days, in their order.
func write(days map[string]day) ([]byte, error) {
	dates := slices.Sorted(maps.Keys(days))
	if len(dates) == 0 {
		return nil, fmt.Errorf("no days")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, header, edition, dates[0][:4], dates[len(dates)-1][:4])
	for i := 0; i < len(dates); {
		first, err := time.Parse(time.DateOnly, dates[i])
		if err != nil {
			return nil, err
		}
		this := days[dates[i]]
		shown, known := names[this.holiday]
		if !known {
			return nil, fmt.Errorf("%s: no holiday is called %q", dates[i], this.holiday)
		}
		weekend := first.Weekday() == time.Saturday || first.Weekday() == time.Sunday
		if this.work && !weekend {
			return nil, fmt.Errorf("%s is no weekend, and needs no making up", dates[i])
		}
		last := first
		for i++; i < len(dates) && days[dates[i]] == this && dates[i] == last.AddDate(0, 0, 1).Format(time.DateOnly); i++ {
			last = last.AddDate(0, 0, 1)
		}
		what := map[bool]string{true: "work", false: "rest"}[this.work]
		fmt.Fprintf(&out, "%s\t%s\t%s\t%s\t%s\n", first.Format(time.DateOnly), last.Format(time.DateOnly), what, shown[0], shown[1])
	}
	return out.Bytes(), nil
}
