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

// TestCommandsOfTheFeed runs the commands of docs/feed.md as they are written.
func TestCommandsOfTheFeed(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl here")
	}
	w := start(t)
	who := w.provider(w.staff(domain.RoleReviewer))
	w.eventually("the feed has it", func() bool { return len(w.feed(who, "&as=provider")) == 2 })
	document, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlock.FindAllStringSubmatch(string(document), -1)
	for _, block := range blocks {
		run := exec.Command("sh", "-eu", "-c", block[1]) //nolint:noctx // our own document
		run.Env = append(os.Environ(), "WAYBILL="+w.url, "TOKEN="+who.token)
		said, err := run.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", block[1], err, said)
		}
		for line := range strings.Lines(block[1]) {
			if want, ok := strings.CutPrefix(line, "# → "); ok && !strings.Contains(string(said), strings.TrimSuffix(want, "\n")) {
				t.Errorf("%s: no %q in\n%s", block[1], want, said)
			}
		}
	}
	if len(blocks) < 2 {
		t.Errorf("%d blocks", len(blocks))
	}
}
