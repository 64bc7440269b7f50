package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// shownJSON is the JSON of a value of the domain, with its times as this API writes them. What a text says is left alone, also where that
// is a time: which values are, their Go types say.
func shownJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%T: %w", v, err)
	}
	paths := instantsIn(nil, nil, reflect.TypeOf(v))
	if len(paths) == 0 {
		return raw, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("%T: %w", v, err)
	}
	for _, path := range paths {
		tree = rewritten(tree, path)
	}
	if raw, err = json.Marshal(tree); err != nil {
		return nil, fmt.Errorf("%T: %w", v, err)
	}
	return raw, nil
}

// everyItem stands in a path for each item of a list.
const everyItem = "*"

// instantsIn lists the paths of the times in the JSON of a type.
func instantsIn(found [][]string, path []string, t reflect.Type) [][]string {
	if t == reflect.TypeFor[time.Time]() {
		return append(found, path)
	}
	below := func(name string) []string { return append(path[:len(path):len(path)], name) }
	switch t.Kind() {
	case reflect.Pointer:
		return instantsIn(found, path, t.Elem())
	case reflect.Slice:
		return instantsIn(found, below(everyItem), t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous && name == "":
				found = instantsIn(found, path, f.Type)
			case f.IsExported() && name != "-":
				found = instantsIn(found, below(name), f.Type)
			}
		}
	}
	return found
}

// rewritten is a tree with the times at a path as Instant writes them.
func rewritten(tree any, path []string) any {
	switch node := tree.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, node); err == nil && len(path) == 0 {
			text, _ := at(t).MarshalText()
			return string(text)
		}
	case []any:
		if len(path) > 0 && path[0] == everyItem {
			for i := range node {
				node[i] = rewritten(node[i], path[1:])
			}
		}
	case map[string]any:
		if len(path) > 0 {
			if value, ok := node[path[0]]; ok {
				node[path[0]] = rewritten(value, path[1:])
			}
		}
	}
	return tree
}
