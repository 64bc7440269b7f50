package gazetteer

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters are those that no decomposition leads back to the alphabet.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'ı': "i", 'þ': "th", 'ŋ': "n", 'ə': "e",
}

// Fold brings a name to the form in which it is compared: case, accents and width do not count, and neither does anything that is no
// letter and no digit: "Hải Phòng", "hai-phong" and "ＨＡＩＰＨＯＮＧ" are the same.
func Fold(name string) string { return string(appendFold(make([]byte, 0, len(name)), name)) }

// appendFold appends what Fold makes of a name.
func appendFold(b []byte, name string) []byte {
	start := len(b)
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r >= 0x4e00 && r <= 0x9fff: // nothing to do for letters, digits, and Chinese
			b = utf8.AppendRune(b, r)
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r)-'A'+'a')
		case r >= utf8.RuneSelf:
			return appendDecomposed(b[:start], name)
		}
	}
	return b
}

// appendDecomposed is appendFold for a name that has other characters.
func appendDecomposed(b []byte, name string) []byte {
	for _, r := range norm.NFKD.String(name) {
		if r = unicode.ToLower(r); r < utf8.RuneSelf || letters[r] == "" {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b = utf8.AppendRune(b, r)
			}
			continue
		}
		b = append(b, letters[r]...)
	}
	return b
}
