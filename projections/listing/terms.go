package listing

import (
	"slices"
	"strings"
	"unicode/utf8"

	"waybill/domain/product"
	"waybill/projections"
)

// searchText is what a text filter looks in: the folded fields, each on its own line, so that no word spans two.
func searchText(c product.Content) string {
	lines := append([]string{c.Name, c.Brief, c.Destination.Country, c.Destination.City}, c.Tags...)
	for i, line := range lines {
		lines[i] = projections.FoldText(line)
	}
	return strings.Join(lines, "\n")
}

// terms are what the inverted index knows a product by: hashes (FNV-1a) of every one and two neighbouring characters, and
// of its filter values. Two terms may share a hash, so whoever searches by terms checks what it finds.
type terms []int32

func (t *terms) add(kind byte, s string) {
	const offset, prime = 2166136261, 16777619
	h := (uint32(offset) ^ uint32(kind)) * prime
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * prime
	}
	*t = append(*t, int32(h)) //nolint:gosec // the bits are kept
}

// The kinds of terms.
const (
	termText    byte = 'x'
	termMode    byte = 'm'
	termCountry byte = 'c'
	termCity    byte = 'y'
	termTag     byte = 't'
)

// addText adds the characters of folded text and its neighbouring pairs; neither spans a space or a line end.
func (t *terms) addText(s string) {
	for word := range strings.FieldsSeq(s) {
		before := -1
		for i, r := range word {
			end := i + utf8.RuneLen(r)
			t.add(termText, word[i:end])
			if before >= 0 {
				t.add(termText, word[before:end])
			}
			before = i
		}
	}
}

// addWord adds the fewest terms that any text with this word has: its pairs, or its only character.
func (t *terms) addWord(word string) {
	before, pairs := -1, 0
	for i, r := range word {
		if before >= 0 {
			t.add(termText, word[before:i+utf8.RuneLen(r)])
			pairs++
		}
		before = i
	}
	if pairs == 0 {
		t.add(termText, word)
	}
}

// list is the terms without doubles.
func (t *terms) list() []int32 {
	slices.Sort(*t)
	return slices.Compact(*t)
}

// tagKeys are a product's tags as filters compare them, ascending and without doubles.
func tagKeys(tags []string) []string {
	keys := make([]string, 0, len(tags))
	for _, tag := range tags {
		if key := projections.FoldText(tag); key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
