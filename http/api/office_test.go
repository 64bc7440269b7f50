package api_test

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"testing"

	"waybill/domain"
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
