package projections

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"waybill/domain"
)

// SearchText is what a text filter looks in: the fields, each folded on a line of its own, so that no word spans two.
func SearchText(fields ...string) string {
	lines := make([]string, len(fields))
	for i, field := range fields {
		lines[i] = fold(field)
	}
	return strings.Join(lines, "\n")
}

// AndWords adds that a column of SearchText has every word of a text, anywhere.
func (w *Where) AndWords(column, text string) {
	for _, word := range strings.Fields(fold(text)) {
		w.And("strpos("+column+", ?) > 0", word)
	}
}

// fold cleans text as typed text is, and takes away width, compatibility forms and case.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(domain.CleanText(Storable(s))))), " ")
}
