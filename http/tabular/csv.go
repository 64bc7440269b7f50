package tabular

import (
	"bytes"
	"io"
	"unicode/utf8"

	"waybill/domain"
)

type csvWriter struct {
	buffer
	columns []Column
	scratch []byte
}

func newCSV(w io.Writer, columns []Column) (*csvWriter, error) {
	c := &csvWriter{buffer: newBuffer(w), columns: columns}
	c.b = append(c.b, "\uFEFF"...)
	for i, column := range columns {
		if i > 0 {
			c.b = append(c.b, ',')
		}
		c.b = appendCSV(c.b, []byte(Guard(column.Name)))
	}
	c.b = append(c.b, '\r', '\n')
	return c, nil
}

// csvInstant is how times are written in CSV: RFC 3339 in Asia/Shanghai, with microseconds.
const csvInstant = "2006-01-02T15:04:05.000000Z07:00"

// Row implements Writer.
func (w *csvWriter) Row(cells ...any) error {
	if w.failed != nil {
		return w.failed
	}
	if err := rowLength(cells, w.columns); err != nil {
		return w.fail(err)
	}
	b := w.b
	var c cell
	for i, column := range w.columns {
		if err := c.read(column.Kind, cells[i], &w.scratch); err != nil {
			return w.fail(inColumn(column.Name, err))
		}
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case c.absent && len(w.columns) > 1:
		case column.Kind == Instant && !c.absent:
			b = c.instant.In(domain.Beijing).AppendFormat(b, csvInstant)
		case column.Kind == Bool && !c.absent:
			b = appendBool(b, c.flag)
		case column.Kind == Integer, column.Kind == Number:
			b = append(b, c.text...)
		default:
			if guarded(c.text) {
				w.scratch = append(w.scratch, 0)
				copy(w.scratch[1:], w.scratch)
				w.scratch[0] = '\''
				c.text = w.scratch
			}
			b = appendCSV(b, c.text)
		}
	}
	w.b = append(b, '\r', '\n')
	return w.passOn(false)
}

// Close implements Writer.
func (w *csvWriter) Close() error { return w.passOn(true) }

// appendCSV adds a field, quoted where it must be; an empty one, too, since a line of one empty field would be none. What is not UTF-8
// becomes U+FFFD.
func appendCSV(b, field []byte) []byte {
	if !utf8.Valid(field) {
		field = bytes.ToValidUTF8(field, []byte("\uFFFD"))
	}
	if len(field) > 0 && bytes.IndexByte(field, '"') < 0 && bytes.IndexByte(field, ',') < 0 && bytes.IndexByte(field, '\n') < 0 &&
		bytes.IndexByte(field, '\r') < 0 && field[0] != ' ' && field[0] != '\t' {
		return append(b, field...)
	}
	b = append(b, '"')
	for {
		i := bytes.IndexByte(field, '"')
		if i < 0 {
			return append(append(b, field...), '"')
		}
		b = append(append(b, field[:i]...), '"', '"')
		field = field[i+1:]
	}
}

// Guard makes text of what a spreadsheet would take for a formula: an apostrophe goes before a text that begins with = + - @, a tab or
// a carriage return, or with the wide forms of the four. One that begins with apostrophes and then one of these gets one more, so that
// taking away one apostrophe is always what was there.
func Guard(text string) string {
	if guarded([]byte(text)) {
		return "'" + text
	}
	return text
}

func guarded(text []byte) bool {
	for len(text) > 0 && text[0] == '\'' {
		text = text[1:]
	}
	switch r, _ := utf8.DecodeRune(text); r {
	case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return true
	}
	return false
}
