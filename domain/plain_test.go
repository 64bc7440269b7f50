package domain

import (
	"strings"
	"testing"
)

// TestPlainTextNeedsNoCleaning: of whatever plain knows, cleaning the long way makes the same; and what it does not know is what has more
// than one form, or shows nothing.
func TestPlainTextNeedsNoCleaning(t *testing.T) {
	known := 0
	for r := rune(0); r <= 0x10ffff; r++ {
		s := string(r)
		if !plain(s) {
			continue
		}
		known++
		for _, text := range []string{s, " " + s + " ", s + s, "三" + s + "a"} {
			if got, want := CleanText(text), cleanText(text); got != want || strings.ContainsFunc(text, invalid) {
				t.Fatalf("%U: %q is cleaned to %q, the long way to %q", r, text, got, want)
			}
		}
	}
	if want := 95 + 0x9fff - 0x4e00 + 1 + 2 + 94; known != want {
		t.Errorf("%d characters are plain, want %d", known, want)
	}
	for _, s := range []string{"e\u0301", "a\n", "\x7f", "\u3000", "\u3003", "一\u0301", "\xe4", "\xe4\xb8", "\xe4\xb8x", "\xe4\xc0\x80", "\xe4\xb7\x80", "\uff5f", "\uff00"} {
		if plain(s) {
			t.Errorf("%q is taken for plain", s)
		}
	}
}
