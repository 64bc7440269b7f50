package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"waybill/domain/rules"
)

// TestSpecificationAgreesWithTheBook: what a generator of clients reads of the two submissions is what the rule book asks, so that no
// client refuses what the server takes, or has a field that the book does not know.
func TestSpecificationAgreesWithTheBook(t *testing.T) {
	w := start(t)
	logistics, known := rules.Application("logistics")
	if !known {
		t.Fatal("no form of logistics providers")
	}
	for name, form := range map[string]*rules.Form{"ProviderProfile": logistics, "ProductContent": &rules.Product} {
		described := map[string]*openapi3.Schema{}
		flatten(described, "", w.spec.Components.Schemas[name].Value)
		for _, f := range form.Fields {
			schema := described[f.Pointer]
			if schema == nil {
				t.Errorf("%s: the specification has no %s", name, f.Pointer)
				continue
			}
			delete(described, f.Pointer)
			if most := f.MaxItems(); most > 0 {
				if schema.MaxItems == nil || int(*schema.MaxItems) != most {
					t.Errorf("%s%s: at most %v items, want %d", name, f.Pointer, schema.MaxItems, most)
				}
				schema = schema.Items.Value
			}
			if most := max(f.Counter, f.CertifiedCounter); most > 0 && (schema.MaxLength == nil || int(*schema.MaxLength) != most) {
				t.Errorf("%s%s: at most %v characters, want %d", name, f.Pointer, schema.MaxLength, most)
			}
			for _, option := range f.Choices() {
				if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(option.Value)) {
					t.Errorf("%s%s: %s is not in its enum", name, f.Pointer, option.Value)
				}
			}
		}
		for pointer := range described {
			t.Errorf("%s: the book has no %s", name, pointer)
		}
	}
}

// flatten finds the fields of an object, and of the objects in it, by their pointers.
func flatten(found map[string]*openapi3.Schema, at string, object *openapi3.Schema) {
	for name, property := range object.Properties {
		pointer := at + "/" + strings.ReplaceAll(name, "~", "~0")
		if property.Value.Type.Is("object") {
			flatten(found, pointer, property.Value)
			continue
		}
		found[pointer] = property.Value
	}
}
