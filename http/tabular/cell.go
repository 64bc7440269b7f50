package tabular

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// cell is a cell as its format writes it: an absent one, a text, or a value of the column's kind.
type cell struct {
	absent  bool
	text    []byte // of Text, JSON, Number, Integer and Day, as it is written plainly
	instant time.Time
	flag    bool
}

// read brings a value into the form of its column's kind. scratch is where a text is made that is not there yet; it is used until the
// next call.
func (c *cell) read(k Kind, value any, scratch *[]byte) error {
	*c = cell{}
	made := (*scratch)[:0]
	var ok bool
	switch k {
	case Text:
		made, ok = appendText(made, value)
	case JSON:
		made, ok = appendRaw(made, value)
	case Integer, Number:
		made, ok = appendNumber(made, value, k == Number)
	case Day:
		if c.instant, ok = instantOf(value); ok {
			made = c.instant.In(domain.Beijing).AppendFormat(made, time.DateOnly)
		} else {
			made, ok = appendText(made, value)
		}
	case Instant:
		c.instant, ok = instantOf(value)
	case Bool:
		c.flag, ok = boolOf(value)
	}
	*scratch, c.text = made, made
	if !ok {
		if inner, absent := pointed(value); absent {
			c.absent = true
		} else if inner != nil {
			return c.read(k, inner, scratch)
		} else {
			return fmt.Errorf("a cell of type %T where the column does not take it", value)
		}
	}
	return nil
}

// pointed is what a pointer of a type that has no case of its own points to, or that the value is absent.
func pointed(value any) (inner any, absent bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case *[]byte: // what many rows have none of
		if v == nil || *v == nil {
			return nil, true
		}
	}
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Pointer {
		return nil, v.Kind() == reflect.Slice && v.IsNil()
	}
	if v.IsNil() {
		return nil, true
	}
	return v.Elem().Interface(), false
}

// appendText adds a text; ok is false for what is none, and for nil.
func appendText(to []byte, value any) (text []byte, ok bool) {
	switch v := value.(type) {
	case string:
		return append(to, v...), true
	case *string:
		if v != nil {
			return append(to, *v...), true
		}
	case []byte:
		return append(to, v...), v != nil
	case *[]byte:
		if v != nil {
			return append(to, *v...), *v != nil
		}
	case uuid.UUID:
		return appendUUID(to, &v), true
	case *uuid.UUID:
		if v != nil {
			return appendUUID(to, v), true
		}
	default:
		r := reflect.ValueOf(value)
		if r.Kind() == reflect.Pointer {
			return to, false
		}
		if s, is := value.(fmt.Stringer); is {
			return append(to, s.String()...), true
		}
		if r.Kind() == reflect.String {
			return append(to, r.String()...), true
		}
	}
	return to, false
}

func appendUUID(to []byte, id *uuid.UUID) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = append(to, digits[b>>4], digits[b&15])
	}
	return to
}

// appendRaw adds a JSON value, on one line.
func appendRaw(to []byte, value any) (raw []byte, ok bool) {
	switch v := value.(type) {
	case json.RawMessage:
		return append(to, v...), v != nil
	case *json.RawMessage:
		if v != nil {
			return append(to, *v...), *v != nil
		}
	case []byte:
		return append(to, v...), v != nil
	case *[]byte:
		if v != nil {
			return append(to, *v...), *v != nil
		}
	case string:
		return append(to, v...), true
	case *string:
		if v != nil {
			return append(to, *v...), true
		}
	}
	return to, false
}

func appendNumber(to []byte, value any, fractions bool) (number []byte, ok bool) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(to, v, 10), true
	case *int64:
		if v != nil {
			return strconv.AppendInt(to, *v, 10), true
		}
		return to, false
	case json.Number:
		return append(to, v...), fractions && v != ""
	case nil:
		return to, false
	}
	switch r := reflect.ValueOf(value); r.Kind() { //nolint:exhaustive // the others are no numbers
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(to, r.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(to, r.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		if f := r.Float(); fractions && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(to, f, 'f', -1, r.Type().Bits()), true
		}
	}
	return to, false
}

func instantOf(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case *time.Time:
		if v != nil {
			return *v, true
		}
	}
	return time.Time{}, false
}

func boolOf(value any) (flag, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case *bool:
		if v != nil {
			return *v, true
		}
	}
	return false, false
}

// rowLength refuses a row that is not one of the table.
func rowLength(cells []any, columns []Column) error {
	if len(cells) != len(columns) {
		return fmt.Errorf("a row of %d cells for %d columns", len(cells), len(columns))
	}
	return nil
}

func inColumn(name string, err error) error { return fmt.Errorf("column %s: %w", name, err) }
