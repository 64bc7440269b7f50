package gazetteer

import (
	"math"
	"strings"
	"unicode/utf8"

	"waybill/domain/place"
)

var _ place.Gazetteer = (*Gazetteer)(nil)

// Find implements place.Gazetteer. The city is compared as a whole, in Chinese (with 市 or without), pinyin, or Latin letters. The
// distance is in tenths of a kilometre.
func (g *Gazetteer) Find(country, city string, at place.Point) place.Fact {
	in, text := g.named[Fold(country)], Fold(city)
	if len(in) == 0 || text == "" {
		return place.Fact{}
	}
	fact := g.nearestNamed(text, in, at)
	if stem, ok := strings.CutSuffix(text, "市"); !fact.Known() && ok && utf8.RuneCountInString(stem) > 1 {
		fact = g.nearestNamed(stem, in, at)
	}
	return fact
}

// nearestNamed is the nearest of those whose name a text is.
func (g *Gazetteer) nearestNamed(text string, in []uint8, at place.Point) place.Fact {
	var fact place.Fact
	nearest := math.Inf(1)
	from, exact, _ := g.beginning(text)
	for _, k := range g.keys[from:exact] {
		r := &g.records[k.place]
		if k.of == keyInitials || !g.isIn(r, in) {
			continue
		}
		if d := place.Distance(at, r.point()); d < nearest {
			nearest = d
			fact = place.Fact{ID: int64(r.id), Distance: math.Round(d*10) / 10}
		}
	}
	return fact
}
