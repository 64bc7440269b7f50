package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"waybill/cmd/config"
)

func TestNothingCommandsATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"三亚 é 👍\n\tok":             "三亚 é 👍\n\tok",
		"\x1b]0;owned\a\x1b[2J":    `\u001b]0;owned\u0007\u001b[2J`,
		"line\rforged":             `line\u000dforged`,
		"c1 \u009b31m \u0085":      `c1 \u009b31m \u0085`,
		"raw \x9b31m":              `raw \x9b31m`,
		"\u202egnp.exe":            `\u202egnp.exe`,
		"a\u200bb\u2028c\ufeff":    `a\u200bb\u2028c\ufeff`,
		"tag \U000e0041":           `tag \udb40\udc41`,
		"backspace \b\x7f \x00 \v": `backspace \u0008\u007f \u0000 \u000b`,
	} {
		for size := 1; size <= len(in); size++ { // however the writes are cut
			var got bytes.Buffer
			out := &terminal{to: &got}
			for rest := []byte(in); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if _, err := out.Write(rest[:min(size, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			if got.String() != want {
				t.Errorf("%q by %d: %s, want %s", in, size, got.String(), want)
			}
		}
	}
	if got := printable("a\tb\nc"); got != `a\u0009b\u000ac` {
		t.Errorf("a cell: %s", got)
	}
}

// JSON keeps its meaning.
func TestEscapedJSONIsTheSameJSON(t *testing.T) {
	in := map[string]string{"name": "\u202e海\u009b丰\U000e0041\x7f"}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := (&terminal{to: &got}).Write(raw); err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := json.Unmarshal(got.Bytes(), &back); err != nil || back["name"] != in["name"] || bytes.Equal(raw, got.Bytes()) {
		t.Errorf("%s: %q, %v", got.Bytes(), back["name"], err)
	}
}

// What a log holds of others' texts commands no terminal either, in whatever form it is written.
func TestNoLogCommandsATerminal(t *testing.T) {
	const evil = "\x1b]0;owned\a\u009b31m\u202e\x7f\nforged"
	for _, format := range []string{"text", "json"} {
		cfg, err := config.Load(environ{"WAYBILL_LOG_FORMAT": format}.get)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		cfg.Logger(&terminal{to: &got}).Info("x", "error", evil)
		if strings.ContainsAny(got.String(), "\x1b\a\u009b\u202e\x7f") || strings.Count(got.String(), "\n") != 1 {
			t.Errorf("%s: %q", format, got.String())
		}
		var line struct{ Error string }
		if format == "json" && (json.Unmarshal(got.Bytes(), &line) != nil || line.Error != evil) {
			t.Errorf("%s is not what was logged, %q", got.Bytes(), line.Error)
		}
	}
}

// TestLostAnswersAreFailures: a command whose answer could not be written has not succeeded.
func TestLostAnswersAreFailures(t *testing.T) {
	t.Parallel()
	full := &terminal{to: refusing{}}
	fmt.Fprintln(full, "text")
	if err := full.after(nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if other := errors.New("its own"); full.after(other) != other { //nolint:errorlint // the same one
		t.Errorf("got %v", full.after(other))
	}
	if err := (&terminal{to: io.Discard}).after(nil); err != nil {
		t.Error(err)
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
