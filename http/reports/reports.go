// Package reports makes the reports of docs/reports.md: tables of figures, whose bytes are the same for the same position of the log.
package reports

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/http/tabular"
	"waybill/projections/figures"
)

// Name is that of a report.
type Name string

// The reports.
const (
	Turnaround Name = "turnaround"
	Funnel     Name = "funnel"
	Rejections Name = "rejections"
	Bookings   Name = "bookings"
	Listings   Name = "listings"
	Daily      Name = "daily"
)

// Names are those of all reports, in the order of docs/reports.md.
var Names = []Name{Turnaround, Funnel, Rejections, Bookings, Listings, Daily}

// All is what a report is by where nothing is said.
const All = "all"

// The years of the days that a report may be of: of others nothing can be known.
const (
	FirstYear = 2000
	LastYear  = 2099
)

// Covers reports whether a report may be of a day.
func Covers(day workdays.Day) bool { return day.Year() >= FirstYear && day.Year() <= LastYear }

var errName = errors.New("no such report")

// By is what the rows of a report may be of, All first; nothing where they are of the same always.
func (n Name) By() []string {
	var by []figures.By
	switch n {
	case Turnaround:
		by = figures.TurnaroundBy
	case Bookings:
		by = figures.BookingsBy
	case Listings:
		by = figures.ListingsBy
	case Funnel, Rejections, Daily:
	}
	var names []string
	for _, one := range by {
		if one == figures.ByAll {
			one = All
		}
		names = append(names, string(one))
	}
	return names
}

// Kinded reports whether a report may be of one kind alone.
func (n Name) Kinded() bool { return n == Turnaround || n == Funnel || n == Rejections }

// JSON is one object: what the report is of, and its rows.
const JSON tabular.Format = "json"

// Formats are all that a report can be written in.
var Formats = append([]tabular.Format{JSON}, tabular.Formats...)

// ContentType is the media type of a format of reports.
func ContentType(f tabular.Format) string {
	if f == JSON {
		return "application/json"
	}
	return f.ContentType()
}

// Report is a table of figures, whole.
type Report struct {
	Name     Name
	From, To workdays.Day
	// Kind is empty where the report is of both, and By where its rows are of the same always.
	Kind, By string
	// Position is the one as of which the report is, and Calendar the version of the calendar there.
	Position domain.Position
	Calendar workdays.Version
	Columns  []tabular.Column
	Rows     [][]any
	// SHA256 is the digest of the rows as JSON Lines, in hex.
	SHA256 string

	lines []byte
}

// Before is the period right before that of the report, of as many days.
func (r *Report) Before() (from, to workdays.Day) { return r.From - (r.To - r.From + 1), r.From - 1 }

// Make asks for a report. f.By is one of n.By, or All or empty for figures.ByAll. The error is figures.ErrNotShown when the figures are not
// as far as the position.
func Make(ctx context.Context, q figures.Queries, n Name, f figures.Filter) (*Report, error) {
	r := &Report{Name: n, From: f.From, To: f.To}
	if f.By == All {
		f.By = figures.ByAll
	}
	if by := n.By(); len(by) > 0 {
		r.By = string(f.By)
		if f.By == figures.ByAll {
			r.By = All
		}
		if !slices.Contains(by, r.By) {
			return nil, fmt.Errorf("report %s: by %q", n, f.By)
		}
	}
	if n.Kinded() {
		r.Kind = f.Kind
	}
	stamp, err := r.ask(ctx, q, f)
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", n, err)
	}
	r.Position, r.Calendar = stamp.Position, stamp.Calendar
	var lines bytes.Buffer
	if err := r.table(&lines, tabular.JSONLines); err != nil {
		return nil, err
	}
	r.lines = lines.Bytes()
	sum := sha256.Sum256(r.lines)
	r.SHA256 = hex.EncodeToString(sum[:])
	return r, nil
}

// Write writes the report in one of Formats.
func (r *Report) Write(w io.Writer, f tabular.Format) error {
	switch f {
	case JSON:
		raw, err := r.object()
		if err == nil {
			_, err = w.Write(raw)
		}
		return err
	case tabular.JSONLines:
		_, err := w.Write(r.lines)
		return err
	case tabular.CSV, tabular.Excel:
	}
	return r.table(w, f)
}

func (r *Report) table(w io.Writer, f tabular.Format) error {
	t, err := tabular.NewWriter(w, f, r.Columns)
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		if err := t.Row(row...); err != nil {
			_ = t.Close() // the row's error says more
			return fmt.Errorf("report %s: %w", r.Name, err)
		}
	}
	return t.Close()
}

// period is a range of days, both included.
type period struct {
	From workdays.Day `json:"from"`
	To   workdays.Day `json:"to"`
}

// object is the report as JSON. The rows are those of JSON Lines, byte by byte, each on a line of its own.
func (r *Report) object() ([]byte, error) {
	from, to := r.Before()
	head, err := json.Marshal(struct {
		Report Name   `json:"report"`
		By     string `json:"by,omitempty"`
		Kind   string `json:"kind,omitempty"`
		period
		Before   period           `json:"before"`
		AsOf     domain.Position  `json:"as_of"`
		Calendar workdays.Version `json:"calendar"`
		Count    int              `json:"count"`
		SHA256   string           `json:"sha256"`
	}{r.Name, r.By, r.Kind, period{r.From, r.To}, period{from, to}, r.Position, r.Calendar, len(r.Rows), r.SHA256})
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", r.Name, err)
	}
	b := bytes.NewBuffer(head[:len(head)-1])
	b.WriteString(`,"rows":[`)
	lines := bytes.TrimSuffix(r.lines, []byte{'\n'})
	if len(r.Rows) > 0 {
		b.WriteByte('\n')
		b.Write(bytes.ReplaceAll(lines, []byte{'\n'}, []byte(",\n")))
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

// FileName is what a file of the report is called.
func (r *Report) FileName(f tabular.Format) string {
	name := fmt.Sprintf("%s-%s-%s", r.Name, r.From, r.To)
	if r.By != "" && r.By != All {
		name += "-by-" + r.By
	}
	if r.Kind != "" {
		name += "-" + r.Kind
	}
	return fmt.Sprintf("%s-at-%d.%s", name, r.Position, f)
}
