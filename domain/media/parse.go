package media

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mostBytes is the most that an image may be allowed to have.
const mostBytes = 16 << 20

// ParsePolicies returns the standard policies changed by a list such as "logo.pixels=box, cover.bytes=524288, licence.formats=png":
//
//   - PURPOSE.pixels is exact, box (fewer pixels are a soft finding) or any,
//   - PURPOSE.bytes is a number from 1 to 16777216,
//   - PURPOSE.formats is jpeg, png or jpeg+png.
//
// An error says what is wanted, and what it got.
func ParsePolicies(list string) (Policies, error) {
	policies := Standard()
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		purpose, what, _ := strings.Cut(name, ".")
		p, known := policies[Purpose(purpose)]
		if !known {
			return nil, fmt.Errorf("settings of the purposes %v, such as logo.pixels=box; got %q", Purposes, item)
		}
		var ok bool
		switch what {
		case "pixels":
			ok = p.setPixels(value)
		case "bytes":
			n, err := strconv.ParseInt(value, 10, 64)
			p.MaxBytes, ok = n, err == nil && n >= 1 && n <= mostBytes
		case "formats":
			ok = p.setFormats(value)
		}
		if !ok {
			return nil, fmt.Errorf("%s.pixels=exact|box|any, .bytes=1…%d or .formats=jpeg|png|jpeg+png; got %q", purpose, mostBytes, item)
		}
		policies[Purpose(purpose)] = p
	}
	return policies, nil
}

func (p *Policy) setPixels(rule string) bool {
	for _, side := range []*Pixels{&p.Width, &p.Height} {
		side.Exact = rule == "exact" && side.Want > 0
		if rule == "any" {
			side.Want = 0
		}
	}
	return slices.Contains([]string{"exact", "box", "any"}, rule)
}

func (p *Policy) setFormats(list string) bool {
	p.Formats = nil
	for _, name := range strings.Split(list, "+") {
		format := Format("image/" + name)
		if (format != JPEG && format != PNG) || slices.Contains(p.Formats, format) {
			return false
		}
		p.Formats = append(p.Formats, format)
	}
	return true
}
