package history

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"waybill/domain"
)

// Change is one element of an entry's changes. Before and After are JSON values, null where there is none, and absent
// where they were blanked.
type Change struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// changes builds the JSON of a row's changes.
type changes struct {
	buf []byte
	// content is set when a content field is among them; revision is the content revision the event names.
	content  bool
	revision domain.ContentRevision
	err      error
	// typed are the texts among them that somebody typed.
	typed []string
}

func (c *changes) add(field string, before, after []byte) {
	if len(before) == 0 {
		before = null
	}
	if len(after) == 0 {
		after = null
	}
	if c.buf == nil {
		c.buf = append(make([]byte, 0, 256), '[')
	} else {
		c.buf = append(c.buf, ',')
	}
	c.buf = append(c.buf, `{"field":"`...)
	c.buf = append(c.buf, field...)
	c.buf = append(c.buf, `","before":`...)
	c.buf = append(c.buf, before...)
	c.buf = append(c.buf, `,"after":`...)
	c.buf = append(c.buf, after...)
	c.buf = append(c.buf, '}')
	if typed(field) && c.err == nil {
		c.typed, c.err = typedText(c.typed, after)
	}
}

var null = []byte("null")

func (c *changes) text(field, before, after string) {
	if before != after {
		c.add(field, quoted(before), quoted(after))
	}
}

// quoted is for values that need no escaping, such as states; none is null.
func quoted(s string) []byte {
	if s == "" {
		return nil
	}
	return strconv.AppendQuote(nil, s)
}

func (c *changes) flag(field string, before, after bool) {
	if before != after {
		c.add(field, strconv.AppendBool(nil, before), strconv.AppendBool(nil, after))
	}
}

func (c *changes) number(field string, before, after int) {
	if before != after {
		c.add(field, strconv.AppendInt(nil, int64(before), 10), strconv.AppendInt(nil, int64(after), 10))
	}
}

func (c *changes) value(field string, before, after any) {
	var old []byte
	var err error
	if before != nil {
		old, err = json.Marshal(before)
	}
	now, err2 := json.Marshal(after)
	if err != nil || err2 != nil {
		c.err = fmt.Errorf("%s: %w, %w", field, err, err2)
		return
	}
	c.add(field, old, now)
}

func (c *changes) json() string {
	if c.buf == nil {
		return "[]"
	}
	return string(append(c.buf, ']'))
}

// values are the content of a stream, flattened: JSON pointer → JSON value. stored is as the table has it.
type values struct {
	fields []field
	stored []byte
}

type field struct {
	name  string
	value []byte
}

// replace makes content the subject's, and notes the fields in which it differs from what was there.
func (s *subject) replace(prefix string, content any, c *changes) {
	fields, err := flatten(nil, prefix, reflect.ValueOf(content))
	if err != nil {
		c.err = err
		return
	}
	before, err := s.content.lookUp()
	if err != nil {
		c.err = err
		return
	}
	for _, f := range fields {
		if old := before(f.name); string(old) != string(f.value) && (!empty(old) || !empty(f.value)) {
			c.add(f.name, old, f.value)
		}
	}
	c.content = true
	s.content, s.contentChanged = values{fields: fields}, true
}

// empty is what an optional field holds when nothing was typed.
func empty(value []byte) bool {
	switch string(value) {
	case "", `""`, "null", "[]":
		return true
	}
	return false
}

func (v values) lookUp() (func(name string) []byte, error) {
	if v.fields == nil && v.stored != nil {
		var stored map[string]json.RawMessage
		if err := json.Unmarshal(v.stored, &stored); err != nil {
			return nil, fmt.Errorf("stored values: %w", err)
		}
		return func(name string) []byte { return stored[name] }, nil
	}
	return func(name string) []byte {
		for _, f := range v.fields {
			if f.name == name {
				return f.value
			}
		}
		return nil
	}, nil
}

func (v values) json() string {
	b := []byte{'{'}
	for i, f := range v.fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(append(b, '"'), f.name...), `":`...), f.value...)
	}
	return string(append(b, '}'))
}

// flatten lists the leaves of a struct under their JSON names; an array is a leaf.
func flatten(fields []field, prefix string, v reflect.Value) ([]field, error) {
	if v.Kind() != reflect.Struct {
		value, err := json.Marshal(v.Interface())
		return append(fields, field{prefix, value}), err
	}
	var err error
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if fields, err = flatten(fields, prefix+"/"+name, v.Field(i)); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// blank takes the content values and what decisions say of them out of a row's changes, and the notes out of its reasons (Q16): what
// stays is which fields, and the reason codes.
func blank(list, reasons string) (string, string, error) {
	var cs []Change
	if err := json.Unmarshal([]byte(list), &cs); err != nil {
		return "", "", fmt.Errorf("changes: %w", err)
	}
	for i := range cs {
		if f := cs[i].Field; strings.HasPrefix(f, "/content/") || f == noteField || f == seenField {
			cs[i].Before, cs[i].After = nil, nil
		}
	}
	blanked, err := json.Marshal(cs)
	if err != nil || reasons == "" {
		return string(blanked), "", err
	}
	var rs []domain.Reason
	if err := json.Unmarshal([]byte(reasons), &rs); err != nil {
		return "", "", fmt.Errorf("reasons: %w", err)
	}
	for i := range rs {
		rs[i].Note = ""
	}
	left, err := json.Marshal(rs)
	return string(blanked), string(left), err
}
