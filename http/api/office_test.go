package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"waybill/domain"
	"waybill/http/tabular"
	"waybill/http/tabular/officetest"
)

// TestOfficeOpensReports: LibreOffice sees in a report's CSV and Excel files what the JSON says: numbers as numbers, days as days, no figure as
// an empty cell, and Chinese text.
func TestOfficeOpensReports(t *testing.T) {
	officetest.Require(t)
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	owner, buyer := w.provider(reviewer), w.enterprise()
	id, _ := w.listed(owner, reviewer)
	w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	position := w.do(buyer, "POST", "/api/v1/bookings", inquiry(id)).is(201).position()
	for _, path := range []string{"turnaround?by=reviewer&", "listings?", "bookings?by=destination&"} {
		address := reportsPath + path + "as_of=" + position
		csv, columns := w.do(auditor, "GET", address+"&format=csv", nil).is(200), 0
		object := w.do(auditor, "GET", address, nil).is(200)
		heads := headsOf(t, csv.body)
		columns = len(heads)
		for name, rows := range map[string][][]officetest.Cell{
			"csv": officetest.OpenCSVPlainly(t, csv.body), "xlsx": officetest.OpenExcel(t, w.do(auditor, "GET", address+"&format=xlsx", nil).is(200).body),
		} {
			if len(rows) != object.count("rows")+1 || len(rows) < 2 || len(rows[0]) != columns {
				t.Fatalf("%s as %s: %d rows of %d columns\n%s", path, name, len(rows), len(rows[0]), object.body)
			}
			for i, row := range rows[1:] {
				for j, head := range heads {
					var cell officetest.Cell
					if j < len(row) {
						cell = row[j]
					}
					if want := cellOf(object.at("rows", i, head), head); cell != want {
						t.Errorf("%s as %s, row %d, %s: %+v, want %+v", path, name, i, head, cell, want)
					}
				}
			}
		}
	}
}

// headsOf are the names in the first line of a CSV file.
func headsOf(t *testing.T, file []byte) []string {
	t.Helper()
	heads, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff")))).Read()
	if err != nil {
		t.Fatal(err)
	}
	return heads
}

// cellOf is what a sheet has to show of a value.
func cellOf(value any, column string) officetest.Cell {
	switch v := value.(type) {
	case float64:
		return officetest.Cell{Type: "float", Text: strconv.FormatFloat(v, 'f', -1, 64)}
	case string:
		if column == "day" {
			return officetest.Cell{Type: "date", Text: v}
		}
		return officetest.Cell{Type: "string", Text: v}
	}
	return officetest.Cell{}
}

// TestOfficeOpensExports: LibreOffice sees in an export's CSV and Excel files what its JSON Lines say, and computes nothing of what people
// typed.
func TestOfficeOpensExports(t *testing.T) {
	officetest.Require(t)
	w := start(t)
	auditor, reviewer := w.staff(domain.RoleAuditor), w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	id, _ := w.listed(owner, reviewer)
	w.do(owner, "PUT", "/api/v1/provider/products/"+id, with(content(), "name", `=HYPERLINK("http://x")`)).is(200)
	w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/reject", m{
		"revision": 2, "reasons": []m{{"code": "other", "field": "/name", "note": "=1+1"}}, "note": "+86 13876543210",
	}).is(200)
	position := w.head()
	w.shown(auditor, position)
	query := "?as_of=" + position + "&format="
	lines := bytes.Split(bytes.TrimSpace(w.export(auditor, query+"jsonl").is(200).body), []byte("\n"))
	csv := w.export(auditor, query+"csv").is(200).body
	heads := headsOf(t, csv)
	for name, rows := range map[string][][]officetest.Cell{
		"csv": officetest.OpenCSV(t, csv, len(heads)), "xlsx": officetest.OpenExcel(t, w.export(auditor, query+"xlsx").is(200).body),
	} {
		if len(rows) != len(lines)+1 || len(lines) < 10 || len(rows[0]) != len(heads) {
			t.Fatalf("%s: %d rows of %d", name, len(rows), len(lines))
		}
		for i, line := range lines {
			var values map[string]json.RawMessage
			if err := json.Unmarshal(line, &values); err != nil {
				t.Fatal(err)
			}
			for j, head := range heads {
				var cell officetest.Cell
				if j < len(rows[i+1]) {
					cell = rows[i+1][j]
				}
				if want := exported(t, values[head], name == "csv"); cell != want && !sameTime(cell, want) {
					t.Errorf("%s, row %d, %s: %+v, want %+v", name, i, head, cell, want)
				}
			}
		}
	}
}

// clockTime is how LibreOffice writes a time, to a hundredth of a second.
const clockTime = "2006-01-02T15:04:05.999999"

// sameTime reports whether two cells hold the same time, as far as LibreOffice keeps it.
func sameTime(a, b officetest.Cell) bool {
	x, errX := time.Parse(clockTime, a.Text)
	y, errY := time.Parse(clockTime, b.Text)
	return a.Type == "date" && b.Type == "date" && errX == nil && errY == nil && x.Sub(y).Abs() <= 10*time.Millisecond
}

// exported is what a sheet has to show of a value, in a file of texts alone or in one of numbers and times, too.
func exported(t *testing.T, raw json.RawMessage, texts bool) officetest.Cell {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	cell := officetest.Cell{Type: "string"}
	switch v := value.(type) {
	case nil:
		return officetest.Cell{}
	case bool: // a workbook's, as LibreOffice keeps it
		cell.Text = string(raw)
		if !texts {
			cell = officetest.Cell{Type: "float", Text: map[bool]string{true: "1", false: "0"}[v], Formula: map[bool]string{true: "of:=TRUE()", false: "of:=FALSE()"}[v]}
		}
	case float64:
		cell.Text = string(raw)
		if !texts {
			cell.Type = "float"
		}
	case string:
		cell.Text = v
		at, err := time.Parse(time.RFC3339, v)
		switch {
		case err == nil && texts:
			cell.Text = at.In(domain.Beijing).Format("2006-01-02T15:04:05.000000Z07:00")
		case err == nil:
			cell = officetest.Cell{Type: "date", Text: at.In(domain.Beijing).Format(clockTime)}
		case texts:
			cell.Text = tabular.Guard(v)
		case v == "":
			return officetest.Cell{}
		}
	default:
		cell.Text = string(raw)
	}
	if cell.Text == "" {
		return officetest.Cell{}
	}
	return cell
}
