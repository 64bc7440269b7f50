package docs

import (
	"regexp"
	"strings"
	"testing"
)

// shellBlocks are the blocks of commands of a page, each with the text around it in which a reason may stand.
func shellBlocks(text string) (blocks, around []string) {
	for _, at := range regexp.MustCompile("(?ms)^ *```sh[^\n]*\n.*?^ *```$").FindAllStringIndex(text, -1) {
		paragraphs := strings.Split(strings.TrimRight(text[:at[0]], "\n "), "\n\n")
		after, _, _ := strings.Cut(strings.TrimLeft(text[at[1]:], "\n "), "\n\n")
		blocks = append(blocks, text[at[0]:at[1]])
		around = append(around, paragraphs[len(paragraphs)-1]+"\n"+after)
	}
	return blocks, around
}

// runs is who runs the blocks of a page, by how they begin: all that is not here says that it is not run, and why.
var runs = []struct{ page, begins, by string }{
	{"README.md", "```sh tour\n", "func TestTour("},
	{"README.md", "```sh\n./bin/waybill seed > demo.env", "func TestTour("},
	{"README.md", "```sh\nmake run", "start \"make run\""},
	{"README.md", "```sh\ngo run ./cmd/esdbtest", "sed -n '/^go run /p'"},
	{"docs/operating.md", "```sh\nwaybill ", "func TestOperatingAsWritten("},
	{"docs/operating.md", "```sh\nexport TARGET=", "func TestOperatingAsWritten("},
	{"docs/reports.md", "```sh reports\n", "func TestReportsAsDocumented("},
	{"docs/reporting.md", "```sh\nPGPASSWORD=", "func TestPsqlOnTheEmbeddedServer("},
	{"docs/feed.md", "```sh\ncurl ", "func TestCommandsOfThePages("},
	{"docs/webhooks.md", "```sh\ncurl ", "func TestCommandsOfThePages("},
	{"docs/deploy.md", "```sh\n   docs/deploy/eventstoredb/certificates.sh", "func TestCertificatesAsWritten("},
}

// TestEveryBlockIsRun: what a page tells people to type is run as it stands there, or the page says that it is not, and why.
func TestEveryBlockIsRun(t *testing.T) {
	t.Parallel()
	runners := readFile(t, ".ci/paths")
	for _, name := range filesBelow(t, "", "_test.go") {
		if name != "docs/blocks_test.go" { // which names them
			runners += readFile(t, name)
		}
	}
	used := map[int]bool{}
	unrun := func(page, text string) (found []string) {
		blocks, around := shellBlocks(text)
		for i, block := range blocks {
			by := -1
			for n, r := range runs {
				if r.page == page && strings.HasPrefix(strings.TrimLeft(block, " "), r.begins) {
					by, used[n] = n, true
				}
			}
			if said := regexp.MustCompile(`(?i)\*?not run here[^.:]*:\s*\S`).MatchString(around[i]); (by >= 0) == said {
				found = append(found, block)
			}
		}
		return found
	}
	for _, page := range documents(t) {
		for _, block := range unrun(page, readFile(t, page)) {
			t.Errorf("%s: nobody runs this, and the page does not say why (or both):\n%s", page, block)
		}
	}
	for n, r := range runs {
		if !used[n] || !strings.Contains(runners, r.by) {
			t.Errorf("%s: no block %q, or nothing that is %q", r.page, r.begins, r.by)
		}
	}
	if found := unrun("docs/x.md", "Text.\n\n```sh\nls\n```\n\nMore. *Not run here: why.*\n\n```sh\nls -l\n```\n"); len(found) != 0 {
		t.Errorf("a reason is not read: %q", found)
	}
	if found := unrun("docs/x.md", "Text.\n\n```sh\nls\n```\n\nMore.\n\nMore.\n\n```sh\nls\n```\n\nNot run here: why.\n"); len(found) != 1 {
		t.Errorf("a block that nobody runs is not noticed: %q", found)
	}
}
