package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"waybill/domain"
)

// table prints rows in columns. Whatever is in a cell stays in it.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, heads ...any) table {
	t := table{tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
	t.add(heads...)
	return t
}

func (t table) add(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = printable(fmt.Sprint(c))
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

func (t table) flush() error { return t.w.Flush() }

// roleList is "reviewer,auditor", as --role takes it.
func roleList(roles []domain.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}
