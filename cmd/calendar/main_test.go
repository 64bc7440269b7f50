package main

import (
	"strings"
	"testing"
)

// file is a bit of the package's.
const file = `{"holidays":{"2025-10-01":"National Day,国庆节,3","2025-10-02":"National Day,国庆节,3","2025-10-06":"Mid-autumn Festival,中秋,1","2025-10-07":"National Day,国庆节,3"},
"workdays":{"2025-09-28":"National Day,国庆节,3"},"inLieuDays":{"2025-10-07":"National Day,国庆节,3"}}`

func TestTheTable(t *testing.T) {
	days, err := read([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := amend(days, []byte("# a comment\n\n2024-12-29\twork\t元旦\ta notice\n")); err != nil {
		t.Fatal(err)
	}
	table, err := write(days)
	if err != nil {
		t.Fatal(err)
	}
	const want = `edition	2026	2024	2025
2024-12-29	2024-12-29	work	元旦	New Year's Day
2025-09-28	2025-09-28	work	国庆节	National Day
2025-10-01	2025-10-02	rest	国庆节	National Day
2025-10-06	2025-10-06	rest	中秋节	Mid-Autumn Festival
2025-10-07	2025-10-07	rest	国庆节	National Day
`
	if _, rows, _ := strings.Cut(string(table), "\nedition"); "edition"+rows != want {
		t.Errorf("%s", table)
	}
	if again, err := write(days); err != nil || string(again) != string(table) {
		t.Errorf("another time it is another: %v", err)
	}
}

func TestWhatIsNoPackage(t *testing.T) {
	for name, c := range map[string]struct{ file, amendments string }{
		"no JSON":                 {file: "{"},
		"no days":                 {file: "{}"},
		"off and made up for":     {file: strings.Replace(file, "2025-09-28", "2025-10-01", 1)},
		"no number after a name":  {file: strings.Replace(file, ",国庆节,3", ",国庆节", 1)},
		"a holiday nobody knows":  {file: strings.ReplaceAll(file, "中秋", "乞巧")},
		"a weekday made up for":   {file: strings.Replace(file, "2025-09-28", "2025-09-29", 1)},
		"a date that is none":     {file: strings.Replace(file, "2025-10-06", "2025-10-36", 1)},
		"an amendment cut short":  {file: file, amendments: "2025-10-06\trest\t中秋\n"},
		"an amendment of nothing": {file: file, amendments: "2025-10-06\trest\t中秋\ta notice\n"},
		"neither rest nor work":   {file: file, amendments: "2025-10-06\tplay\t中秋\ta notice\n"},
	} {
		days, err := read([]byte(c.file))
		if err == nil {
			err = amend(days, []byte(c.amendments))
		}
		if err == nil {
			_, err = write(days)
		}
		if err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

func TestAPackageThatIsAnother(t *testing.T) {
	if err := run(t.TempDir(), t.TempDir()); err == nil {
		t.Error("a package that is not there is read")
	}
}
