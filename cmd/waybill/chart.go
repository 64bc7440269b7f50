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
	keys, figures := partsOf(r)
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
	if len(r.Rows) > 1 && keys == 1 && (r.Columns[0].Kind == tabular.Day || r.By == "day") {
		return drawDays(out, r, at, before)
	}
	return drawBars(out, r, keys, at)
}

// drawDays draws a figure's days, and those of the period before, where there is any. A day without a value interrupts the line.
func drawDays(out io.Writer, r *reports.Report, at, before int) error {
	var lines [][]float64
	var drawn []asciigraph.CharSet
	for _, one := range []struct {
		column int
		drawn  asciigraph.CharSet
	}{{before, asciigraph.CreateCharSet("·")}, {at, asciigraph.DefaultCharSet}} {
		line := make([]float64, len(r.Rows))
		for i, row := range r.Rows {
			line[i] = number(row[one.column])
		}
		// A line of nothing cannot be drawn.
		if slices.ContainsFunc(line, func(v float64) bool { return !math.IsNaN(v) }) {
			lines, drawn = append(lines, fitting(line)), append(drawn, one.drawn)
		}
	}
	if lines == nil {
		_, err := fmt.Fprintln(out, "nothing to draw")
		return err
	}
	_, err := fmt.Fprintln(out, asciigraph.PlotMany(lines,
		asciigraph.Height(chartHeight), asciigraph.LowerBound(0), asciigraph.Precision(1), asciigraph.SeriesChars(drawn...),
		asciigraph.Caption(fmt.Sprintf("%s: %s to %s; · the period before", r.Columns[at].Name, r.From, r.To))))
	return err
}

// fitting is a line of about a chart's width: each value several times, or the mean of several, as far as there are any.
func fitting(line []float64) []float64 {
	if times := chartWidth / len(line); times > 0 {
		wide := make([]float64, 0, chartWidth)
		for _, v := range line {
			wide = append(wide, slices.Repeat([]float64{v}, times)...)
		}
		return wide
	}
	narrow := make([]float64, chartWidth)
	for i := range narrow {
		sum, n := 0.0, 0.0
		for _, v := range line[i*len(line)/chartWidth : (i+1)*len(line)/chartWidth] {
			if !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		narrow[i] = sum / n // no number, when there is none
	}
	return narrow
}

// drawBars draws a bar for each row.
func drawBars(out io.Writer, r *reports.Report, keys, at int) error {
	most := 0.0
	for _, row := range r.Rows {
		most = max(most, zeroIfNone(number(row[at])))
	}
	bars := newTable(out, strings.ToUpper(r.Columns[0].Name), headline(r.Columns[at].Name), "")
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
