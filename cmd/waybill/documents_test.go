package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
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
	if parse(strings.Fields("deadletters show listing product-0192…")) == nil {
		t.Error("a stream is taken for a position")
	}
}
