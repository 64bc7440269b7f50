// Package compare says what changed between two submitted revisions of one form, field by field, as a reviewer wants to see it.
package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"waybill/domain"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
)

// Change is one field of a form, in two revisions.
type Change struct {
	// Pointer is the field's, as the rule book has it. The coordinates of a destination are one field, at the first of them.
	Pointer string
	Label   domain.Text
	Kind    rules.FieldKind
	// Changed is false of a field that is here for its Reasons only.
	Changed bool
	// Before and After are what was filled in; empty of a field that has Items or Spot.
	Before, After string
	// Parts are the difference of two texts that are typed, none of equal ones.
	Parts []Part
	// Items are those of a list: all of them, in the order of the later revision, removed ones where they were.
	Items []Item
	// BeforeSpot and AfterSpot are coordinates as the map gave them; nil of any other field.
	BeforeSpot, AfterSpot *Spot
	// Reasons are the earlier ones that point at the field, at a part of it, or at what it is part of.
	Reasons []domain.Reason
}

// Spot is where a map was clicked.
type Spot struct {
	Latitude  float64
	Longitude float64
	CRS       string
}

// Point is the spot in WGS-84, the zero point if it is none.
func (s Spot) Point() place.Point {
	return product.Destination{Latitude: s.Latitude, Longitude: s.Longitude, CRS: s.CRS}.Point()
}

// Comparison is what changed since another revision.
type Comparison struct {
	// Changes are the fields that differ and those that an earlier reason points at, in the form's order.
	Changes []Change
	// Reasons are the earlier ones that point at no field of the form.
	Reasons []domain.Reason
}

// Revisions compares what was submitted of one kind (provider.Category or product.Category), as JSON, with reasons about the earlier
// one. It fails when either is no JSON of such a form.
func Revisions(kind string, before, after json.RawMessage, reasons []domain.Reason) (Comparison, error) {
	was, err := parse(before)
	if err != nil {
		return Comparison{}, err
	}
	is, err := parse(after)
	if err != nil {
		return Comparison{}, err
	}
	var c Comparison
	told := make([]bool, len(reasons))
	for _, f := range fieldsOf(kind, was, is) {
		change, err := f.compare(was, is)
		if err != nil {
			return Comparison{}, err
		}
		for i, r := range reasons {
			if f.concerns(r.Field) {
				change.Reasons, told[i] = append(change.Reasons, r), true
			}
		}
		if change.Changed || len(change.Reasons) > 0 {
			c.Changes = append(c.Changes, change)
		}
	}
	for i, r := range reasons {
		if !told[i] {
			c.Reasons = append(c.Reasons, r)
		}
	}
	return c, nil
}

// field is what is compared as one.
type field struct {
	*rules.Field
	label domain.Text
	// pointers are those that belong to it; the first is its own.
	pointers []string
}

// Coordinates are three fields of the form and one click on the map.
var (
	spotPointers = []string{"/destination/latitude", "/destination/longitude", "/destination/crs"}
	spotLabel    = domain.Text{ZH: "坐标", EN: "coordinates"}
)

// fieldsOf are the fields of the later revision's form, and then those that only the earlier one's has: an applicant may have chosen
// another type before the first approval.
func fieldsOf(kind string, was, is any) []field {
	forms := []*rules.Form{&rules.Product}
	if kind == provider.Category {
		forms = nil
		for _, content := range []any{is, was} {
			of, _ := text(content, "/type")
			form, _ := rules.Application(of)
			forms = append(forms, form)
		}
	}
	var fields []field
	for _, form := range forms {
		for i := range form.Fields {
			f := field{Field: &form.Fields[i], label: form.Fields[i].Label, pointers: []string{form.Fields[i].Pointer}}
			if slices.Contains(spotPointers, f.Pointer) {
				f.label, f.pointers = spotLabel, spotPointers
			}
			if !slices.ContainsFunc(fields, func(known field) bool { return known.pointers[0] == f.pointers[0] }) {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// concerns reports whether a pointer names the field, a part of it, or what it is part of.
func (f *field) concerns(pointer string) bool {
	return pointer != "" && slices.ContainsFunc(f.pointers, func(own string) bool {
		return own == pointer || strings.HasPrefix(own, pointer+"/") || strings.HasPrefix(pointer, own+"/")
	})
}

func (f *field) compare(was, is any) (Change, error) {
	c := Change{Pointer: f.pointers[0], Label: f.label, Kind: f.Kind}
	var err error
	switch f.Kind {
	case rules.Tags, rules.Images:
		var before, after []string
		if before, err = list(was, f.Pointer); err != nil {
			return c, err
		}
		if after, err = list(is, f.Pointer); err != nil {
			return c, err
		}
		c.Items, c.Changed = items(before, after), !slices.Equal(before, after)
	case rules.Coordinates:
		if c.BeforeSpot, err = spotOf(was); err != nil {
			return c, err
		}
		if c.AfterSpot, err = spotOf(is); err != nil {
			return c, err
		}
		c.Changed = *c.BeforeSpot != *c.AfterSpot
	default:
		if c.Before, err = text(was, f.Pointer); err != nil {
			return c, err
		}
		if c.After, err = text(is, f.Pointer); err != nil {
			return c, err
		}
		c.Changed = c.Before != c.After
		if c.Changed && f.typed() {
			c.Parts = parts(c.Before, c.After)
		}
	}
	return c, nil
}

// typed reports whether the field is a text whose difference says more than its two values.
func (f *field) typed() bool {
	switch f.Kind {
	case rules.Text, rules.Textarea, rules.Place, rules.PhoneNumber:
		return true
	default:
		return false
	}
}

// parse keeps numbers as they are written.
func parse(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var content map[string]any
	if err := d.Decode(&content); err != nil {
		return nil, fmt.Errorf("compare what was submitted: %w", err)
	}
	return content, nil
}

// at is the value at a pointer of the form; nil where there is none, as of a field that an older form had not.
func at(content any, pointer string) any {
	for _, name := range strings.Split(pointer, "/")[1:] {
		within, ok := content.(map[string]any)
		if !ok {
			return nil
		}
		content = within[name]
	}
	return content
}

func text(content any, pointer string) (string, error) {
	switch v := at(content, pointer).(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", fmt.Errorf("compare %s: a %T is no text", pointer, v)
	}
}

func list(content any, pointer string) ([]string, error) {
	switch v := at(content, pointer).(type) {
	case nil:
		return nil, nil
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("compare %s: a %T is no text", pointer, item)
			}
			texts[i] = s
		}
		return texts, nil
	default:
		return nil, fmt.Errorf("compare %s: a %T is no list", pointer, v)
	}
}

func spotOf(content any) (*Spot, error) {
	var s Spot
	for i, into := range []*float64{&s.Latitude, &s.Longitude} {
		switch v := at(content, spotPointers[i]).(type) {
		case nil:
		case json.Number:
			degrees, err := v.Float64()
			if err != nil {
				return nil, fmt.Errorf("compare %s: %w", spotPointers[i], err)
			}
			*into = degrees
		default:
			return nil, fmt.Errorf("compare %s: a %T is no number", spotPointers[i], v)
		}
	}
	var err error
	s.CRS, err = text(content, spotPointers[2])
	return &s, err
}
