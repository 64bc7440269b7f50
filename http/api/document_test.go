package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"waybill/domain/events"
	"waybill/http/api"
)

// TestEverythingIsInBothLanguages: summaries and descriptions, wherever they are; what is missing goes into translations.yaml.
func TestEverythingIsInBothLanguages(t *testing.T) {
	served, err := api.Specification()
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(served, &root); err != nil {
		t.Fatal(err)
	}
	han := regexp.MustCompile(`\p{Han}`)
	english := regexp.MustCompile(`(?:/ |\n)[^\p{Han}/]*[A-Za-z]{2,}`)
	checked := 0
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.ScalarNode {
				if key := n.Content[i-1].Value; key == "summary" || key == "description" {
					checked++
					if !han.MatchString(c.Value) || !english.MatchString(c.Value) {
						t.Errorf("line %d: %s is in one language: %q", c.Line, key, c.Value)
					}
				}
			}
			if c.Kind != yaml.AliasNode {
				walk(c)
			}
		}
	}
	walk(&root)
	if checked < 150 {
		t.Errorf("only %d texts were found", checked)
	}
}

// TestEveryErrorHasARealExample: every response of an error has examples, and each fits the schema and the code's own page.
func TestEveryErrorHasARealExample(t *testing.T) {
	w := start(t)
	for _, r := range w.routes() {
		for status, response := range r.op.Responses.Map() {
			media := response.Value.Content.Get("application/problem+json")
			if status[0] < '4' && status != "default" {
				continue
			}
			if media == nil || len(media.Examples) == 0 {
				t.Errorf("%s: %s has no example", r, status)
				continue
			}
			for name, example := range media.Examples {
				if err := media.Schema.Value.VisitJSON(example.Value.Value); err != nil {
					t.Errorf("%s: %s, %s: %v", r, status, name, err)
				}
				value, _ := example.Value.Value.(m)
				if status != "default" && status != jsonOf(value["status"]) {
					t.Errorf("%s: %s has an example of %v", r, status, value["status"])
				}
			}
		}
	}
}

func jsonOf(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// TestEventTypesAreThoseOfTheLog: every stored event is listed with a schema, which its golden files fit, and nothing beside them.
func TestEventTypesAreThoseOfTheLog(t *testing.T) {
	w := start(t)
	got := w.do(as{}, "GET", "/api/v1/event-types", nil).is(200)
	listed := map[string]*openapi3.Schema{}
	for i := range got.count("items") {
		raw := []byte(jsonOf(got.at("items", i, "schema")))
		var schema openapi3.Schema
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		listed[got.text("items", i, "type")] = &schema
	}
	for name := range events.Types {
		schema := listed[name]
		if schema == nil {
			t.Errorf("%s is not listed", name)
			continue
		}
		files, err := filepath.Glob("../../domain/*/testdata/" + name + "*.json")
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no golden file, %v", name, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var value any
			if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&value); err != nil {
				t.Fatal(err)
			}
			if err := schema.VisitJSON(value); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if len(listed) != len(events.Types) {
		t.Errorf("%d are listed, the log has %d", len(listed), len(events.Types))
	}
}

// listsCode reports whether an operation's response of a status, or else its default one, has an example of a code.
func listsCode(op *openapi3.Operation, status int, code string) bool {
	response := op.Responses.Status(status)
	if response == nil {
		response = op.Responses.Default()
	}
	return response.Value.Content.Get("application/problem+json").Examples[code] != nil
}
