package tabular

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"waybill/domain"
)

// excelWriter keeps the rows in a file of the system's temporary folder beyond 16 MiB, and writes the workbook when it is closed.
type excelWriter struct {
	out          buffer
	file         *excelize.File
	sheet        *excelize.StreamWriter
	columns      []Column
	rows         int
	line         []any
	scratch      []byte
	instant, day int // styles
	failed       error
}

const sheetName = "Waybill"

func newExcel(w io.Writer, columns []Column) (*excelWriter, error) {
	e := &excelWriter{out: newBuffer(w), file: excelize.NewFile(), columns: columns, line: make([]any, len(columns))}
	// The library would gather the whole workbook in memory.
	e.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(&e.out) })
	if err := e.begin(); err != nil {
		return nil, errors.Join(err, e.file.Close())
	}
	return e, nil
}

func (e *excelWriter) begin() error {
	if err := e.file.SetSheetName("Sheet1", sheetName); err != nil {
		return fmt.Errorf("excel: %w", err)
	}
	var err error
	if e.instant, err = e.style("yyyy-mm-dd hh:mm:ss.000"); err != nil {
		return err
	}
	if e.day, err = e.style("yyyy-mm-dd"); err != nil {
		return err
	}
	bold, err := e.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return fmt.Errorf("excel: %w", err)
	}
	if e.sheet, err = e.file.NewStreamWriter(sheetName); err != nil {
		return fmt.Errorf("excel: %w", err)
	}
	for i, column := range e.columns {
		if err := e.sheet.SetColWidth(i+1, i+1, width[column.Kind]); err != nil {
			return fmt.Errorf("excel: %w", err)
		}
		e.line[i] = excelize.Cell{StyleID: bold, Value: column.Name}
	}
	if err := e.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return fmt.Errorf("excel: %w", err)
	}
	if err := e.sheet.SetRow("A1", e.line); err != nil {
		return fmt.Errorf("excel: %w", err)
	}
	return nil
}

func (e *excelWriter) style(format string) (int, error) {
	style, err := e.file.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		return 0, fmt.Errorf("excel: %w", err)
	}
	return style, nil
}

// width of a column, in characters.
var width = [...]float64{Text: 24, Integer: 12, Number: 12, Instant: 24, Day: 12, JSON: 40, Bool: 8}

// Row implements Writer.
func (e *excelWriter) Row(cells ...any) error {
	if e.failed != nil {
		return e.failed
	}
	if e.failed = rowLength(cells, e.columns); e.failed != nil {
		return e.failed
	}
	if e.rows == MaxExcelRows {
		e.failed = ErrTooManyRows
		return e.failed
	}
	var c cell
	for i, column := range e.columns {
		if err := c.read(column.Kind, cells[i], &e.scratch); err != nil {
			e.failed = inColumn(column.Name, err)
			return e.failed
		}
		e.line[i] = e.value(&c, column.Kind)
	}
	e.rows++
	if err := e.sheet.SetRow("A"+strconv.Itoa(e.rows+1), e.line); err != nil {
		e.failed = fmt.Errorf("excel: %w", err)
	}
	return e.failed
}

// value is a cell as the library takes it.
func (e *excelWriter) value(c *cell, k Kind) any {
	switch {
	case c.absent:
		return nil
	case k == Bool:
		return c.flag
	case k == Instant:
		if serial, ok := serialOf(c.instant.In(domain.Beijing)); ok {
			return excelize.Cell{StyleID: e.instant, Value: serial}
		}
		return c.instant.In(domain.Beijing).Format(csvInstant)
	case k == Day:
		if day, err := time.ParseInLocation(time.DateOnly, string(c.text), domain.Beijing); err == nil {
			if serial, ok := serialOf(day); ok {
				return excelize.Cell{StyleID: e.day, Value: serial}
			}
		}
	case k == Integer, k == Number:
		// A number that a sheet would round is a text there.
		if n, err := strconv.ParseFloat(string(c.text), 64); err == nil && significant(c.text) <= 15 {
			return n
		}
	}
	return cut(surrogate.ReplaceAllString(string(c.text), "\uFFFD"))
}

// surrogate is what programs would read as half a character, and the library does not escape; all else of its kind it does. What XML
// cannot hold it writes as U+FFFD.
var surrogate = regexp.MustCompile(`_x[dD][89a-fA-F][0-9a-fA-F]{2}_`)

// significant counts the digits between the first and the last that are not zero; an exponent's count, too, which makes them text.
func significant(number []byte) int {
	digits := bytes.TrimLeft(number, "-0.")
	if bytes.IndexByte(number, '.') >= 0 {
		digits = bytes.TrimRight(digits, "0")
	}
	return len(bytes.ReplaceAll(digits, []byte{'.'}, nil))
}

// serialOf is the number by which a sheet knows the time that a clock shows, to a thousandth of a second: as finely as sheets show it, and
// coarser than their 15 digits, so that it is rounded once. False is for what sheets do not know.
func serialOf(t time.Time) (float64, bool) {
	t = t.Round(time.Millisecond)
	if t.Year() < 1901 || t.Year() > 9999 {
		return 0, false
	}
	_, offset := t.Zone()
	micros := t.UnixMicro() + int64(offset)*1e6 - epoch
	const day = 24 * 60 * 60 * 1e6
	return float64(micros/day) + float64(micros%day)/day, true
}

// epoch is where sheets begin to count, in microseconds.
var epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).UnixMicro()

// A cell holds so many units of UTF-16.
const maxCell = excelize.TotalCellChars

// CutMark ends a text that is longer than an Excel cell holds: the file says so, and the other formats have all of it.
const CutMark = "…[cut: longer than an Excel cell]"

func cut(text string) string {
	if len(text) <= maxCell {
		return text
	}
	units, fits, left := 0, 0, maxCell-utf8.RuneCountInString(CutMark)
	for i, r := range text {
		if units <= left {
			fits = i
		}
		if units += utf16.RuneLen(max(r, 0)); units > maxCell {
			return text[:fits] + CutMark
		}
	}
	return text
}

// Close implements Writer.
func (e *excelWriter) Close() error {
	if e.failed == nil {
		if e.failed = e.sheet.Flush(); e.failed == nil {
			e.failed = errors.Join(e.file.Write(io.Discard), e.out.passOn(true))
		}
	}
	if err := e.file.Close(); e.failed == nil && err != nil {
		e.failed = err
	}
	return e.failed
}
