package projections

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Terms are what an inverted index knows a row by: hashes (FNV-1a) of every one and two neighbouring characters of its text, and
// of its filter values. Two terms may share a hash, so whoever searches by terms checks what it finds.
type Terms []int32

// TermText is the kind of the terms of text; filter values are of others.
const TermText byte = 'x'

// Add adds a value of a kind.
func (t *Terms) Add(kind byte, s string) {
	const offset, prime = 2166136261, 16777619
	h := (uint32(offset) ^ uint32(kind)) * prime
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * prime
	}
	*t = append(*t, int32(h)) //nolint:gosec // the bits are kept
}

// AddText adds the characters of folded text and its neighbouring pairs; neither spans a space or a line end.
func (t *Terms) AddText(s string) {
	for word := range strings.FieldsSeq(s) {
		before := -1
		for i, r := range word {
			end := i + utf8.RuneLen(r)
			t.Add(TermText, word[i:end])
			if before >= 0 {
				t.Add(TermText, word[before:end])
			}
			before = i
		}
	}
}

// AddWord adds the fewest terms that any text with this word has: its pairs, or its only character.
func (t *Terms) AddWord(word string) {
	before, pairs := -1, 0
	for i, r := range word {
		if before >= 0 {
			t.Add(TermText, word[before:i+utf8.RuneLen(r)])
			pairs++
		}
		before = i
	}
	if pairs == 0 {
		t.Add(TermText, word)
	}
}

// List is the terms without doubles.
func (t *Terms) List() []int32 {
	slices.Sort(*t)
	return slices.Compact(*t)
}

// Salted are terms as those of a block of rows are stored, told from those of other blocks: so what is looked up in the inverted index
// is a block, however many there are.
func Salted(terms []int32, block int) []int32 {
	salt := int32(uint32(block+1) * 0x9E3779B1) //nolint:gosec // the bits are kept
	own := make([]int32, len(terms))
	for i, t := range terms {
		own[i] = t ^ salt
	}
	return own
}
