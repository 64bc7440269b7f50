package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"

	"waybill/http/reports"
	"waybill/http/tabular"
)

// How large a chart is, in cells of the terminal.
const (
	chartWidth, chartHeight = 64, 10
	barWidth                = 40
)

// drawReport draws one figure of a report, the first unless one is named: a line where every row is a day, and else a bar for each row.
func drawReport(out io.Writer, r *reports.Report, figure string) error {
	keys := 0
	for keys < len(r.Columns) && (r.Columns[keys].Kind == tabular.Text || r.Columns[keys].Kind == tabular.Day) {
		keys++
	}
	figures := keys + (len(r.Columns)-keys)/2 // those of the period before come after them
	at := keys
	if figure != "" {
		var names []string
		for _, column := range r.Columns[keys:figures] {
			names = append(names, column.Name)
		}
		i := slices.Index(names, figure)
		if i < 0 {
			return fmt.Errorf("--figure: %s has %s", r.Name, strings.Join(names, ", "))
		}
		at = keys + i
	}
	before := at + figures - keys
	headOf(out, r)
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintln(out, "nothing to draw")
		return err
	}
	if keys == 1 && (r.Columns[0].Kind == tabular.Day || r.By == "day") {
		return drawDays(out, r, at, before)
	}
	return drawBars(out, r, keys, at)
}

// drawDays draws a figure's days, and those of the period before. A day without a value interrupts the line.
func drawDays(out io.Writer, r *reports.Report, at, before int) error {
	now, then := make([]float64, len(r.Rows)), make([]float64, len(r.Rows))
	values := 0
	for i, row := range r.Rows {
		now[i], then[i] = number(row[at]), number(row[before])
		for _, v := range []float64{now[i], then[i]} {
			if !math.IsNaN(v) {
				values++
			}
		}
	}
	if values == 0 {
		_, err := fmt.Fprintln(out, "nothing to draw")
		return err
	}
	dashes := asciigraph.CreateCharSet("·")
	_, err := fmt.Fprintln(out, asciigraph.PlotMany([][]float64{then, now},
		asciigraph.Width(chartWidth), asciigraph.Height(chartHeight), asciigraph.LowerBound(0),
		asciigraph.SeriesChars(dashes, asciigraph.DefaultCharSet),
		asciigraph.Caption(fmt.Sprintf("%s: %s to %s; · the period before", r.Columns[at].Name, r.From, r.To))))
	return err
}

// drawBars draws a bar for each row.
func drawBars(out io.Writer, r *reports.Report, keys, at int) error {
	most := 0.0
	for _, row := range r.Rows {
		most = max(most, zeroIfNone(number(row[at])))
	}
	bars := newTable(out, strings.ToUpper(r.Columns[0].Name), strings.ToUpper(strings.ReplaceAll(r.Columns[at].Name, "_", " ")), "")
	for _, row := range r.Rows {
		names := make([]string, keys)
		for i := range names {
			names[i] = fmt.Sprint(row[i])
		}
		value := row[at]
		if value == nil {
			value = "-"
		}
		n := 0
		if v := zeroIfNone(number(row[at])); v > 0 && most > 0 {
			n = max(1, int(math.Round(v/most*barWidth)))
		}
		bars.add(strings.Join(names, " "), value, strings.Repeat("█", n))
	}
	return bars.flush()
}

// number is a cell's; NaN is none.
func number(cell any) float64 {
	switch v := cell.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}

func zeroIfNone(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
