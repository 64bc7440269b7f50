package listing

import (
	"slices"
	"strings"

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

// The kinds of terms beside those of text.
const (
	termMode    byte = 'm'
	termCountry byte = 'c'
	termCity    byte = 'y'
	termTag     byte = 't'
)

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
