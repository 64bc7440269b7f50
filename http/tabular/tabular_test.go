package tabular_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/http/tabular"
	"waybill/projections"
)

var columns = []tabular.Column{
	{Name: "text", Kind: tabular.Text},
	{Name: "integer", Kind: tabular.Integer},
	{Name: "number", Kind: tabular.Number},
	{Name: "instant", Kind: tabular.Instant},
	{Name: "day", Kind: tabular.Day},
	{Name: "json", Kind: tabular.JSON},
	{Name: "bool", Kind: tabular.Bool},
	{Name: "id", Kind: tabular.Text},
}

type row struct {
	text    string
	integer int64
	number  float64
	instant time.Time
	day     string
	json    json.RawMessage
	flag    bool
	id      uuid.UUID
	absent  bool
}

func (r *row) cells(pointers bool) []any {
	switch {
	case r.absent:
		return make([]any, len(columns))
	case pointers:
		return []any{&r.text, &r.integer, &r.number, &r.instant, &r.day, &r.json, &r.flag, &r.id}
	}
	return []any{r.text, r.integer, r.number, r.instant, r.day, r.json, r.flag, r.id}
}

var texts = rapid.OneOf(
	rapid.String(),
	rapid.StringMatching(`['=+\-@\t\r＝＋－＠,"\n a中]{0,6}`),
	rapid.StringMatching(`_x[0-9A-F]{4}_[0-9]{0,3}`),
	rapid.SampledFrom([]string{"", "=1+1", "\ufeff", "\u2028", " a ", "1", "true", "2026-01-02", "\x00\x01", "\x80", "é\U0001F600"}),
)

func rows(t *rapid.T) []row {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		at := time.UnixMicro(rapid.Int64Range(-30e15, 200e15).Draw(t, "at"))
		value, err := json.Marshal(texts.Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		return row{
			text: texts.Draw(t, "text"), integer: rapid.Int64().Draw(t, "integer"), instant: at,
			number: rapid.Float64Range(-1e9, 1e9).Draw(t, "number"),
			day:    at.In(domain.Beijing).Format(time.DateOnly),
			json:   value, flag: rapid.Bool().Draw(t, "flag"), id: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			absent: rapid.IntRange(0, 9).Draw(t, "absent") == 0,
		}
	}), 0, 8).Draw(t, "rows")
}

func write(t rapid.TB, f tabular.Format, rows []row) []byte {
	var out bytes.Buffer
	w, err := tabular.NewWriter(&out, f, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Row(rows[i].cells(i%2 == 0)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestJSONLinesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rows(t)
		lines := strings.SplitAfter(string(write(t, tabular.JSONLines, rows)), "\n")
		if len(lines) != len(rows)+1 || lines[len(rows)] != "" {
			t.Fatalf("%d rows are %d lines", len(rows), len(lines)-1)
		}
		for i, r := range rows {
			if i%3 == 0 && !r.absent { // the order of the fields
				at := -1
				for _, c := range columns {
					next := strings.Index(lines[i], `"`+c.Name+`":`)
					if next < at {
						t.Fatalf("%s is not in its place in %s", c.Name, lines[i])
					}
					at = next
				}
			}
			var got struct {
				Text    *string
				Integer *int64
				Number  *float64
				Instant *string
				Day     *string
				JSON    json.RawMessage
				Bool    *bool
				ID      *uuid.UUID
			}
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatalf("%s: %v", lines[i], err)
			}
			if r.absent {
				if got.Text != nil || got.Integer != nil || got.Number != nil || got.Instant != nil || got.Bool != nil || string(got.JSON) != "null" {
					t.Fatalf("absent: %s", lines[i])
				}
				continue
			}
			if *got.Text != strings.ToValidUTF8(r.text, "\uFFFD") && utf8.ValidString(r.text) || *got.Integer != r.integer ||
				*got.Number != r.number || *got.Instant != r.instant.UTC().Format(projections.TimeLayout) || *got.Day != r.day ||
				string(got.JSON) != string(r.json) || *got.Bool != r.flag || *got.ID != r.id {
				t.Fatalf("%+v\nis %s", r, lines[i])
			}
		}
	})
}

// A reader of CSV, as they all do, makes one line feed of a line break in a field.
func broken(s string) string { return strings.ReplaceAll(valid(s), "\r\n", "\n") }

func valid(s string) string { return string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))) }

