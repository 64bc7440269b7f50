package api_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"waybill/domain"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")

// TestCommandsOfThePages runs the commands of the pages for those who write clients, as they are written.
func TestCommandsOfThePages(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl here")
	}
	w := start(t)
	who := w.provider(w.staff(domain.RoleReviewer))
	w.eventually("the feed has it", func() bool { return len(w.feed(who, "&as=provider")) == 2 })
	for page, least := range map[string]int{"feed.md": 2, "webhooks.md": 1} {
		document, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := shellBlock.FindAllStringSubmatch(string(document), -1)
		for _, block := range blocks {
			run := exec.Command("sh", "-eu", "-c", block[1]) //nolint:noctx // our own document
			run.Env = append(os.Environ(), "WAYBILL="+w.url, "TOKEN="+who.token)
			said, err := run.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %s: %v\n%s", page, block[1], err, said)
			}
			for line := range strings.Lines(block[1]) {
				if want, ok := strings.CutPrefix(line, "# → "); ok && !strings.Contains(string(said), strings.TrimSuffix(want, "\n")) {
					t.Errorf("%s: %s: no %q in\n%s", page, block[1], want, said)
				}
			}
		}
		if len(blocks) < least {
			t.Errorf("%s: %d blocks", page, len(blocks))
		}
	}
}
