package gazetteer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters are those that no decomposition leads back to the alphabet.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'ı': "i", 'þ': "th", 'ŋ': "n", 'ə': "e", 'ơ': "o", 'ư': "u",
}

// Fold brings a name to the form in which it is compared: case, accents and width do not count, and neither does anything that is no
// letter and no digit: "Hải Phòng", "hai-phong" and "ＨＡＩＰＨＯＮＧ" are the same.
func Fold(name string) string {
	plain := true
	for i := range len(name) {
		c := name[i]
		plain = plain && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
	}
	if plain {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	ascii := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c - 'A' + 'a')
		case c >= 0x80:
			ascii = false
		}
	}
	if ascii {
		return b.String()
	}
	b.Reset()
	for _, r := range norm.NFKD.String(name) {
		if r = unicode.ToLower(r); letters[r] != "" {
			b.WriteString(letters[r])
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}
