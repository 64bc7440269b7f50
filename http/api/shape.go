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

// checkShape compares valid JSON with the type it is meant for: unknown, repeated and missing fields, wrong types.
func checkShape[T any](raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	s := shape{tokens: decoder}
	if err := s.value(reflect.TypeFor[T](), ""); err != nil {
		return errNotJSON.Because(err)
	}
	return s.mistakes.Err()
}

type shape struct {
	tokens   *json.Decoder
	mistakes domain.Fields
}

func (s *shape) add(at, code, zh, en string) {
	if len(s.mistakes) < http.MaxMistakes {
		s.mistakes.Add(at, code, zh, en)
	}
}

func (s *shape) wrongType(at, zh, en string) {
	s.add(at, "wrong_type", "须为"+zh, "must be "+en)
}

// value reads one value and compares it with t; a nil t takes anything. The only errors are those of the JSON itself.
func (s *shape) value(t reflect.Type, at string) error {
	token, err := s.tokens.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return s.object(t, at)
		}
		return s.array(t, at)
	case nil:
		// null is as good as absent, except for the whole.
		if at == "" {
			s.wrongType(at, "JSON 对象", "a JSON object")
		}
		return nil
	}
	if t != nil {
		s.scalar(t, at, token)
	}
	return nil
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
		if _, err := strconv.ParseInt(string(number), 10, 32); !isNumber || err != nil {
			s.wrongType(at, "整数", "an integer")
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
		if err := s.value(element, at+"/"+strconv.Itoa(i)); err != nil {
			return err
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
	seen := map[string]bool{}
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
		if err := s.value(f.of, there); err != nil {
			return err
		}
	}
	if _, err := s.tokens.Token(); err != nil {
		return err
	}
	s.missing(fields, seen, at)
	return nil
}

// missing reports what the domain could not tell from zero: ids, whole numbers, and a number beside another one that is given. A form
// whose map was never clicked has neither number, which the domain says in its own words; so it does of texts.
func (s *shape) missing(fields map[string]field, seen map[string]bool, at string) {
	numbers := false
	for name, f := range fields {
		numbers = numbers || (f.number() && seen[name])
	}
	for name, f := range fields {
		whole := f.of.Kind() == reflect.Int32
		if f.required && !seen[name] && (f.of == reflect.TypeFor[uuid.UUID]() || whole || (f.number() && numbers)) {
			s.add(at+"/"+name, "required", "缺少该字段", "is required")
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
