package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Difference is one value that two JSON documents do not share.
type Difference struct {
	// Pointer is the value's (RFC 6901).
	Pointer string
	// Before and After are the two values; nil where there is none, which JSON's null is not.
	Before, After json.RawMessage
	// Items are those of two lists of texts, as Change has them.
	Items []Item
}

// Values lists what differs between two JSON objects, by the order of the pointers: each member as deep as both sides have an object there,
// and lists as one value. Every value of after is that of before with the differences made, and the other way round.
func Values(before, after json.RawMessage) ([]Difference, error) {
	was, err := parse(before)
	if err != nil {
		return nil, err
	}
	is, err := parse(after)
	if err != nil {
		return nil, err
	}
	all, err := differ(nil, "", was, is)
	slices.SortFunc(all, func(a, b Difference) int { return strings.Compare(a.Pointer, b.Pointer) })
	return all, err
}

// absent stands for a member that is not there.
type absent struct{}

func differ(all []Difference, pointer string, was, is any) ([]Difference, error) {
	before, object := was.(map[string]any)
	after, both := is.(map[string]any)
	if !object || !both {
		return leaf(all, pointer, was, is)
	}
	var err error
	for name, value := range before {
		next, ok := after[name]
		if !ok {
			next = absent{}
		}
		if all, err = differ(all, within(pointer, name), value, next); err != nil {
			return nil, err
		}
	}
	for name, value := range after {
		if _, ok := before[name]; ok {
			continue
		}
		if all, err = differ(all, within(pointer, name), absent{}, value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func within(pointer, name string) string { return pointer + "/" + escape.Replace(name) }

func leaf(all []Difference, pointer string, was, is any) ([]Difference, error) {
	d := Difference{Pointer: pointer}
	var err error
	if d.Before, err = written(was); err != nil {
		return nil, err
	}
	if d.After, err = written(is); err != nil {
		return nil, err
	}
	if bytes.Equal(d.Before, d.After) {
		return all, nil
	}
	before, texts := textsOf(was)
	after, both := textsOf(is)
	if texts && both && len(before)+len(after) > 0 {
		d.Items = items(before, after)
	}
	return append(all, d), nil
}

func written(value any) (json.RawMessage, error) {
	if value == (absent{}) {
		return nil, nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("compare values: %w", err)
	}
	return raw, nil
}

// textsOf is a list of texts; what is not there, and null, is an empty one.
func textsOf(value any) ([]string, bool) {
	switch v := value.(type) {
	case nil, absent:
		return nil, true
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
		return texts, true
	}
	return nil, false
}
