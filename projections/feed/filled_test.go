package feed_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/events"
)

// filled is an event of a type with something in every field: each text says where it stands, each id is one that the test knows.
func filled(t *testing.T, name string, id func(path string) uuid.UUID) domain.Event {
	t.Helper()
	fact, err := events.Types.Decode(name, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.New(reflect.TypeOf(fact)).Elem()
	fill(v, "", id)
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	fact, err = events.Types.Decode(name, raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return fact
}

func fill(v reflect.Value, path string, id func(string) uuid.UUID) {
	switch v.Interface().(type) {
	case uuid.UUID:
		v.Set(reflect.ValueOf(id(path)))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 5, 16, 0, 0, 0, time.UTC)))
		return
	}
	if v.Type().Name() == "Day" {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" {
				continue
			}
			below := path + "/" + name
			if f.Anonymous && name == "" {
				below = path
			}
			fill(v.Field(i), below, id)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, id)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path, id)
	case reflect.String:
		v.SetString("text of " + path)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(7)
	}
}

// leaves are the names of all that a JSON value holds.
func leaves(value any, path string) []string {
	switch v := value.(type) {
	case map[string]any:
		var all []string
		for name, below := range v {
			all = append(all, leaves(below, strings.TrimPrefix(path+"."+name, "."))...)
		}
		return all
	case []any:
		var all []string
		for _, below := range v {
			all = append(all, leaves(below, path)...)
		}
		return all
	}
	return []string{fmt.Sprint(path)}
}
