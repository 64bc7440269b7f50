package projections

import "strings"

// SearchText is what a text filter looks in: the fields, each folded on a line of its own, so that no word spans two.
func SearchText(fields ...string) string {
	lines := make([]string, len(fields))
	for i, field := range fields {
		lines[i] = FoldText(field)
	}
	return strings.Join(lines, "\n")
}
