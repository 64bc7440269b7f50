package main

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"waybill/domain"
)

// table prints rows in columns, Chinese text as wide as terminals show it. Whatever is in a cell stays in it.
type table struct {
	out  io.Writer
	rows *[][]string
}

// gap is how many spaces there are between columns.
const gap = 2

func newTable(out io.Writer, heads ...any) table {
	t := table{out, &[][]string{}}
	t.add(heads...)
	return t
}

func (t table) add(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = printable(fmt.Sprint(c))
	}
	*t.rows = append(*t.rows, texts)
}

// widths are those of the columns, in cells.
func (t table) widths() (widest []int) {
	for _, row := range *t.rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], cells(cell))
		}
	}
	return widest
}

// width is how many cells a row takes.
func (t table) width() int {
	n := -gap
	for _, w := range t.widths() {
		n += w + gap
	}
	return n
}

func (t table) flush() error {
	widest := t.widths()
	for _, row := range *t.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widest[i]-cells(cell)+gap))
			}
		}
		if _, err := fmt.Fprintln(t.out, line.String()); err != nil {
			return err
		}
	}
	return nil
}

// cells is how many cells of a terminal a text takes: two for each wide character.
func cells(text string) (n int) {
	for _, r := range text {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

// roleList is "reviewer,auditor", as --role takes it.
func roleList(roles []domain.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}
