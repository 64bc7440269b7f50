package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// nullable is one field of an example: where it is, whether it must be there, and the example with null in its place.
type nullable struct {
	pointer  string
	required bool
	body     any
}

// nulls are the fields of an example that the schema knows, at every depth, each once as null.
func nulls(schema *openapi3.Schema, example any, at string) []nullable {
	var all []nullable
	switch example := example.(type) {
	case m:
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			all = append(all, nullable{at + "/" + name, slices.Contains(schema.Required, name), with(example, name, nil)})
			for _, inner := range nulls(schema.Properties[name].Value, example[name], at+"/"+name) {
				inner.body = with(example, name, inner.body)
				all = append(all, inner)
			}
		}
	case []any:
		for i := range example {
			replaced := func(value any) []any {
				list := slices.Clone(example)
				list[i] = value
				return list
			}
			there := fmt.Sprintf("%s/%d", at, i)
			all = append(all, nullable{there, true, replaced(nil)})
			for _, inner := range nulls(schema.Items.Value, example[i], there) {
				inner.body = replaced(inner.body)
				all = append(all, inner)
			}
		}
	}
	return all
}

// TestNullIsAbsent, which of a field that must be there is a mistake, whatever the zero of its type means.
func TestNullIsAbsent(t *testing.T) {
	h := startHostile(t)
	tried := 0
	for _, r := range h.routes() {
		if !r.takesJSON() {
			continue
		}
		schema := r.op.RequestBody.Value.Content.Get("application/json").Schema.Value
		for _, c := range nulls(schema, r.example(), "") {
			tried++
			got := h.do(h.caller(r), r.method, h.target(r), c.body)
			h.harmless(got, c.pointer+" = null")
			var said string
			if got.status == 422 {
				said = got.mistakes()[c.pointer]
			}
			switch {
			case c.required && (got.status != 422 || said != "required"):
				t.Errorf("%s without a value at %s: %d, want it named as required\n%s", r, c.pointer, got.status, got.body)
			case !c.required && said != "":
				t.Errorf("%s without a value at %s: %s, but it is optional\n%s", r, c.pointer, said, got.body)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d fields were tried", tried)
	}
}

// zeros are what a parameter holds that was sent and means nothing in particular, by its type and format.
func zeros(schema *openapi3.Schema) []string {
	all := []string{"", " ", "\u3000", "\u200b"}
	switch {
	case schema.Type.Is("integer"):
		all = append(all, "0")
	case schema.Format == "uuid":
		all = append(all, uuid.Nil.String())
	case schema.Format == "date-time":
		all = append(all, "0001-01-01T00:00:00Z")
	}
	return all
}

// TestAZeroIsAValue: what a query parameter is given as filters, or is refused by name; it is not as if it were not there.
func TestAZeroIsAValue(t *testing.T) {
	h := startHostile(t)
	pending := h.do(h.callers["provider"], "POST", "/api/v1/provider/products", content()).is(201)
	h.do(h.callers["reviewer"], "GET", "/api/v1/review/queue", nil, "Waybill-Position", pending.position()).is(200)
	tried := 0
	for _, r := range h.routes() {
		for _, p := range r.op.Parameters {
			if p.Value.In != "query" || r.method != "GET" {
				continue
			}
			if r.op.RequestBody != nil { // what a write is asked besides is never meaningless
				for _, zero := range zeros(p.Value.Schema.Value) {
					got := h.do(h.caller(r), r.method, h.address(r, p.Value.Name, zero), r.example())
					if got.status != 422 || got.mistakes()[p.Value.Name] == "" {
						t.Errorf("%s with %s=%q: %d, want it refused by name\n%.300s", r, p.Value.Name, zero, got.status, got.body)
					}
				}
				continue
			}
			everything := h.do(h.caller(r), r.method, h.address(r), nil).is(200)
			for _, zero := range zeros(p.Value.Schema.Value) {
				tried++
				got := h.do(h.caller(r), r.method, h.address(r, p.Value.Name, zero), nil)
				if got.status == 422 && got.mistakes()[p.Value.Name] != "" {
					continue
				}
				// At the beginning of time there was nothing.
				if got.status == 404 && strings.HasPrefix(r.path, "/api/v1/audit/{kind}/") {
					continue
				}
				// All there is lies after the beginning of time; nothing lies before it.
				if slices.Contains([]string{"from", "younger_than", "due_after", "after"}, p.Value.Name) && got.status == 200 {
					continue
				}
				if got.status != 200 || string(got.body) == string(everything.body) {
					t.Errorf("%s with %s=%q: %d, as if it were not there\n%.300s", r, p.Value.Name, zero, got.status, got.body)
				}
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d values were tried", tried)
	}
}

// TestTheSystemIsAnActor: its id is the nil one, which filters as any other does.
func TestTheSystemIsAnActor(t *testing.T) {
	h := startHostile(t)
	auditor := h.callers["auditor"]
	page := h.do(auditor, "GET", "/api/v1/audit/events?limit=100&actor="+uuid.Nil.String(), nil).is(200)
	for i := range page.count("items") {
		if actor := page.text("items", i, "actor", "id"); actor != uuid.Nil.String() {
			t.Errorf("the system's events with one of %s", actor)
		}
	}
	if page.count("items") == 0 {
		t.Error("none of the system's events")
	}
	for query, status := range map[string]int{
		"from=2026-03-02T00:00:00Z&to=0001-01-01T00:00:00Z": 422, "from=0001-01-01T00:00:00Z&to=2026-03-02T00:00:00Z": 200,
		"to=0001-01-01T00:00:00Z": 200,
	} {
		got := h.do(auditor, "GET", "/api/v1/audit/events?"+query, nil).is(status)
		if status == 200 && got.count("items") != 0 {
			t.Errorf("%s: %d events", query, got.count("items"))
		}
	}
	if strings.Contains(string(page.body), `"next_cursor"`) {
		t.Error("more than a page, so not all were looked at")
	}
}
