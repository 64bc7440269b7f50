package models_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/jackc/pgx/v5"

	"waybill/projections/reporting"
)

// TestColumnsOfTheViewsStayTheSame: they are a promise to whoever asks in SQL. What each version of them has is in a file of its name,
// which is made once; a line may be added to it, and none taken away or changed without the next version.
func TestColumnsOfTheViewsStayTheSame(t *testing.T) {
	t.Parallel()
	pool := viewed(t)
	rows, _ := pool.Query(t.Context(), `SELECT c.relname, coalesce(a.attname, ''), coalesce(format_type(a.atttypid, a.atttypmod), 'view'),
			coalesce(CASE WHEN a.attnum IS NULL THEN obj_description(c.oid, 'pg_class') ELSE col_description(c.oid, a.attnum) END, '')
		FROM pg_class c LEFT JOIN LATERAL (SELECT * FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
			UNION ALL SELECT (NULL::pg_attribute).*) a ON true
		WHERE c.relnamespace = 'reporting'::regnamespace AND c.relkind = 'v' ORDER BY c.relname, coalesce(a.attnum, 0)`)
	var (
		b                           strings.Builder
		view, column, kind, comment string
	)
	_, err := pgx.ForEachRow(rows, []any{&view, &column, &kind, &comment}, func() error {
		zh, en, both := strings.Cut(comment, " / ")
		if !both || !strings.ContainsFunc(zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || en == "" ||
			strings.ContainsFunc(en, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s.%s is not explained in both languages: %q", view, column, comment)
		}
		if column == "" {
			fmt.Fprintf(&b, "%s\t%s\t%s\n", view, kind, comment)
		} else {
			fmt.Fprintf(&b, "%s.%s\t%s\t%s\n", view, column, kind, comment)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := "../reporting/testdata/" + reporting.Model.Schema + ".views"
	want, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Errorf("the columns of %s are new: they are now in %s, to be committed", reporting.Model.Schema, file)
	case err != nil:
		t.Fatal(err)
	case string(want) != b.String():
		t.Errorf("the columns of the views have changed. A new one is added to %s; anything else is the next version:\n%s", file,
			difference(string(want), b.String()))
	}
}

// difference are the lines that only one of two texts has.
func difference(before, after string) string {
	var b strings.Builder
	for sign, texts := range map[string][2]string{"-": {before, after}, "+": {after, before}} {
		for line := range strings.Lines(texts[0]) {
			if !strings.Contains("\n"+texts[1], "\n"+line) {
				b.WriteString(sign + line)
			}
		}
	}
	return b.String()
}
