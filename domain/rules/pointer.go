package rules

import (
	"reflect"
	"strconv"
	"strings"
)

// pointsInto reports whether an RFC 6901 pointer names a field of content as its JSON has it, or an element that an array of it has.
func pointsInto(content any, pointer string) bool {
	at := reflect.ValueOf(content)
	for _, token := range strings.Split(pointer, "/")[1:] {
		switch at.Kind() {
		case reflect.Struct:
			at = fieldNamed(at, token)
		case reflect.Slice:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= at.Len() || strconv.Itoa(i) != token {
				return false
			}
			at = at.Index(i)
		default:
			return false
		}
		if !at.IsValid() {
			return false
		}
	}
	return true
}

// fieldNamed is the field of a struct with a JSON name; the names have none of the characters that a pointer escapes.
func fieldNamed(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}
