package docs

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"waybill/projections/models"
)

// folders are the folders of packages that are part of the program or make something for it, not those that only tests use.
func folders(t testing.TB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, file := range filesBelow(t, "", ".go") {
		folder := path.Dir(file)
		if root, _, _ := strings.Cut(folder, "/"); strings.HasPrefix(root, ".") || root == "docs" ||
			strings.HasSuffix(file, "_test.go") || strings.HasSuffix(folder, "test") {
			continue
		}
		all[folder] = true
	}
	return all
}

// onTheMap reports whether a table of folders names one. Below domain/, each aggregate has one, and what is shared is next to them.
func onTheMap(table, folder string) bool {
	if strings.HasPrefix(folder, "domain/") {
		return true
	}
	return strings.Contains(table, "`"+folder+"/`") ||
		strings.HasPrefix(folder, "projections/") && strings.Contains(table, "`"+path.Base(folder)+"/`") ||
		strings.HasPrefix(folder, "adapters/") && strings.Contains(table, "`"+path.Base(folder)+"/`")
}

// TestTheMapHasEveryRoom holds the README's table of folders to the folders.
func TestTheMapHasEveryRoom(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(readFile(t, "README.md"), "\n| folder | holds |\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("the README has no map")
	}
	all := folders(t)
	for folder := range all {
		if !onTheMap(table, folder) {
			t.Errorf("%s is not in it", folder)
		}
	}
	if len(all) < 50 || onTheMap(table, "http/attic") {
		t.Errorf("%d folders", len(all))
	}
}

// TestTheListOfModulesIsWhole holds the README's table of dependencies to those that go.mod has of its own.
func TestTheListOfModulesIsWhole(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(readFile(t, "README.md"), "\n## Dependencies\n")
	direct, _, both := strings.Cut(readFile(t, "go.mod"), "\n)\n")
	if !found || !both {
		t.Fatal("there are no lists to compare")
	}
	version := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)
	lines := version.FindAllStringSubmatch(direct, -1)
	for _, line := range lines {
		name := regexp.MustCompile(`^github\.com/|/v\d+$|/libraries$`).ReplaceAllString(line[1], "")
		short := strings.TrimPrefix(name, "google.golang.org/")
		if !strings.Contains(table, name) && !strings.Contains(table, "`"+short+"`") {
			t.Errorf("%s is not in it", line[1])
		}
	}
	if len(lines) < 20 {
		t.Errorf("only %d modules", len(lines))
	}
}

// TestEveryReadModelIsNamed holds what operators are told of rebuilds, and the README's picture, to the list of read models.
func TestEveryReadModelIsNamed(t *testing.T) {
	t.Parallel()
	_, rebuild, _ := strings.Cut(readFile(t, "docs/operating.md"), "\nwaybill rebuild ")
	rebuild, _, _ = strings.Cut(rebuild, "\n")
	_, picture, _ := strings.Cut(readFile(t, "README.md"), "\n## How it works\n")
	picture, _, _ = strings.Cut(picture, "\n| folder |")
	for _, model := range models.All {
		name := regexp.MustCompile(`\b` + model.Name + `\b`)
		if !name.MatchString(rebuild) {
			t.Errorf("operating.md does not name %s: %s", model.Name, rebuild)
		}
		if !name.MatchString(picture) {
			t.Errorf("the README's picture does not have %s", model.Name)
		}
	}
}

// TestTheChangelogSaysNothingTwice finds what a merge left of both sides.
func TestTheChangelogSaysNothingTwice(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for line := range strings.Lines(readFile(t, "CHANGELOG.md")) {
		if line = strings.TrimSpace(line); len(line) > 40 && seen[line] {
			t.Errorf("twice: %s", line)
		}
		seen[line] = true
	}
}
