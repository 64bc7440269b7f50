package tabular

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"

	"waybill/projections"
)

type jsonLines struct {
	buffer
	columns []Column
	keys    [][]byte // of each column what comes before its value
	scratch []byte
}

func newJSONLines(w io.Writer, columns []Column) *jsonLines {
	j := &jsonLines{buffer: newBuffer(w), columns: columns}
	for i, c := range columns {
		key := []byte{','}
		if i == 0 {
			key[0] = '{'
		}
		j.keys = append(j.keys, append(appendQuoted(key, []byte(c.Name)), ':'))
	}
	return j
}

// Row implements Writer.
func (j *jsonLines) Row(cells ...any) error {
	if j.failed != nil {
		return j.failed
	}
	if err := rowLength(cells, j.columns); err != nil {
		return j.fail(err)
	}
	b := j.b
	var c cell
	for i, column := range j.columns {
		if err := c.read(column.Kind, cells[i], &j.scratch); err != nil {
			return j.fail(inColumn(column.Name, err))
		}
		b = append(b, j.keys[i]...)
		switch {
		case c.absent:
			b = append(b, "null"...)
		case column.Kind == Text, column.Kind == Day:
			b = appendQuoted(b, c.text)
		case column.Kind == Instant:
			b = append(b, '"')
			b = c.instant.UTC().AppendFormat(b, projections.TimeLayout)
			b = append(b, '"')
		case column.Kind == Bool:
			b = appendBool(b, c.flag)
		case column.Kind == JSON && bytes.ContainsAny(c.text, "\r\n"):
			line := bytes.NewBuffer(b)
			if err := json.Compact(line, c.text); err != nil {
				return j.fail(inColumn(column.Name, err))
			}
			b = line.Bytes()
		default:
			b = append(b, c.text...)
		}
	}
	j.b = append(b, '}', '\n')
	return j.passOn(false)
}

// Close implements Writer.
func (j *jsonLines) Close() error { return j.passOn(true) }

func appendBool(b []byte, flag bool) []byte {
	if flag {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// appendQuoted adds a text as a JSON string. What is not UTF-8 becomes U+FFFD; the separators of lines that some programs see are
// escaped, as encoding/json does.
func appendQuoted(b, s []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size, escaped := 1, ""
		switch {
		case c == '"':
			escaped = `\"`
		case c == '\\':
			escaped = `\\`
		case c == '\n':
			escaped = `\n`
		case c == '\r':
			escaped = `\r`
		case c == '\t':
			escaped = `\t`
		case c < ' ':
			b = append(append(b, s[start:i]...), '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			i++
			start = i
			continue
		default:
			var r rune
			r, size = utf8.DecodeRune(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escaped = "\uFFFD"
			case r == '\u2028':
				escaped = `\u2028`
			case r == '\u2029':
				escaped = `\u2029`
			default:
				i += size
				continue
			}
		}
		b = append(append(b, s[start:i]...), escaped...)
		i += size
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
