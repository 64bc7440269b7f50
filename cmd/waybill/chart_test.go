package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"waybill/domain/workdays"
	"waybill/http/reports"
	"waybill/http/tabular"
)

// TestChartsOfAnything: whatever the days hold, nothing at all too, a chart is drawn that fits a terminal.
func TestChartsOfAnything(t *testing.T) {
	for round := range 300 {
		r := &reports.Report{
			Name: reports.Turnaround, By: "day", From: workdays.Day(20000), To: workdays.Day(20000),
			Columns: []tabular.Column{
				{Name: "group", Kind: tabular.Text}, {Name: "decided", Kind: tabular.Integer}, {Name: "before_decided", Kind: tabular.Integer},
			},
		}
		some := rand.Float64()
		value := func() any {
			if rand.Float64() > some {
				return nil
			}
			return rand.IntN(1 + round*round)
		}
		for day := range 1 + rand.IntN(366) {
			r.Rows = append(r.Rows, []any{(r.From + workdays.Day(day)).String(), value(), value()})
		}
		var out bytes.Buffer
		if err := drawReport(&out, r, ""); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "as of") && cells(line) > 100 {
				t.Errorf("%d days: %q", len(r.Rows), line)
			}
		}
	}
}
