package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// route is a line of the desk's table of rights.
var route = regexp.MustCompile("(?m)^\\| `(GET|POST|PUT) (/api/v1/[^`]*)` \\|[^|]*\\| ([a-z, ]+) \\|$")

// TestRightsOfTheDesk holds the table of who may do what to the specification, of which the server takes them. The routes of
// applications are those of products.
func TestRightsOfTheDesk(t *testing.T) {
	t.Parallel()
	var spec struct {
		Paths map[string]map[string]struct {
			Roles []string `yaml:"x-roles"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "http/api/openapi.yaml")), &spec); err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, line := range route.FindAllStringSubmatch(readFile(t, "docs/review-desk.md"), -1) {
		method, path, roles := strings.ToLower(line[1]), line[2], strings.Split(line[3], ", ")
		for _, each := range []string{path, strings.Replace(path, "/products/", "/providers/", 1)} {
			written[each] = true
			if specified := spec.Paths[each][method].Roles; !slices.Equal(specified, roles) {
				t.Errorf("%s %s: %v may call it, and not %v", line[1], each, specified, roles)
			}
		}
	}
	for path := range spec.Paths {
		desk := strings.HasPrefix(path, "/api/v1/review/") || strings.HasSuffix(path, "/take-over-claim") || strings.Contains(path, "/operator/review")
		if desk && !written[path] {
			t.Errorf("%s is not in the table", path)
		}
	}
}

// refusal is a code in the desk's table of what is refused.
var refusal = regexp.MustCompile("`([a-z_]+)`")

// TestRefusalsOfTheDeskExist holds the codes of the table of refusals to what the API explains.
func TestRefusalsOfTheDeskExist(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(readFile(t, "docs/review-desk.md"), "| refused with |")
	if !found {
		t.Fatal("the table is not there")
	}
	causes, codes := readFile(t, "http/api/causes.go"), 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") && codes > 0 {
			break
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, code := range refusal.FindAllStringSubmatch(first, -1) {
			if codes++; !strings.Contains(causes, `"`+code[1]+`":`) {
				t.Errorf("%s is no code that is explained", code[1])
			}
		}
	}
	if codes < 10 {
		t.Errorf("only %d codes found", codes)
	}
}
