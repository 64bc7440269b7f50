package docs

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestRightsOfAuditors holds the tables of what an auditor may do to the specification, of which the server takes them.
func TestRightsOfAuditors(t *testing.T) {
	t.Parallel()
	var spec struct {
		Paths map[string]map[string]struct {
			Roles []string `yaml:"x-roles"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "http/api/openapi.yaml")), &spec); err != nil {
		t.Fatal(err)
	}
	lines := route.FindAllStringSubmatch(readFile(t, "docs/audit.md"), -1)
	for _, line := range lines {
		if specified := spec.Paths[line[2]][strings.ToLower(line[1])].Roles; !slices.Equal(specified, strings.Split(line[3], ", ")) {
			t.Errorf("%s %s: %v may call it, and not %s", line[1], line[2], specified, line[3])
		}
	}
	if len(lines) < 5 {
		t.Errorf("only %d routes are in the tables", len(lines))
	}
}
