// Package tabular writes tables in the formats that people and programs open: JSON Lines, CSV and Excel. A row is written as it comes
// and none is kept.
package tabular

import (
	"errors"
	"fmt"
	"io"
)

// Format is how a table is written.
type Format string

// The formats.
const (
	// JSONLines has one object a row, its fields in the order of the columns, and no header.
	JSONLines Format = "jsonl"
	// CSV is RFC 4180 in UTF-8 with a byte order mark and a header. What a spreadsheet would take for a formula is text: see Guard.
	CSV Format = "csv"
	// Excel is a workbook of one sheet with a header: numbers are numbers, times are dates of Asia/Shanghai, texts are never formulas.
	Excel Format = "xlsx"
)

// Formats are all formats.
var Formats = []Format{JSONLines, CSV, Excel}

// ContentType is the media type of the format; empty for what is none.
func (f Format) ContentType() string {
	switch f {
	case JSONLines:
		return "application/jsonl"
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case Excel:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return ""
}

// Extension is how names of files of the format end, with the dot.
func (f Format) Extension() string { return "." + string(f) }

// Kind is what the cells of a column are.
type Kind uint8

// The kinds, each with the Go types that a cell may have; a pointer to one will do, too. nil is a cell without a value: null in JSON
// Lines, empty elsewhere.
const (
	Text    Kind = iota // string and types of it, []byte (UTF-8), uuid.UUID, fmt.Stringer
	Integer             // any integer
	Number              // float64, float32, integers, json.Number
	Instant             // time.Time
	Day                 // time.Time, whose day in Asia/Shanghai is written, and string (2026-11-26)
	JSON                // json.RawMessage, []byte and string: a valid value, written as it is
	Bool                // bool
)

// Column is a column of a table. Names of a table are distinct.
type Column struct {
	Name string
	Kind Kind
}

// Writer writes a table. Whatever it has written is no whole table before Close returned nil; after an error nothing more may be
// written, and Close only frees what is held.
type Writer interface {
	// Row writes a row with a cell for each column, and keeps none of them.
	Row(cells ...any) error
	Close() error
}

// MaxExcelRows is how many rows an Excel sheet has below its header.
const MaxExcelRows = 1<<20 - 1

// ErrTooManyRows is that a table does not fit an Excel sheet.
var ErrTooManyRows = fmt.Errorf("an Excel sheet holds %d rows and a header", MaxExcelRows)

// errFormat is for a format that is none.
var errFormat = errors.New("no such format of tables")

// NewWriter begins a table. It writes in pieces of its own size: w needs no buffer, and gets an error only by Close's or Row's return.
func NewWriter(w io.Writer, f Format, columns []Column) (Writer, error) {
	switch f {
	case JSONLines:
		return newJSONLines(w, columns), nil
	case CSV:
		return newCSV(w, columns)
	case Excel:
		return newExcel(w, columns)
	}
	return nil, fmt.Errorf("%w: %q", errFormat, f)
}

// chunk is how much is gathered before it is written.
const chunk = 64 << 10

// buffer gathers what is written to w.
type buffer struct {
	w      io.Writer
	b      []byte
	failed error
}

func newBuffer(w io.Writer) buffer { return buffer{w: w, b: make([]byte, 0, chunk+chunk/4)} }

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), b.passOn(false)
}

// passOn writes what there is, when it is a chunk or all is asked for.
func (b *buffer) passOn(all bool) error {
	if b.failed != nil || len(b.b) == 0 || !all && len(b.b) < chunk {
		return b.failed
	}
	_, b.failed = b.w.Write(b.b)
	b.b = b.b[:0]
	return b.failed
}

// fail remembers the first error.
func (b *buffer) fail(err error) error {
	if b.failed == nil {
		b.failed = err
	}
	return b.failed
}
