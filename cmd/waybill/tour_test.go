package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"waybill/cmd/config"
)

// step is one block of the README's tour: its script, and what must be in its output. Each group stands under one
// command: its texts may come in any order, but after those of the group before.
type step struct {
	script string
	want   [][]string
}

// TestTour runs the README's tour against a real server, as a reader would.
func TestTour(t *testing.T) {
	env, _ := onDatabase(t)
	tour(t, env)
}

func tour(t *testing.T, env environ) {
	t.Helper()
	env["WAYBILL_LOG_LEVEL"] = "warn"
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the tour needs %s", tool)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if errors.Is(err, fs.ErrNotExist) && os.Getenv(realEventStoreDB) != "" {
		t.Skip("the README is not beside this binary: copy the whole tree to play its tour")
	}
	if err != nil {
		t.Fatal(err)
	}
	steps := tourSteps(t, string(readme))
	url := startServer(t, env)
	var seed bytes.Buffer
	if err := run(t.Context(), []string{"seed"}, env.get, &seed); err != nil {
		t.Fatal(err)
	}

	// A person takes longer to the first page than the read models to the end of the demo world.
	env.inspect(t, func(ctx context.Context, a *app) error { return a.caughtUp(ctx, patience) })

	var script strings.Builder
	fmt.Fprintf(&script, "set -euo pipefail\n%s\nAPI=%s/api/v1\n", seed.String(), url)
	for _, s := range steps {
		script.WriteString(s.script + "\necho; echo '" + endOfStep + "'\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script.String())
	bash.Dir = t.TempDir()
	bash.Env = []string{"PATH=" + os.Getenv("PATH")} // and nothing that the page does not say
	out, err := bash.CombinedOutput()
	if err != nil {
		t.Errorf("the tour stopped: %v", err)
	}
	outputs := strings.Split(string(out), endOfStep+"\n")
	for i, s := range steps {
		if i >= len(outputs) {
			t.Fatalf("no output of step %d", i+1)
		}
		t.Logf("%s\n%s", s.script, outputs[i])
		checkOutput(t, i+1, outputs[i], s.want)
	}
}

func checkOutput(t *testing.T, number int, rest string, groups [][]string) {
	t.Helper()
	for _, group := range groups {
		end := 0
		for _, want := range group {
			at := strings.Index(rest, want)
			if at < 0 {
				t.Errorf("step %d: %q is not in what is left of its output", number, want)
				continue
			}
			end = max(end, at+len(want))
		}
		rest = rest[end:]
	}
}

const endOfStep = "--- end of step ---"

var tourBlock = regexp.MustCompile("(?s)\n```sh tour\n(.*?)\n```\n")

// tourSteps takes the blocks marked "sh tour" out of the README. A line "# → text" says what the output above it holds.
func tourSteps(t *testing.T, readme string) []step {
	t.Helper()
	var steps []step
	for _, block := range tourBlock.FindAllStringSubmatch(readme, -1) {
		s := step{script: block[1]}
		inGroup := false
		for line := range strings.Lines(block[1]) {
			want, ok := strings.CutPrefix(strings.TrimSpace(line), "# → ")
			if ok && !inGroup {
				s.want = append(s.want, nil)
			}
			if inGroup = ok; ok {
				last := len(s.want) - 1
				s.want[last] = append(s.want[last], want)
			}
		}
		steps = append(steps, s)
	}
	if len(steps) < 5 {
		t.Fatalf("only %d steps of the tour found in the README", len(steps))
	}
	return steps
}

// startServer has the whole program serve in this process until the test ends, and returns its URL.
func startServer(t *testing.T, env environ) string {
	t.Helper()
	cfg, err := config.Load(env.get)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	addr, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- withApp(ctx, cfg, func(a *app) error { return a.serve(ctx, func(at string) { addr <- at }) })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case at := <-addr:
		return "http://" + at
	case err := <-done:
		done <- nil
		t.Fatalf("serve: %v", err)
		return ""
	}
}
