package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"waybill/domain/workdays"
)

// TestReportsAsDocumented runs the commands of docs/reports.md, as they stand there, against a server with the demo world.
func TestReportsAsDocumented(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the page needs %s", tool)
		}
	}
	page, err := os.ReadFile("../../docs/reports.md")
	if err != nil {
		t.Fatal(err)
	}
	env, _ := onDatabase(t)
	env["WAYBILL_LOG_LEVEL"] = "warn"
	url := startServer(t, env)
	var seed bytes.Buffer
	if err := run(t.Context(), []string{"seed"}, env.get, &seed); err != nil {
		t.Fatal(err)
	}
	env.inspect(t, func(ctx context.Context, a *app) error { return a.caughtUp(ctx, patience) })
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(folder, "bin", "waybill")); err != nil {
		t.Fatal(err)
	}
	steps := tourSteps(t, strings.ReplaceAll(string(page), "```sh reports\n", "```sh tour\n"))
	var script strings.Builder
	fmt.Fprintf(&script, "set -euo pipefail\n%s\nAPI=%s/api/v1\n", seed.String(), url)
	for _, s := range steps {
		script.WriteString(s.script + "\necho; echo '" + endOfStep + "'\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script.String())
	bash.Dir = folder
	bash.Env = []string{"PATH=" + os.Getenv("PATH"), asProgram + "=1"} // and where the server is, which is in the folder for a reader
	for name, value := range env {
		bash.Env = append(bash.Env, name+"="+value)
	}
	if _, err := bash.StdinPipe(); err != nil { // the program of the tests ends with it
		t.Fatal(err)
	}
	out, err := bash.CombinedOutput()
	if err != nil {
		t.Errorf("the page stopped: %v\n%s", err, out)
	}
	outputs := strings.Split(string(out), endOfStep+"\n")
	for i, s := range steps {
		if i >= len(outputs) {
			t.Fatalf("no output of step %d\n%s", i+1, out)
		}
		t.Logf("%s\n%s", s.script, outputs[i])
		checkOutput(t, i+1, outputs[i], s.want)
	}
}

// TestReportCommand: tables line up, charts are drawn, files are the bytes that their digest is of, and what makes no sense is refused.
func TestReportCommand(t *testing.T) {
	env, _ := onDatabase(t)
	env["WAYBILL_LOG_LEVEL"] = "warn"
	report := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"report"}, args...), env.get, &out)
		return out.String(), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := report(args...)
		if err != nil {
			t.Fatalf("report %v: %v", args, err)
		}
		return out
	}
	if out := must("daily", "--chart"); !strings.Contains(out, "as of position 0,") {
		t.Errorf("of an empty log: %s", out)
	}
	_ = startServer(t, env)
	if err := run(t.Context(), []string{"seed"}, env.get, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	env.inspect(t, func(ctx context.Context, a *app) error { return a.caughtUp(ctx, patience) })
	march := []string{"--from", "2026-03-01", "--to", "2026-03-31"}
	in := func(args ...string) []string { return append(args, march...) }

	listings := must(in("listings")...)
	lines := strings.Split(strings.TrimSpace(listings), "\n")
	column := func(line string) int {
		// How many cells there are before the mode, which is one of few.
		at := regexp.MustCompile(`MODE|sea|air|land|rail`).FindStringIndex(line)
		if at == nil {
			t.Fatalf("no mode in %q", line)
		}
		return cells(line[:at[0]])
	}
	for _, line := range lines[3:] {
		if column(line) != column(lines[2+1]) {
			t.Errorf("does not line up:\n%s\n%s", lines[3], line)
		}
	}
	if !strings.Contains(listings, "泰国") && !strings.Contains(listings, "越南") {
		t.Errorf("no Chinese text to line up:\n%s", listings)
	}
	// What would be too wide for a terminal is in blocks, whose figures are those of the row.
	wide := must(in("turnaround", "--by", "reviewer")...)
	for _, line := range strings.Split(wide, "\n")[3:] {
		if cells(line) > 80 {
			t.Errorf("%d cells: %s", cells(line), line)
		}
	}
	if !regexp.MustCompile(`(?s)GROUP .*\bBEFORE\ndecided +\d+ +\d+\n`).MatchString(wide) {
		t.Errorf("no block of a row:\n%s", wide)
	}
	rows := must(in("listings", "--format", "jsonl")...)
	sum := sha256.Sum256([]byte(rows))
	if !strings.Contains(lines[1], hex.EncodeToString(sum[:])) {
		t.Errorf("%s is not the digest of\n%s", lines[1], rows)
	}
	position := regexp.MustCompile(`as of position (\d+)`).FindStringSubmatch(lines[1])[1]
	if again := must(in("listings", "--format", "jsonl", "--as-of", position)...); again != rows {
		t.Errorf("as of %s: %s", position, again)
	}
	past := must(in("daily", "--as-of", "2026-03-02T12:00:00+08:00")...)
	if strings.Contains(past, "position "+position+",") {
		t.Errorf("nothing happened later: %s", past)
	}
	// A file has the bytes that the standard output has, and is not written over.
	for _, format := range []string{"json", "csv", "xlsx"} {
		file := filepath.Join(t.TempDir(), "report")
		must(in("turnaround", "--by", "reviewer", "--format", format, "--as-of", position, "--out", file)...)
		raw, err := os.ReadFile(file)
		if out := must(in("turnaround", "--by", "reviewer", "--format", format, "--as-of", position)...); err != nil || out != string(raw) || out == "" {
			t.Errorf("%s: %q, and in the file %q, %v", format, out, raw, err)
		}
		if _, err := report(in("turnaround", "--out", file)...); err == nil {
			t.Errorf("%s was written over", file)
		}
	}
	if out := must(in("funnel", "--chart")...); !strings.Contains(out, "product submitted") || !strings.Contains(out, "██") {
		t.Errorf("bars: %s", out)
	}
	if out := must(in("turnaround", "--chart", "--by", "day", "--figure", "since_first_median")...); !strings.Contains(out, "since_first_median: 2026-03-01") {
		t.Errorf("a line: %s", out)
	}
	if out := must("rejections", "--from", "2020-01-01", "--to", "2020-01-02", "--chart"); !strings.Contains(out, "nothing to draw") {
		t.Errorf("nothing: %s", out)
	}
	for text, args := range map[string][]string{
		"sales":                       {"sales"},
		"takes no --by":               {"daily", "--by", "day"},
		"is by all, kind":             {"turnaround", "--by", "mode"},
		"takes no --kind":             {"listings", "--kind", "product"},
		"--to is before":              {"daily", "--from", "2026-03-02", "--to", "2026-03-01"},
		"days of 2000 to 2099":        {"daily", "--from", "1500-01-01", "--to", "1500-01-02"},
		"at most 366":                 {"daily", "--from", "2024-01-01", "--to", "2025-01-01"},
		"the log ends at position":    {"daily", "--as-of", "99999999"},
		"a position of the log":       {"daily", "--as-of", "yesterday"},
		"has no event up to this":     {"daily", "--as-of", "2001-01-01T00:00:00Z"},
		"takes no --format":           {"daily", "--chart", "--format", "csv"},
		"what --chart draws":          {"daily", "--figure", "products_listed"},
		"has decided, since_revision": {"turnaround", "--chart", "--figure", "sales"},
		"not a day":                   {"daily", "--from", "2026-02-30"},
	} {
		out, err := report(args...)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v, want %q\n%s", args, err, text, out)
		}
		if args[0] == "daily" && strings.Contains(text, "as-of") && out != "" {
			t.Errorf("%v: %s", args, out)
		}
	}
	if f, err := (reportCommand{Name: "daily", By: "all"}).filter(time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC)); err != nil ||
		f.From != workdays.Date(2026, time.March, 3) || f.To != workdays.Date(2026, time.April, 1) {
		t.Errorf("thirty days up to today: %+v, %v", f, err)
	}
}
