package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?ms)^```sh[^\n]*\n(.*?)^```")
	// inTheShell is a command of ours, up to what the shell takes for itself.
	inTheShell = regexp.MustCompile(`(?m)^(?:\./bin/)?waybill ((?:"[^"]*"|'[^']*'|[^"'#|>;&\n])*)`)
	word       = regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^"'\s])+`)
)

// TestCommandsOfTheDocuments: what the documents tell people to type is understood, with all of its arguments and flags.
func TestCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	parse := func(args []string) error { // a parser keeps what it was told
		parser, err := newParser(t.Context(), func(string) string { return "" }, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(args)
		return err
	}
	commands := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for _, command := range inTheShell.FindAllStringSubmatch(strings.ReplaceAll(block[1], "\\\n", " "), -1) {
				commands++
				args := word.FindAllString(command[1], -1)
				for i, arg := range args {
					args[i] = strings.NewReplacer(`"`, "", `'`, "", "$position", "1").Replace(arg)
				}
				if err := parse(args); err != nil {
					t.Errorf("%s: waybill %s: %v", filepath.Base(page), command[1], err)
				}
			}
		}
	}
	if commands < 40 {
		t.Errorf("only %d commands", commands)
	}
	checkInline(t, parse)
	if parse(strings.Fields("deadletters show listing product-0192…")) == nil {
		t.Error("a stream is taken for a position")
	}
}

// quotedCommand is a command of ours in running text: of a page, a message, a help text or a comment.
var quotedCommand = regexp.MustCompile("[\"']waybill ([a-z][^\"'`\\\\\n]*)\\\\?[\"'`]|`waybill ([a-z][^`\n]*)`|compose exec waybill waybill ([a-z -]+)")

// checkInline holds what is named in passing to the program: it may leave out what a command needs, but says nothing that there is not.
func checkInline(t *testing.T, parse func([]string) error) {
	t.Helper()
	var files []string
	for _, pattern := range []string{
		"../../README.md", "../../docs/*.md", "../../docs/deploy/*", "../../docs/deploy/*/*.service", "../../docs/deploy/*/*.sql", "../../docker-compose.yml", "../../Dockerfile", "*.go",
		"../config/*.go", "../../adapters/*/*.go", "../../projections/runtime/*.go", "../../http/*/*.go",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	commands := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") { // a folder
			continue
		}
		for _, found := range quotedCommand.FindAllStringSubmatch(string(text), -1) {
			commands++
			args := word.FindAllString(found[1]+found[2]+found[3], -1)
			for i, arg := range args {
				args[i] = strings.Trim(arg, `"'`)
			}
			args = slices.DeleteFunc(args, func(arg string) bool { return arg == "--help" }) // which ends a program
			if err := parse(args); err != nil && !strings.Contains(err.Error(), "missing") && !strings.Contains(err.Error(), "expected one of") &&
				!strings.Contains(err.Error(), `expected "<`) {
				t.Errorf("%s: %s: %v", file, found[0], err)
			}
		}
	}
	if commands < 30 {
		t.Errorf("only %d commands in running text", commands)
	}
}
