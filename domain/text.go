package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CleanText brings typed text to the form in which it is counted, compared and stored: NFC, trimmed, line ends as \n, and
// without characters that show nothing. A text in which nothing shows is empty.
func CleanText(s string) string {
	if plain(s) {
		return strings.Trim(s, " ")
	}
	return cleanText(s)
}

// plain reports whether a text has nothing but printable ASCII, Chinese characters (U+4E00 to U+9FFF) and their punctuation (、 。 and
// U+FF01 to U+FF5E), as nearly all texts have: none of them means anything else in NFC, and all but the space show something.
func plain(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; ' ' <= c && c <= '~' {
			i++
			continue
		}
		if len(s)-i < 3 {
			return false
		}
		a, b, c := s[i], s[i+1], s[i+2] // a character of three bytes in UTF-8
		switch {
		case b&0xc0 != 0x80 || c&0xc0 != 0x80:
			return false
		case a >= 0xe5 && a <= 0xe9, a == 0xe4 && b >= 0xb8: // from U+4E00 to U+9FFF
		case a == 0xe3 && b == 0x80 && (c == 0x81 || c == 0x82): // 、 and 。
		case a == 0xef && b == 0xbc && c >= 0x81, a == 0xef && b == 0xbd && c <= 0x9e: // from U+FF01 to U+FF5E
		default:
			return false
		}
		i += 3
	}
	return true
}

func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if Ignorable(r) && !staying(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")))
	if !strings.ContainsFunc(s, func(r rune) bool { return visible(r) || invalid(r) }) {
		return ""
	}
	return s
}

// Ignorable reports characters that show nothing by themselves: zero-width spaces, joiners and fillers, soft hyphens, the byte
// order mark, variation selectors, tags, and the marks that turn the direction of writing.
func Ignorable(r rune) bool {
	if r < 0xad || (r > 0x3164 && r < 0xfe00) { // nearly all there is, Chinese text above all
		return false
	}
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		(unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r))
}

// staying reports the ignorable characters that mean something beside others, as within emoji, in rare Chinese characters and in
// several scripts, and those that are refused.
func staying(r rune) bool {
	return r == '\u200c' || r == '\u200d' || unicode.In(r, unicode.Variation_Selector, unicode.Bidi_Control)
}

// blank are letters and symbols of which nothing shows: the empty Braille pattern, the null notehead, the place of an object, the
// blanks among the hieroglyphs.
const blank = "\u2800\U0001D159\uFFFC\U00013441\U00013442"

// visible reports characters that show something by themselves, everywhere: neither marks that need another character, nor
// private ones, which show what a machine's fonts happen to have.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !Ignorable(r) && !strings.ContainsRune(blank, r)
}

// Required cleans *value in place and notes at pointer when it is missing, longer than max code points (Q5), or holds
// control characters. label names the field in both languages, as the manual's form does.
func (f *Fields) Required(pointer string, value *string, max int, label Text) {
	*value = CleanText(*value)
	if *value == "" {
		f.Add(pointer, "required", "请输入"+label.ZH, label.EN+" is required")
		return
	}
	f.Optional(pointer, value, max, label)
}

// Optional is Required for a field that may stay empty.
func (f *Fields) Optional(pointer string, value *string, max int, label Text) {
	*value = CleanText(*value)
	if n := utf8.RuneCountInString(*value); n > max {
		f.Add(pointer, "too_long", fmt.Sprintf("%s不能超过%d个字", label.ZH, max),
			fmt.Sprintf("%s must have at most %d characters, not %d", label.EN, max, n))
	}
	if Unprintable(*value) {
		f.Add(pointer, "control_characters", label.ZH+"含有无效字符", label.EN+" has invalid characters")
	}
}

// Line is Required for a field of one line.
func (f *Fields) Line(pointer string, value *string, max int, label Text) {
	before := len(*f)
	f.Required(pointer, value, max, label)
	if len(*f) == before && strings.Contains(*value, "\n") {
		f.Add(pointer, "line_break", label.ZH+"不能换行", label.EN+" must be one line")
	}
}

// Unprintable reports whether a text has control characters, line or paragraph separators other than \n, what was not UTF-8, or marks
// that turn the direction of writing, with which a text can be made to look like another.
func Unprintable(s string) bool { return !plain(s) && strings.ContainsFunc(s, invalid) }

// invalid reports control characters, line and paragraph separators, what was not UTF-8, and the marks that turn the
// direction of writing, with which a text can be made to look like another.
func invalid(r rune) bool {
	switch {
	case r == '\n':
		return false
	case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}

// ImageRef names an image by the SHA-256 of its bytes: "sha256:" and 64 lower-case hex digits.
type ImageRef string

const digestStart = "sha256:"

// WellFormed reports whether it is a reference at all; there may be no image of it.
func (r ImageRef) WellFormed() bool {
	digits, ok := strings.CutPrefix(string(r), digestStart)
	return ok && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// Reason is one coded reason of a rejection (R20, R28): which field, and what a person should know.
type Reason struct {
	Code string `json:"code"`
	// Field is an RFC 6901 pointer into the reviewed content; empty when the reason is about the whole.
	Field string `json:"field,omitempty"`
	Note  string `json:"note,omitempty"`
}

// ReasonOther is the reason code that needs a note.
const ReasonOther = "other"

// ReasonProviderClosed is the reason that Waybill itself gives for what nobody can decide any more.
const ReasonProviderClosed = "provider_closed"

// ProviderGone are the reasons of a submission that ends undecided because its provider was closed.
func ProviderGone() []Reason { return []Reason{{Code: ReasonProviderClosed}} }

// Limits of a rejection.
const (
	MaxReasons    = 20
	MaxReasonNote = 500
)
