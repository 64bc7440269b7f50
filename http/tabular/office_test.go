package tabular_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"waybill/domain"
	"waybill/http/tabular"
	"waybill/http/tabular/officetest"
)

// TestOffice: LibreOffice sees in each cell of a CSV and of an Excel file what was written, and computes nothing of it.
func TestOffice(t *testing.T) {
	officetest.Require(t)
	columns := []tabular.Column{
		{Name: "text", Kind: tabular.Text},
		{Name: "整数", Kind: tabular.Integer},
		{Name: "number", Kind: tabular.Number},
		{Name: "at", Kind: tabular.Instant},
		{Name: "day", Kind: tabular.Day},
		{Name: "json", Kind: tabular.JSON},
		{Name: "yes", Kind: tabular.Bool},
	}
	at := time.Date(2026, 11, 26, 23, 59, 59, 120_000_000, domain.Beijing)
	texts := []string{
		"三亚海丰国际物流有限公司", "91460200123456789012", "914602001234567892", "91350100M000100Y43", "013800138000", "+8613800138000", "0898-88271234",
		"0012", "1E5", "1,234.50", "TRUE", "2026-02-03", "3/4", "=1+1", "=HYPERLINK(\"http://example.invalid\")", "@SUM(A1)", "-1+2", "+1", "＝1+1",
		"'", "'quoted'", "''=1+1", `a "b", c`, "two\nlines", "  spaces  inside  ", "a\ttab", "emoji 👍 é", "<b>&amp;</b>", "", "{\"a\":1}",
	}
	var csv, excel bytes.Buffer
	for to, format := range map[*bytes.Buffer]tabular.Format{&csv: tabular.CSV, &excel: tabular.Excel} {
		w, err := tabular.NewWriter(to, format, columns)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			if err := w.Row(text, i*1000, float64(i)/8, at, "2026-11-26", json.RawMessage(`{"原因":"价格"}`), i%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Row("nothing", nil, nil, nil, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	asText, plainly, workbook := officetest.OpenCSV(t, csv.Bytes(), len(columns)), officetest.OpenCSVPlainly(t, csv.Bytes()), officetest.OpenExcel(t, excel.Bytes())
	for name, rows := range map[string][][]officetest.Cell{"csv": asText, "csv, plainly": plainly, "xlsx": workbook} {
		if len(rows) != len(texts)+2 || len(rows[0]) != len(columns) || len(rows[len(rows)-1]) != 1 {
			t.Fatalf("%s: %q", name, rows)
		}
		for i, column := range columns {
			if rows[0][i] != text(column.Name) {
				t.Errorf("%s: head %q", name, rows[0][i])
			}
		}
	}
	for i, want := range texts {
		raw := `{"原因":"价格"}`
		row := i + 1
		check(t, "csv", asText[row], text(tabular.Guard(want)), text(strconv.Itoa(i*1000)), text(decimal(i)), text("2026-11-26T23:59:59.120000+08:00"),
			text("2026-11-26"), text(raw), text(strconv.FormatBool(i%2 == 0)))
		// A number is a number, a day a day, and a text a text, whatever it begins with.
		check(t, "csv, plainly", plainly[row][1:], float(strconv.Itoa(i*1000)), float(decimal(i)), text("2026-11-26T23:59:59.120000+08:00"),
			officetest.Cell{Type: "date", Text: "2026-11-26"}, text(raw), officetest.Cell{Type: "boolean", Text: strconv.FormatBool(i%2 == 0)})
		if plainly[row][0].Formula != "" || tabular.Guard(want) != want && plainly[row][0] != text(tabular.Guard(want)) {
			t.Errorf("%q is computed: %q", want, plainly[row][0])
		}
		truth := officetest.Cell{Type: "float", Text: "0", Formula: "of:=FALSE()"} // as LibreOffice keeps what a workbook says is true or false
		if i%2 == 0 {
			truth = officetest.Cell{Type: "float", Text: "1", Formula: "of:=TRUE()"}
		}
		check(t, "xlsx", workbook[row], text(want), float(strconv.Itoa(i*1000)), float(decimal(i)),
			officetest.Cell{Type: "date", Text: "2026-11-26T23:59:59.12"}, officetest.Cell{Type: "date", Text: "2026-11-26"}, text(raw), truth)
	}
}

func text(s string) officetest.Cell {
	if s == "" {
		return officetest.Cell{}
	}
	return officetest.Cell{Type: "string", Text: s}
}

func float(s string) officetest.Cell { return officetest.Cell{Type: "float", Text: s} }

func decimal(i int) string { return strconv.FormatFloat(float64(i)/8, 'f', -1, 64) }

func check(t *testing.T, what string, got []officetest.Cell, want ...officetest.Cell) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}
