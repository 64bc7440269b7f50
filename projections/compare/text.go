package compare

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// Op is what became of a part of a text.
type Op string

// The ops.
const (
	Equal    Op = "equal"
	Deleted  Op = "deleted"
	Inserted Op = "inserted"
)

// Part is a part of two texts. The equal and deleted parts make the earlier one, the equal and inserted parts the later one.
type Part struct {
	Op   Op
	Text string
}

// parts is the difference of two texts, by what a reader takes as one: a word of letters and digits, a Chinese character, a sign. It is
// the same for the same texts. A space between two changes is part of them: two words that were replaced are one change.
func parts(before, after string) []Part {
	was, is := tokens(before), tokens(after)
	var all []Part
	add := func(op Op, some []string) {
		if len(some) > 0 {
			all = append(all, Part{op, strings.Join(some, "")})
		}
	}
	edits := joined(lcs.DiffLines(was, is), was)
	at := 0
	for _, e := range edits {
		add(Equal, was[at:e.Start])
		add(Deleted, was[e.Start:e.End])
		add(Inserted, is[e.ReplStart:e.ReplEnd])
		at = e.End
	}
	add(Equal, was[at:])
	return all
}

// joined makes one of edits that touch, and of replacements with nothing but spaces between them.
func joined(edits []lcs.Diff, was []string) []lcs.Diff {
	var all []lcs.Diff
	for _, e := range edits {
		if n := len(all); n > 0 {
			last := &all[n-1]
			between := strings.Join(was[last.End:e.Start], "")
			if between == "" || (replaces(*last) && replaces(e) && strings.Trim(between, " ") == "") {
				last.End, last.ReplEnd = e.End, e.ReplEnd
				continue
			}
		}
		all = append(all, e)
	}
	return all
}

func replaces(e lcs.Diff) bool { return e.Start < e.End && e.ReplStart < e.ReplEnd }

// tokens cuts a text into what a reader takes as one. Nothing is lost: joined they are the text.
func tokens(s string) []string {
	var all []string
	for len(s) > 0 {
		n := token(s)
		all = append(all, s[:n])
		s = s[n:]
	}
	return all
}

const joiner = '\u200d'

// token is how many bytes the first token of a text has.
func token(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if inWord(r) {
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if !inWord(r) && !attached(r) {
				break
			}
			n += size
		}
		return n
	}
	flag := regional(r)
	for n < len(s) {
		next, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case attached(next), flag && regional(next), r == joiner && !unicode.IsSpace(next) && !inWord(next):
			n += size
			flag = flag && !regional(next)
			r = next
		default:
			return n
		}
	}
	return n
}

// inWord reports letters and digits of scripts that are written with spaces between words. Those that are not, such as Chinese, are
// compared character by character.
func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) &&
		!unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// attached reports what stands on the character before it: marks, joiners, variation selectors, and the skin of an emoji.
func attached(r rune) bool {
	skin := r >= 0x1f3fb && r <= 0x1f3ff
	return r >= 0x300 && (skin || r == joiner || unicode.Is(unicode.M, r) || unicode.Is(unicode.Variation_Selector, r))
}

// regional reports the letters of which two make a flag.
func regional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
