package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/http"
)

// checkShape compares valid JSON with the type it is meant for: unknown, repeated and missing fields, wrong types. It returns
// the same JSON with its integers as digits alone, as encoding/json wants them.
func checkShape[T any](raw []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	s := shape{tokens: decoder, raw: raw}
	null, err := s.value(reflect.TypeFor[T](), "")
	if err != nil {
		return nil, errNotJSON.Because(err)
	}
	if null {
		s.wrongType("", "JSON 对象", "a JSON object")
	}
	return append(s.plain, raw[s.copied:]...), s.mistakes.Err()
}

type shape struct {
	tokens   *json.Decoder
	mistakes domain.Fields
	raw      []byte
	// plain is raw up to copied.
	plain  []byte
	copied int
}

func (s *shape) add(at, code, zh, en string) {
	if len(s.mistakes) < http.MaxMistakes {
		s.mistakes.Add(at, code, zh, en)
	}
}

func (s *shape) wrongType(at, zh, en string) {
	s.add(at, "wrong_type", "须为"+zh, "must be "+en)
}

// required is what is said of a field that must be there, and of a null where a value must be.
func (s *shape) required(at string) {
	s.add(at, "required", "缺少该字段", "is required")
}

// value reads one value and compares it with t; a nil t takes anything. A null is left to the caller, who knows whether
// there must be a value. The only errors are those of the JSON itself.
func (s *shape) value(t reflect.Type, at string) (null bool, err error) {
	token, err := s.tokens.Token()
	if err != nil {
		return false, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return false, s.object(t, at)
		}
		return false, s.array(t, at)
	case nil:
		return true, nil
	}
	if t != nil {
		s.scalar(t, at, token)
	}
	return false, nil
}

func (s *shape) scalar(t reflect.Type, at string, token json.Token) {
	str, isString := token.(string)
	number, isNumber := token.(json.Number)
	_, isBool := token.(bool)
	switch kind := t.Kind(); {
	case t == reflect.TypeFor[uuid.UUID]():
		if _, err := uuid.Parse(str); err != nil || len(str) != 36 {
			s.add(at, "bad_uuid", "须为 UUID", "must be a UUID")
		}
	case kind == reflect.String && !isString:
		s.wrongType(at, "字符串", "a string")
	case kind == reflect.Bool && !isBool:
		s.wrongType(at, "true 或 false", "true or false")
	case kind == reflect.Int32:
		if digits, ok := whole(string(number)); !isNumber || !ok {
			s.wrongType(at, "整数", "an integer")
		} else if digits != string(number) {
			end := int(s.tokens.InputOffset())
			s.plain = append(append(s.plain, s.raw[s.copied:end-len(number)]...), digits...)
			s.copied = end
		}
	case kind == reflect.Float64:
		if _, err := strconv.ParseFloat(string(number), 64); !isNumber || err != nil {
			s.wrongType(at, "数字", "a number")
		}
	case kind == reflect.Slice:
		s.wrongType(at, "数组", "an array")
	case kind == reflect.Struct:
		s.wrongType(at, "JSON 对象", "a JSON object")
	}
}

// whole returns the digits of a JSON number that is an integer of 32 bits however it is written, such as 1.0 or 10e-1.
func whole(number string) (string, bool) {
	if _, err := strconv.ParseInt(number, 10, 32); err == nil {
		return number, true
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	shift, err := strconv.Atoi(exponent)
	if exponent != "" && err != nil {
		return "", false
	}
	integer, fraction, _ := strings.Cut(mantissa, ".")
	sign := ""
	if strings.HasPrefix(integer, "-") {
		sign, integer = "-", integer[1:]
	}
	digits := strings.TrimLeft(integer+fraction, "0")
	shift -= len(fraction)
	significant := strings.TrimRight(digits, "0")
	shift += len(digits) - len(significant)
	const longest = 10 // digits of an int32
	switch {
	case significant == "":
		return "0", true
	case shift < 0 || shift > longest:
		return "", false
	}
	digits = sign + significant + strings.Repeat("0", shift)
	_, err = strconv.ParseInt(digits, 10, 32)
	return digits, err == nil
}

func (s *shape) array(t reflect.Type, at string) error {
	var element reflect.Type
	switch {
	case t == nil:
	case t.Kind() == reflect.Slice:
		element = t.Elem()
	default:
		s.scalar(t, at, nil)
	}
	for i := 0; s.tokens.More(); i++ {
		there := at + "/" + strconv.Itoa(i)
		null, err := s.value(element, there)
		if err != nil {
			return err
		}
		if null && element != nil {
			s.required(there)
		}
	}
	_, err := s.tokens.Token()
	return err
}

func (s *shape) object(t reflect.Type, at string) error {
	var fields map[string]field
	switch {
	case t == nil:
	case t.Kind() == reflect.Struct:
		fields = fieldsOf(t)
	default:
		s.scalar(t, at, nil)
	}
	seen, given := map[string]bool{}, map[string]bool{}
	for s.tokens.More() {
		token, err := s.tokens.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("%v where a name should be", token)
		}
		there := at + "/" + pointerEscape.Replace(printable(name))
		f, known := fields[name]
		switch {
		case fields != nil && !known:
			s.add(there, "unknown_field", "未知的字段", "not a field of this object")
		case seen[name]:
			s.add(there, "repeated_field", "该字段重复", "is there more than once")
		}
		seen[name] = true
		null, err := s.value(f.of, there)
		if err != nil {
			return err
		}
		if null && f.required {
			s.required(there)
		}
		given[name] = given[name] || !null
	}
	if _, err := s.tokens.Token(); err != nil {
		return err
	}
	s.missing(fields, seen, given, at)
	return nil
}

// missing reports what is absent and the domain could not tell from zero: ids, whole numbers, and a number beside another one
// that is given. A form whose map was never clicked has neither number, which the domain says in its own words; so it does of
// texts.
func (s *shape) missing(fields map[string]field, seen, given map[string]bool, at string) {
	numbers := false
	for name, f := range fields {
		numbers = numbers || (f.number() && given[name])
	}
	for name, f := range fields {
		whole := f.of.Kind() == reflect.Int32
		if f.required && !seen[name] && (f.of == reflect.TypeFor[uuid.UUID]() || whole || (f.number() && numbers)) {
			s.required(at + "/" + name)
		}
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

type field struct {
	of       reflect.Type
	required bool
}

func (f field) number() bool {
	return f.of != nil && (f.of.Kind() == reflect.Float64 || f.of.Kind() == reflect.Int32)
}

var fieldCache sync.Map // reflect.Type → map[string]field

func fieldsOf(t reflect.Type) map[string]field {
	if cached, ok := fieldCache.Load(t); ok {
		if known, ok := cached.(map[string]field); ok {
			return known
		}
	}
	fields := map[string]field{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = field{of: f.Type, required: !strings.Contains(options, "omit")}
	}
	fieldCache.Store(t, fields)
	return fields
}