func TestCSVReadsBack(t *testing.T) {
	formula := regexp.MustCompile(`^[=+\-@\t\r＝＋－＠]`)
	rapid.Check(t, func(t *rapid.T) {
		rows := rows(t)
		file := write(t, tabular.CSV, rows)
		if !bytes.HasPrefix(file, []byte("\xef\xbb\xbf")) || !bytes.HasSuffix(file, []byte("\r\n")) {
			t.Fatalf("%q", file)
		}
		got, err := csv.NewReader(bytes.NewReader(file[3:])).ReadAll()
		if err != nil || len(got) != len(rows)+1 {
			t.Fatalf("%d rows are %d: %v", len(rows), len(got)-1, err)
		}
		for i, r := range rows {
			fields := got[i+1]
			for k, field := range fields {
				if kind := columns[k].Kind; kind != tabular.Integer && kind != tabular.Number && formula.MatchString(field) {
					t.Fatalf("a formula: %q", field)
				}
			}
			if r.absent {
				if strings.Join(fields, "") != "" {
					t.Fatalf("absent: %q", fields)
				}
				continue
			}
			if text := r.text; fields[0] != broken(tabular.Guard(text)) {
				t.Fatalf("%q is %q", text, fields[0])
			}
			at, err := time.Parse(time.RFC3339Nano, fields[3])
			integer, err2 := strconv.ParseInt(fields[1], 10, 64)
			number, err3 := strconv.ParseFloat(fields[2], 64)
			if err := errors.Join(err2, err3); err != nil || integer != r.integer || number != r.number {
				t.Fatalf("%+v is %q: %v", r, fields, err)
			}
			if y := r.instant.Year(); y >= 1 && y <= 9999 && (err != nil || !at.Equal(r.instant) || !strings.HasSuffix(fields[3], "+08:00")) {
				t.Fatalf("%v is %q: %v", r.instant, fields[3], err)
			}
			if fields[4] != tabular.Guard(r.day) || fields[5] != tabular.Guard(string(r.json)) ||
				fields[6] != strconv.FormatBool(r.flag) || fields[7] != r.id.String() {
				t.Fatalf("%+v is %q", r, fields)
			}
		}
	})
}

func TestGuardIsTakenAwayExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		guarded := tabular.Guard(text)
		back := guarded
		if tabular.Guard(guarded) != guarded { // apostrophes, then a formula
			back = strings.TrimPrefix(guarded, "'")
		}
		if back != text {
			t.Fatalf("%q is guarded as %q, which is %q", text, guarded, back)
		}
	})
}

var surrogate = regexp.MustCompile(`_x[dD][89a-fA-F][0-9a-fA-F]{2}_`)

// storable is a text as XML holds it.
func storable(s string) string {
	s = surrogate.ReplaceAllString(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, s)
}

func TestExcelReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rows(t)
		file, err := excelize.OpenReader(bytes.NewReader(write(t, tabular.Excel, rows)))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		sheet := file.GetSheetName(0)
		if panes, err := file.GetPanes(sheet); err != nil || !panes.Freeze || panes.YSplit != 1 {
			t.Fatalf("the header is not frozen: %+v, %v", panes, err)
		}
		value := func(column string, i int) string {
			s, err := file.GetCellValue(sheet, column+strconv.Itoa(i+2), excelize.Options{RawCellValue: true})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		for i, r := range rows {
			if r.absent {
				if value("A", i)+value("B", i)+value("D", i)+value("G", i) != "" {
					t.Fatal("absent has a value")
				}
				continue
			}
			if formula, err := file.GetCellFormula(sheet, "A"+strconv.Itoa(i+2)); err != nil || formula != "" {
				t.Fatalf("%q is a formula: %q, %v", r.text, formula, err)
			}
			if got, want := value("A", i), storable(valid(r.text)); got != want && utf8.ValidString(r.text) {
				t.Fatalf("%q is %q", want, got)
			}
			if integer, err := strconv.ParseInt(value("B", i), 10, 64); err != nil && !strings.Contains(value("B", i), "E") ||
				err == nil && integer != r.integer {
				t.Fatalf("%d is %s: %v", r.integer, value("B", i), err)
			}
			if number, err := strconv.ParseFloat(value("C", i), 64); err != nil || number != r.number {
				t.Fatalf("%v is %s: %v", r.number, value("C", i), err)
			}
			if local := r.instant.In(domain.Beijing).Round(time.Millisecond); local.Year() > 1900 && local.Year() < 10000 {
				serial, err := strconv.ParseFloat(value("D", i), 64)
				whole, part := math.Modf(serial)
				got := time.Date(1899, 12, 30, 0, 0, 0, 0, domain.Beijing).AddDate(0, 0, int(whole)).
					Add(time.Duration(math.Round(part*24*60*60*1e6)) * time.Microsecond)
				// A sheet's numbers have 15 digits.
				if err != nil || local.Year() < 2100 && got.Sub(local).Abs() > 10*time.Microsecond || got.Sub(local).Abs() > time.Millisecond {
					t.Fatalf("%v is %v (%s)", local, got, value("D", i))
				}
			}
			if value("F", i) != storable(string(r.json)) || value("H", i) != r.id.String() ||
				value("G", i) != map[bool]string{true: "1", false: "0"}[r.flag] {
				t.Fatalf("%+v is %s, %s, %s", r, value("F", i), value("G", i), value("H", i))
			}
		}
	})
}

