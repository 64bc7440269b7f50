package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/http/reports"
	"waybill/http/tabular"
	"waybill/projections/figures"
	"waybill/projections/runtime"
)

type reportCommand struct {
	Name   string        `arg:"" enum:"${reports}" help:"Which one: ${reports}; docs/reports.md defines their figures."`
	From   *workdays.Day `placeholder:"DAY" help:"The first day in Beijing, YYYY-MM-DD; the 29th before the last when not given."`
	To     *workdays.Day `placeholder:"DAY" help:"The last day, included; today when not given."`
	Kind   string        `enum:"provider,product," default:"" placeholder:"KIND" help:"Of one kind alone: provider or product."`
	By     string        `default:"all" help:"What the rows are of, such as kind, reviewer, day or mode."`
	AsOf   string        `placeholder:"POSITION|TIME" help:"A position of the log or a time (RFC 3339); the newest when not given."`
	Format string        `enum:"table,json,jsonl,csv,xlsx" default:"table" help:"table, json, jsonl, csv or xlsx."`
	Out    string        `type:"path" placeholder:"FILE" help:"Write it into a file, which must not be there yet."`
	Chart  bool          `help:"Draw a figure: of days as a line with the period before, of anything else as bars."`
	Figure string        `placeholder:"COLUMN" help:"Which figure to draw; the first when not given."`
}

var errNotForTerminals = errors.New("an Excel file is nothing for a terminal: say --out FILE")

// usualPeriod is how many days a report is of where nothing is said.
const usualPeriod = 30

// Run is called by kong.
func (c reportCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	f, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if c.Chart && (c.Format != "table" || c.Out != "") {
		return errors.New("--chart is for a terminal: it takes no --format and no --out")
	}
	if c.Figure != "" && !c.Chart {
		return errors.New("--figure says what --chart draws")
	}
	var file *os.File
	if c.Out != "" {
		if file, err = os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return err
		}
		defer file.Close()
		out = file
	}
	err = withApp(ctx, cfg, func(a *app) error {
		if f.AsOf, err = c.asOf(ctx, a); err != nil {
			return err
		}
		if err := runtime.OfThisLog(ctx, a.pool, a.store, figures.Model); err != nil {
			return err
		}
		report, err := reports.Make(ctx, figures.Queries{DB: a.pool}, reports.Name(c.Name), f)
		if errors.Is(err, figures.ErrNotShown) {
			return fmt.Errorf("the figures do not show position %d yet; a server that runs brings them there", f.AsOf)
		}
		if err != nil {
			return err
		}
		return c.print(out, report)
	})
	if file != nil {
		if err == nil {
			return file.Close()
		}
		_ = os.Remove(c.Out) // what is in it is no report
	}
	return err
}

// filter is what is asked, without the position.
func (c reportCommand) filter(today time.Time) (figures.Filter, error) {
	f := figures.Filter{To: workdays.DayOf(today), Kind: c.Kind, By: figures.By(c.By)}
	if c.To != nil {
		f.To = *c.To
	}
	f.From = f.To - usualPeriod + 1
	if c.From != nil {
		f.From = *c.From
	}
	name := reports.Name(c.Name)
	by := name.By()
	switch days := f.To - f.From + 1; {
	case !reports.Covers(f.From), !reports.Covers(f.To):
		return f, fmt.Errorf("--from and --to are days of %d to %d", reports.FirstYear, reports.LastYear)
	case days < 1:
		return f, errors.New("--to is before --from")
	case days > figures.MaxDays:
		return f, fmt.Errorf("at most %d days, not %d", figures.MaxDays, days)
	case c.Kind != "" && !name.Kinded():
		return f, fmt.Errorf("%s is not of %s or %s: it takes no --kind", name, provider.Category, product.Category)
	case c.By != reports.All && len(by) == 0:
		return f, fmt.Errorf("%s takes no --by", name)
	case c.By != reports.All && !slices.Contains(by, c.By):
		return f, fmt.Errorf("--by: %s is by %s", name, strings.Join(by, ", "))
	}
	return f, nil
}

// asOf is the position that --as-of names; 0 for the newest.
func (c reportCommand) asOf(ctx context.Context, a *app) (domain.Position, error) {
	named, err := a.positionOf(ctx, c.AsOf)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--as-of: %w", err)
	case named == nil:
		return 0, nil
	case *named == 0:
		return 0, errors.New("--as-of: the log has no event up to this time")
	}
	return *named, a.isInLog(ctx, "--as-of", *named)
}

// print writes the report as it was asked for.
func (c reportCommand) print(out io.Writer, r *reports.Report) error {
	switch {
	case c.Chart:
		return drawReport(out, r, c.Figure)
	case c.Format == "table":
		return showReport(out, r)
	}
	to := plainOutput(out)
	if _, ok := to.(*terminal); ok && c.Format == string(tabular.Excel) {
		return errNotForTerminals
	}
	return r.Write(to, tabular.Format(c.Format))
}

// headOf says what a report is of, for persons.
func headOf(out io.Writer, r *reports.Report) {
	from, to := r.Before()
	of := string(r.Name)
	if r.Kind != "" {
		of += " of " + r.Kind + "s"
	}
	if r.By != "" && r.By != reports.All {
		of += " by " + r.By
	}
	fmt.Fprintf(out, "%s, %s to %s (before: %s to %s)\n", of, r.From, r.To, from, to)
	fmt.Fprintf(out, "as of position %d, calendar %s, %d rows, sha256 %s\n\n", r.Position, r.Calendar, len(r.Rows), r.SHA256)
}

// reportWidth is how wide a table of a report is at most, in cells. One of more figures has a block for each row.
const reportWidth = 120

// showReport prints a table.
func showReport(out io.Writer, r *reports.Report) error {
	headOf(out, r)
	heads := make([]any, len(r.Columns))
	for i, column := range r.Columns {
		heads[i] = headline(column.Name)
	}
	rows := newTable(out, heads...)
	for _, row := range r.Rows {
		shown := make([]any, len(row))
		for i, value := range row {
			shown[i] = orDash(value)
		}
		rows.add(shown...)
	}
	if rows.width() > reportWidth {
		return showBlocks(out, r)
	}
	return rows.flush()
}

// showBlocks prints of each row a table of its figures, beside those of the period before.
func showBlocks(out io.Writer, r *reports.Report) error {
	keys, figures := partsOf(r)
	for _, row := range r.Rows {
		var of []string
		for i, key := range row[:keys] {
			of = append(of, fmt.Sprintf("%s %v", headline(r.Columns[i].Name), orDash(key)))
		}
		block := newTable(out, strings.Join(of, ", "), "", "BEFORE")
		for i := keys; i < figures; i++ {
			block.add(r.Columns[i].Name, orDash(row[i]), orDash(row[i+figures-keys]))
		}
		if err := block.flush(); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

// partsOf is where the figures of a report's columns begin, after the keys, and where they end: as many of the period before follow.
func partsOf(r *reports.Report) (keys, figures int) {
	for keys < len(r.Columns) && (r.Columns[keys].Kind == tabular.Text || r.Columns[keys].Kind == tabular.Day) {
		keys++
	}
	return keys, keys + (len(r.Columns)-keys)/2
}

func headline(column string) string { return strings.ToUpper(strings.ReplaceAll(column, "_", " ")) }

func orDash(value any) any {
	if value == nil {
		return "-"
	}
	return value
}

// reportNames is "turnaround,funnel,…", all there are.
func reportNames() string {
	names := make([]string, len(reports.Names))
	for i, name := range reports.Names {
		names[i] = string(name)
	}
	return strings.Join(names, ",")
}
