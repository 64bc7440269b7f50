package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// terminal is where commands print. What people typed is in events, and so in what is printed: nothing of it reaches a terminal as
// a command to it. Such a character is written as JSON would escape it, so that JSON stays the same JSON.
type terminal struct {
	to io.Writer
	// rest is the beginning of a character that was cut by the end of a write.
	rest []byte
	// failed is the first error of a write, which those who print do not look at.
	failed error
}

// after is err, or that of what was printed and never got anywhere: a command whose answer is lost has not succeeded.
func (t *terminal) after(err error) error {
	if err == nil && t.failed != nil {
		return fmt.Errorf("what it shows could not be written: %w", t.failed)
	}
	return err
}

// Write escapes whatever is no text, but for line breaks and tabs, which are the commands' own layout.
func (t *terminal) Write(p []byte) (int, error) {
	text := append(t.rest, p...)
	t.rest = nil
	end := len(text)
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if start := len(text) - cut; utf8.RuneStart(text[start]) {
			if !utf8.FullRune(text[start:]) {
				end, t.rest = start, append([]byte(nil), text[start:]...)
			}
			break
		}
	}
	if _, err := io.WriteString(t.to, escape(string(text[:end]), "\n\t")); err != nil {
		if t.failed == nil {
			t.failed = err
		}
		return 0, err
	}
	return len(p), nil
}

// printable is stored text that is to stay in its line and its column.
func printable(s string) string { return escape(s, "") }

// escape leaves of the control characters only those that are kept.
func escape(s, kept string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strings.ContainsRune(kept, r), !unsafeOnTerminal(r):
			b.WriteString(s[i : i+size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// unsafeOnTerminal tells of control characters (C0, DEL, C1), of those that show nothing or turn the direction of writing, and of
// separators of lines and paragraphs.
func unsafeOnTerminal(r rune) bool {
	if r >= ' ' && r <= '~' { // nearly all that is printed
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