func TestExcelShowsTimesOfBeijing(t *testing.T) {
	at := time.Date(2026, 11, 26, 18, 58, 1, 123e6, time.UTC)
	file, err := excelize.OpenReader(bytes.NewReader(write(t, tabular.Excel, []row{{instant: at, day: "2026-11-27"}})))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cells, err := file.GetRows(file.GetSheetName(0))
	if err != nil || !strings.HasPrefix(cells[1][3], "2026-11-27 02:58:01") || cells[1][4] != "2026-11-27" {
		t.Errorf("%q, %v", cells, err)
	}
}

// A time is to a thousandth of a second in a sheet: whoever rounds what is there, gets what was rounded before it came there.
func TestExcelRoundsTimesOnce(t *testing.T) {
	rows := []row{}
	for i := range 1000 {
		rows = append(rows, row{instant: time.Date(2026, 11, 26, 18, 58, i/60%60, i*1e6+500_000, time.UTC), day: "2026-11-27"})
	}
	file, err := excelize.OpenReader(bytes.NewReader(write(t, tabular.Excel, rows)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cells, err := file.GetRows(file.GetSheetName(0), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, domain.Beijing)
	for i, r := range rows {
		serial, err := strconv.ParseFloat(cells[i+1][3], 64)
		if err != nil {
			t.Fatal(err)
		}
		read := epoch.Add(time.Duration(serial * float64(24*time.Hour))).Round(time.Millisecond)
		if want := r.instant.Round(time.Millisecond); !read.Equal(want) {
			t.Fatalf("%v is read as %v", r.instant, read)
		}
	}
}

func TestExcelSaysWhatItCuts(t *testing.T) {
	for _, text := range []string{strings.Repeat("中", 32_767), strings.Repeat("\U0001F600", 16_383) + "a"} {
		file, err := excelize.OpenReader(bytes.NewReader(write(t, tabular.Excel, []row{{text: text}, {text: text + "a"}})))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		whole, _ := file.GetCellValue(file.GetSheetName(0), "A2")
		cut, _ := file.GetCellValue(file.GetSheetName(0), "A3")
		if whole != text {
			t.Errorf("a text that fits is cut to %d bytes", len(whole))
		}
		if before, ok := strings.CutSuffix(cut, tabular.CutMark); !ok || !strings.HasPrefix(text, before) || len(cut) < len(text)-200 {
			t.Errorf("%d bytes, ending in %q", len(cut), cut[len(cut)-60:])
		}
	}
}

func TestSameRowsSameBytes(t *testing.T) {
	some := []row{{text: "a", instant: time.Unix(1, 0), day: "2026-01-01", json: json.RawMessage("1")}, {absent: true}}
	for _, f := range tabular.Formats {
		if first := write(t, f, some); !bytes.Equal(first, write(t, f, some)) {
			t.Errorf("%s differs", f)
		}
	}
}

// A writer must take as much as an Excel sheet holds, in files, and refuse one row more.
func TestExcelEndsWhereASheetEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	var out size
	w, err := tabular.NewWriter(&out, tabular.Excel, []tabular.Column{{Name: "n", Kind: tabular.Integer}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range tabular.MaxExcelRows {
		if err := w.Row(n); err != nil {
			t.Fatalf("row %d: %v", n, err)
		}
	}
	if err := w.Row(0); !errors.Is(err, tabular.ErrTooManyRows) {
		t.Errorf("one more: %v", err)
	}
	if err := w.Close(); !errors.Is(err, tabular.ErrTooManyRows) || out != 0 {
		t.Errorf("%v, and %d bytes were written", err, out)
	}
}

type size int

func (s *size) Write(p []byte) (int, error) { *s += size(len(p)); return len(p), nil }

func TestWhatIsNoCellIsRefused(t *testing.T) {
	for _, f := range tabular.Formats {
		for name, cells := range map[string][]any{
			"too few": {}, "too many": {1, 2}, "a text for a number": {"a"}, "not a number": {math.NaN()}, "infinite": {math.Inf(1)}, "a struct": {struct{}{}},
		} {
			w, err := tabular.NewWriter(io.Discard, f, columns[2:3])
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Row(cells...); err == nil {
				t.Errorf("%s: %s is taken", f, name)
			}
			if err := w.Close(); err == nil {
				t.Errorf("%s: after %s the table is whole", f, name)
			}
		}
	}
	w, err := tabular.NewWriter(io.Discard, tabular.CSV, columns[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Row(1.5); err == nil {
		t.Error("a fraction is an integer")
	}
	if _, err := tabular.NewWriter(io.Discard, "pdf", columns); err == nil {
		t.Error("pdf is written")
	}
}

type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorsOfTheFileAreSeen(t *testing.T) {
	for _, f := range tabular.Formats {
		w, err := tabular.NewWriter(&full{left: 100}, f, columns[:1])
		for range 20_000 {
			if err == nil {
				err = w.Row("some text of a row")
			}
		}
		if closed := w.Close(); !errors.Is(closed, errFull) || err != nil && !errors.Is(err, errFull) {
			t.Errorf("%s: %v, %v", f, err, closed)
		}
	}
}

func TestJSONOfSeveralLinesIsOneLine(t *testing.T) {
	var out bytes.Buffer
	w, _ := tabular.NewWriter(&out, tabular.JSONLines, []tabular.Column{{Name: "v", Kind: tabular.JSON}})
	if err := errors.Join(w.Row("[1,\n 2]"), w.Row([]byte("{\r\n}")), w.Close()); err != nil || out.String() != "{\"v\":[1,2]}\n{\"v\":{}}\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestAWorkbookIsAZipThatAnybodyOpens(t *testing.T) {
	file := write(t, tabular.Excel, []row{{text: "a"}})
	if _, err := zip.NewReader(bytes.NewReader(file), int64(len(file))); err != nil {
		t.Error(err)
	}
}

// TestCSVIsQuotedAsWritten: what some readers trim or take for the end of a line is quoted, a line of one empty field is a line, and
// the header is guarded, too.
func TestCSVIsQuotedAsWritten(t *testing.T) {
	var out bytes.Buffer
	w, err := tabular.NewWriter(&out, tabular.CSV, []tabular.Column{{Name: "=a"}})
	for _, cell := range []any{nil, "", " b", "c\rd", "e,f", "g"} {
		err = errors.Join(err, w.Row(cell))
	}
	want := "\ufeff'=a\r\n\"\"\r\n\"\"\r\n\" b\"\r\n\"c\rd\"\r\n\"e,f\"\r\ng\r\n"
	if err = errors.Join(err, w.Close()); err != nil || out.String() != want {
		t.Errorf("%q, want %q: %v", out.String(), want, err)
	}
}

// TestSeparatorsOfLinesAreEscaped: some programs end a line at them.
func TestSeparatorsOfLinesAreEscaped(t *testing.T) {
	var out bytes.Buffer
	w, err := tabular.NewWriter(&out, tabular.JSONLines, []tabular.Column{{Name: "v"}})
	if err = errors.Join(err, w.Row("a\u2028b\u2029c"), w.Close()); err != nil || out.String() != `{"v":"a\u2028b\u2029c"}`+"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestExcelDoesNotKnow1900: sheets have a day too many in that year, so that its days are texts.
func TestExcelDoesNotKnow1900(t *testing.T) {
	at := time.Date(1900, 2, 1, 12, 0, 0, 0, domain.Beijing)
	file, err := excelize.OpenReader(bytes.NewReader(write(t, tabular.Excel, []row{{instant: at, day: "1900-02-01"}})))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for cell, want := range map[string]string{"D2": "1900-02-01T12:00:00.000000+08:00", "E2": "1900-02-01"} {
		if got, err := file.GetCellValue(file.GetSheetName(0), cell, excelize.Options{RawCellValue: true}); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", cell, got, want, err)
		}
	}
}
