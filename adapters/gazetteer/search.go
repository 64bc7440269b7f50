package gazetteer

import (
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"waybill/domain/place"
)

// Search finds places by the beginning of a name in Chinese, in pinyin, in its initials or in Latin letters: those whose whole name it is
// first, among them those whose name it is that is shown, then by population. With a country (a code or a name, 中国 with all that is in
// it) only those there, and without a text the largest cities. When there is nothing of a name, one that begins or ends with the name of
// a country is searched there, and that of a country finds its largest cities. At most limit, none for a country that there is not.
func (g *Gazetteer) Search(text, country string, limit int) []place.Place {
	var in []uint8
	if country != "" {
		if in = g.named[Fold(country)]; len(in) == 0 {
			return nil
		}
	}
	var found []uint32
	switch folded := Fold(text); {
	case limit <= 0:
	case folded != "":
		found = g.byName(folded, in, limit)
	case strings.TrimSpace(text) == "":
		found = g.largest(in, limit)
	}
	all := make([]place.Place, len(found))
	for i, at := range found {
		all[i] = g.place(at)
	}
	return all
}

// byName searches for a folded text, and when there is nothing, for what else may have been meant.
func (g *Gazetteer) byName(folded string, in []uint8, limit int) []uint32 {
	if found := g.match(folded, in, limit); len(found) > 0 {
		return found
	}
	if stem, ok := strings.CutSuffix(folded, "市"); ok && utf8.RuneCountInString(stem) > 1 {
		if found := g.match(stem, in, limit); len(found) > 0 {
			return found
		}
	}
	if in != nil {
		return nil
	}
	if there := g.named[folded]; len(there) > 0 {
		return g.largest(there, limit)
	}
	// 越南海防, Haiphong, Vietnam: the longest name of a country that is there.
	var best []uint32
	longest := 0
	for name, there := range g.named {
		rest, ok := strings.CutPrefix(folded, name)
		if !ok {
			rest, ok = strings.CutSuffix(folded, name)
		}
		if !ok || rest == "" || len(name) <= max(2, longest) {
			continue
		}
		if found := g.match(rest, there, limit); len(found) > 0 {
			best, longest = found, len(name)
		}
	}
	return best
}

// largest are the first cities in the order of records.
func (g *Gazetteer) largest(in []uint8, limit int) []uint32 {
	var found []uint32
	for i := range g.records {
		r := &g.records[i]
		if kinds[r.kind] == place.City && (in == nil || g.isIn(r, in)) {
			if found = append(found, uint32(i)); len(found) == limit {
				break
			}
		}
	}
	return found
}

// keyText is the text of a key.
func (g *Gazetteer) keyText(k key) string { return g.text[k.at : k.at+uint32(k.size)] }

// beginning are the keys that begin with a text, from one index to another; those up to exact are no longer than it.
func (g *Gazetteer) beginning(text string) (from, exact, to int) {
	from = sort.Search(len(g.keys), func(i int) bool { return g.keyText(g.keys[i]) >= text })
	exact = from + sort.Search(len(g.keys)-from, func(i int) bool { return g.keyText(g.keys[from+i]) > text })
	to = exact + sort.Search(len(g.keys)-exact, func(i int) bool { return !strings.HasPrefix(g.keyText(g.keys[exact+i]), text) })
	return from, exact, to
}

// hit is a place that was found, the lower rank the better.
type hit struct {
	rank  uint64
	place uint32
}

// The ranks, before the weight: whose whole name it is, whose further name or initials, and whose name begins so.
const (
	rankWhole uint64 = iota << 32
	rankOther
	rankBegin
)

// faint is how many times more weight a place must have whose further name begins with a text to be before one whose name does.
const faint = 16

// match are the best places of which a key begins with a text.
func (g *Gazetteer) match(text string, in []uint8, limit int) []uint32 {
	from, exact, to := g.beginning(text)
	best := make([]hit, 0, limit)
	for i := from; i < to; i++ {
		k := g.keys[i]
		r := &g.records[k.place]
		rank, weight := rankBegin, r.weight
		switch {
		case i < exact && k.of == keyMain:
			rank = rankWhole
		case i < exact:
			rank = rankOther
		case k.of != keyMain:
			weight /= faint
		}
		h := hit{rank + uint64(math.MaxUint32-weight), k.place}
		if len(best) == limit && h.rank >= best[limit-1].rank {
			continue
		}
		if in == nil || g.isIn(r, in) {
			best = keep(best, h, limit)
		}
	}
	found := make([]uint32, len(best))
	for i, h := range best {
		found[i] = h.place
	}
	return found
}

// keep puts a hit in its place among the best, each place once.
func keep(best []hit, h hit, limit int) []hit {
	if i := slices.IndexFunc(best, func(b hit) bool { return b.place == h.place }); i >= 0 {
		if best[i].rank <= h.rank {
			return best
		}
		best = slices.Delete(best, i, i+1)
	}
	if len(best) == limit {
		best = best[:limit-1]
	}
	at := len(best)
	for at > 0 && (best[at-1].rank > h.rank || (best[at-1].rank == h.rank && best[at-1].place > h.place)) {
		at--
	}
	return slices.Insert(best, at, h)
}
