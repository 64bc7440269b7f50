package api

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"waybill/domain"
	"waybill/projections/listing"
)

// degrees are written as people and programs write them, such as 1e-7 beside Greenwich: no other exponent, no NaN, no infinity, nothing
// in hexadecimal.
var degrees = regexp.MustCompile(`^[+-]?(\d{1,3}(\.\d{0,20})?|\.\d{1,20})([eE]-\d{1,3})?$`)

// parseBox reads the four numbers of a parameter: west, south, east, north. It finds all mistakes of one kind at once: bad_bbox is what
// is no four numbers, out_of_range degrees that are not on the earth, empty_bbox what has no width or no height.
func parseBox(parameter, s string) (listing.Box, domain.Fields) {
	var (
		mistakes domain.Fields
		at       [4]float64
	)
	parts := strings.Split(s, ",")
	if len(parts) != len(at) {
		mistakes.Add(parameter, "bad_bbox", fmt.Sprintf("须为以逗号分隔的四个度数：西,南,东,北；收到 %d 个", len(parts)),
			fmt.Sprintf("must be four numbers of degrees with commas: west,south,east,north; got %d", len(parts)))
		return listing.Box{}, mistakes
	}
	for i, part := range parts {
		part = strings.TrimSpace(part)
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || !degrees.MatchString(part) {
			mistakes.Add(parameter, "bad_bbox", fmt.Sprintf("第 %d 个不是度数，须写作 108.5 或 -17 的形式", i+1),
				fmt.Sprintf("number %d is not written like 108.5 or -17", i+1))
			continue
		}
		at[i] = n
	}
	if len(mistakes) > 0 {
		return listing.Box{}, mistakes
	}
	b := listing.Box{West: at[0], South: at[1], East: at[2], North: at[3]}
	if b.West < -180 || b.West > 180 || b.East < -180 || b.East > 180 {
		mistakes.Add(parameter, "out_of_range", "西与东须在 -180 到 180 之间；跨越 180° 经线时西大于东",
			"west and east must be from -180 to 180; west is greater than east where the box crosses the date line")
	}
	if b.South < -90 || b.South > 90 || b.North < -90 || b.North > 90 {
		mistakes.Add(parameter, "out_of_range", "南与北须在 -90 到 90 之间", "south and north must be from -90 to 90")
	}
	if len(mistakes) > 0 {
		return b, mistakes
	}
	// The date line has two names: what ends or begins there does so on the side where the box is.
	if b.West == 180 {
		b.West = -180
	}
	if b.East == -180 {
		b.East = 180
	}
	if b.South >= b.North {
		mistakes.Add(parameter, "empty_bbox", "南须小于北，顺序为西,南,东,北", "south must be less than north; the order is west,south,east,north")
	}
	if b.West == b.East {
		mistakes.Add(parameter, "empty_bbox", "西与东相同，范围没有宽度", "west and east are the same: the box has no width")
	}
	return b, mistakes
}
