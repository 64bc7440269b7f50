package compare_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"waybill/projections/compare"
)

func TestValues(t *testing.T) {
	before := `{"a":1,"b":{"c":"x","d":null,"e/f":true},"list":["p","q"],"gone":{"deep":1},"same":[1,{"x":2}],"number":1.50}`
	after := `{"a":2,"b":{"c":"x","e/f":false,"g":[]},"list":["q","p","r"],"same":[1,{"x":2}],"number":1.50,"new":"n"}`
	got, err := compare.Values(json.RawMessage(before), json.RawMessage(after))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, d := range got {
		said = append(said, d.Pointer+": "+string(d.Before)+" → "+string(d.After))
	}
	want := []string{
		`/a: 1 → 2`, `/b/d: null → `, `/b/e~1f: true → false`, `/b/g:  → []`, `/gone: {"deep":1} → `, `/list: ["p","q"] → ["q","p","r"]`, `/new:  → "n"`,
	}
	if !slices.Equal(said, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	var fates []string
	for _, item := range got[5].Items {
		fates = append(fates, item.Value+" "+string(item.Fate))
	}
	if !slices.Equal(fates, []string{"q moved", "p kept", "r added"}) && !slices.Equal(fates, []string{"q kept", "p moved", "r added"}) {
		t.Errorf("fates: %v", fates)
	}
	if _, err := compare.Values(json.RawMessage(`[]`), json.RawMessage(`{}`)); err == nil {
		t.Error("a list is no object")
	}
}

// TestValuesLeadFromOneToTheOther: the differences, made on either object, give the other, and there are none of equal ones.
func TestValuesLeadFromOneToTheOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := object(2).Draw(rt, "a"), object(2).Draw(rt, "b")
		for _, pair := range [][2]map[string]any{{a, b}, {b, a}, {a, a}} {
			before, after := marshal(rt, pair[0]), marshal(rt, pair[1])
			differences, err := compare.Values(before, after)
			if err != nil {
				rt.Fatal(err)
			}
			is := parsed(rt, before)
			for _, d := range differences {
				made(rt, is, d)
			}
			if want := parsed(rt, after); !reflect.DeepEqual(is, want) {
				rt.Fatalf("%s → %s by %+v gave %v", before, after, differences, is)
			}
			if string(before) == string(after) && len(differences) > 0 {
				rt.Fatalf("equal, and yet %+v", differences)
			}
		}
	})
}

func object(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(rt *rapid.T) map[string]any {
		o := map[string]any{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b/c", "d~", "e", ""}), 0, 5, rapid.ID[string]).Draw(rt, "names") {
			values := []*rapid.Generator[any]{
				rapid.Just[any](nil), rapid.Just[any](true), rapid.Int8().AsAny(), rapid.SampledFrom([]string{"", "x", "中"}).AsAny(),
				rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 3).AsAny(),
			}
			if depth > 0 {
				values = append(values, object(depth-1).AsAny())
			}
			o[name] = rapid.OneOf(values...).Draw(rt, "value")
		}
		return o
	})
}

func marshal(rt *rapid.T, v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		rt.Fatal(err)
	}
	return raw
}

func parsed(rt *rapid.T, raw json.RawMessage) map[string]any {
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		rt.Fatal(err)
	}
	return v
}

// made makes a difference on an object.
func made(rt *rapid.T, object map[string]any, d compare.Difference) {
	names := strings.Split(d.Pointer, "/")[1:]
	for i, name := range names {
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	for _, name := range names[:len(names)-1] {
		within, ok := object[name].(map[string]any)
		if !ok {
			rt.Fatalf("%s leads nowhere", d.Pointer)
		}
		object = within
	}
	last := names[len(names)-1]
	was, there := object[last]
	if there != (d.Before != nil) || there && string(marshal(rt, was)) != string(d.Before) {
		rt.Fatalf("%s was %v, not %s", d.Pointer, was, d.Before)
	}
	if d.After == nil {
		delete(object, last)
		return
	}
	var value any
	if err := json.Unmarshal(d.After, &value); err != nil {
		rt.Fatal(err)
	}
	object[last] = value
}
