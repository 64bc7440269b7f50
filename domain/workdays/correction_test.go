package workdays_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/workdays"
)

// off, work and plain are days of a correction.
func off(t testing.TB, date string) workdays.Special {
	return workdays.Special{Day: day(t, date), Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}
}

func work(t testing.TB, date string) workdays.Special {
	return workdays.Special{Day: day(t, date), Working: true, Name: domain.Text{ZH: "调休", EN: "Make-up day"}}
}

func plain(t testing.TB, date string, working bool) workdays.Special {
	return workdays.Special{Day: day(t, date), Working: working}
}

func corrected(t testing.TB, c *workdays.Calendar, through int, days ...workdays.Special) *workdays.Calendar {
	t.Helper()
	next, err := c.With(&workdays.Correction{Through: through, Days: days, Notice: "国办发明电〔2026〕9号"})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestACorrectionIsTheNextVersion(t *testing.T) {
	t.Parallel()
	standard := workdays.Standard()
	submitted := at(t, "2026-03-12T10:00:00+08:00") // a Thursday
	for _, c := range []struct {
		name string
		days []workdays.Special
		want string // due after one day
	}{
		{"a day off", []workdays.Special{off(t, "2026-03-13")}, "2026-03-16"},
		{"and made up for", []workdays.Special{off(t, "2026-03-13"), work(t, "2026-03-14")}, "2026-03-14"},
		{"before the submission", []workdays.Special{off(t, "2026-03-11")}, "2026-03-13"},
		{"on the day of the submission", []workdays.Special{off(t, "2026-03-12")}, "2026-03-13"},
		{"after it was due", []workdays.Special{off(t, "2026-03-16")}, "2026-03-13"},
	} {
		next := corrected(t, standard, 0, c.days...)
		due := next.Due(submitted, 1)
		if due.Day() != day(t, c.want) || due.Calendar != "2026.1" || next.Version() != "2026.1" {
			t.Errorf("%s: due %s by %s, want %s", c.name, due.Day(), due.Calendar, c.want)
		}
	}
	if due := standard.Due(submitted, 1); due.Day() != day(t, "2026-03-13") || due.Calendar != "2026.0" {
		t.Errorf("by the version before: %+v", due)
	}
}

func TestWhatACorrectionTakesBack(t *testing.T) {
	t.Parallel()
	before := workdays.Standard()
	changed := corrected(t, before, 0, off(t, "2026-03-13"), work(t, "2026-03-14"))
	back := corrected(t, changed, 0, plain(t, "2026-03-14", false), plain(t, "2026-03-13", true))
	if back.Version() != "2026.2" || !back.Working(day(t, "2026-03-13")) || back.Working(day(t, "2026-03-14")) {
		t.Errorf("version %s", back.Version())
	}
	if !slices.Equal(back.Special(2026), before.Special(2026)) {
		t.Errorf("left over: %v", back.Special(2026))
	}
	renamed := work(t, "2026-02-14")
	if got := corrected(t, back, 0, renamed).Special(2026); !slices.Contains(got, renamed) || len(got) != len(before.Special(2026)) {
		t.Errorf("another name: %v", got)
	}
}

// TestANoticeBringsAYear as it does every November, with days of the year before.
func TestANoticeBringsAYear(t *testing.T) {
	t.Parallel()
	submitted := at(t, "2026-12-31T10:00:00+08:00")
	next := corrected(t, workdays.Standard(), 2027, off(t, "2027-01-01"), off(t, "2027-01-02"), off(t, "2027-01-03"), off(t, "2027-01-04"), work(t, "2026-12-27"))
	due := next.Due(submitted, 1)
	if due.Estimated || due.Day() != day(t, "2027-01-05") || !next.Knows(2027) || next.Knows(2028) || !next.Working(day(t, "2026-12-27")) {
		t.Errorf("due %s, estimated %v", due.Day(), due.Estimated)
	}
	if far := next.Due(at(t, "2027-12-31T10:00:00+08:00"), 1); !far.Estimated {
		t.Errorf("due %s without an estimate", far.Day())
	}
	two := corrected(t, workdays.Standard(), 2028, off(t, "2028-10-02"), off(t, "2027-10-01"))
	if _, last := two.Years(); last != 2028 || two.Working(day(t, "2027-10-01")) || two.Working(day(t, "2028-10-02")) {
		t.Errorf("up to %d", last)
	}
}

// TestWhatIsNoCorrection has the mistakes, each with where it is.
func TestWhatIsNoCorrection(t *testing.T) {
	t.Parallel()
	fine := off(t, "2026-03-13")
	named := func(zh, en string) workdays.Special {
		return workdays.Special{Day: fine.Day, Name: domain.Text{ZH: zh, EN: en}}
	}
	many := make([]workdays.Special, workdays.MaxDays+1)
	for _, c := range []struct {
		name       string
		correction workdays.Correction
		want       string
	}{
		{"nothing", workdays.Correction{}, "/notice required, /days required"},
		{"no notice", workdays.Correction{Days: []workdays.Special{fine}, Notice: " \u200b"}, "/notice required"},
		{"a long notice", workdays.Correction{Days: []workdays.Special{fine}, Notice: strings.Repeat("国", workdays.MaxNotice+1)}, "/notice too_long"},
		{"a notice of two lines", workdays.Correction{Days: []workdays.Special{fine}, Notice: "a\nb"}, "/notice line_break"},
		{"too many days", workdays.Correction{Days: many, Notice: "n"}, "/days too_many"},
		{"a day twice", workdays.Correction{Days: []workdays.Special{fine, fine}, Notice: "n"}, "/days/1/day repeated_day"},
		{"a day twice, differing", workdays.Correction{Days: []workdays.Special{fine, work(t, "2026-03-13")}, Notice: "n"}, "/days/1/day repeated_day"},
		{"no change of an ordinary day", workdays.Correction{Days: []workdays.Special{plain(t, "2026-03-13", true)}, Notice: "n"}, "/days/0 no_change"},
		{"no change of a holiday", workdays.Correction{Days: workdays.Standard().Special(2026)[:1], Notice: "n"}, "/days/0 no_change"},
		{"no day", workdays.Correction{Days: []workdays.Special{{Name: fine.Name}}, Notice: "n"}, "/days/0/day out_of_range"},
		{"a year before", workdays.Correction{Days: []workdays.Special{off(t, "2003-12-31")}, Notice: "n"}, "/days/0/day out_of_range"},
		{"a year after", workdays.Correction{Days: []workdays.Special{off(t, "2027-01-01")}, Notice: "n"}, "/days/0/day out_of_range"},
		{"a year after the further one", workdays.Correction{Through: 2027, Days: []workdays.Special{off(t, "2027-01-01"), off(t, "2028-01-01")}, Notice: "n"}, "/days/1/day out_of_range"},
		{"a further year without days", workdays.Correction{Through: 2027, Days: []workdays.Special{fine}, Notice: "n"}, "/through out_of_range"},
		{"a further year that leaves one out", workdays.Correction{Through: 1 << 60, Days: []workdays.Special{off(t, "2028-01-01")}, Notice: "n"}, "/through out_of_range, /days/0/day out_of_range"},
		{"a year that is known", workdays.Correction{Through: 2026, Days: []workdays.Special{fine}, Notice: "n"}, "/through out_of_range"},
		{"a year before Christ", workdays.Correction{Through: -1, Days: []workdays.Special{fine}, Notice: "n"}, "/through out_of_range"},
		{"a day off without a name", workdays.Correction{Days: []workdays.Special{plain(t, "2026-03-13", false)}, Notice: "n"}, "/days/0/name/zh required, /days/0/name/en required"},
		{"a make-up day without a name", workdays.Correction{Days: []workdays.Special{plain(t, "2026-03-14", true)}, Notice: "n"}, "/days/0/name/zh required, /days/0/name/en required"},
		{"half a name", workdays.Correction{Days: []workdays.Special{named("", "Typhoon")}, Notice: "n"}, "/days/0/name/zh required"},
		{"a long name", workdays.Correction{Days: []workdays.Special{named(strings.Repeat("节", workdays.MaxName+1), "F")}, Notice: "n"}, "/days/0/name/zh too_long"},
		{"a name with a control character", workdays.Correction{Days: []workdays.Special{named("节", "F\x00")}, Notice: "n"}, "/days/0/name/en control_characters"},
	} {
		next, err := workdays.Standard().With(&c.correction)
		var refusal *domain.Error
		if !errors.As(err, &refusal) || refusal.Code != domain.ErrInvalid.Code || next != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, f := range refusal.Fields {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if said := strings.Join(got, ", "); said != c.want {
			t.Errorf("%s: %s, want %s", c.name, said, c.want)
		}
	}
}

func TestACorrectionIsCleaned(t *testing.T) {
	t.Parallel()
	c := workdays.Correction{Days: []workdays.Special{off(t, "2026-03-13")}, Notice: " 国办发明电〔2026〕9号 "}
	c.Days[0].Name.EN = "Typhoon\u200b "
	next, err := workdays.Standard().With(&c)
	if err != nil || c.Notice != "国办发明电〔2026〕9号" || c.Days[0].Name.EN != "Typhoon" || !slices.Contains(next.Special(2026), c.Days[0]) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestStoredCorrection holds the JSON that events will have to its golden file.
func TestStoredCorrection(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/correction.json")
	if err != nil {
		t.Fatal(err)
	}
	want := workdays.Correction{
		Through: 2027, Notice: "国办发明电〔2026〕9号",
		Days: []workdays.Special{off(t, "2027-01-01"), work(t, "2026-12-27"), plain(t, "2026-10-10", false)},
	}
	raw, err := json.MarshalIndent(want, "", "  ")
	if err != nil || string(raw)+"\n" != string(golden) {
		t.Errorf("%v\n%s", err, raw)
	}
	var read workdays.Correction
	if err := json.Unmarshal(golden, &read); err != nil || fmt.Sprint(read) != fmt.Sprint(want) {
		t.Errorf("%+v, %v", read, err)
	}
	if err := json.Unmarshal([]byte(`{"days":[{"day":"2026-02-29"}]}`), &read); err == nil || !strings.Contains(err.Error(), "2026-02-29") {
		t.Errorf("a day that does not exist: %v", err)
	}
}
