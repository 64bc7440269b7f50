package gazetteer

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"waybill/domain"
	"waybill/domain/place"
)

// countryTable is kept by hand: code, Chinese and English name, and further names that a country is found by.
//
//go:embed countries.tsv
var countryTable string

type country struct {
	place.Country

	// within is the country that it is a part of; itself otherwise.
	within uint8
}

// regions are the codes of ISO 3166-1 that are parts of China: whoever asks for China asks for them too.
var regions = []string{"HK", "MO", "TW"}

// readCountries reads the table, and returns where in it each code is.
func (g *Gazetteer) readCountries() (map[string]uint8, error) {
	codes := map[string]uint8{}
	g.named = map[string][]uint8{}
	for line := range strings.Lines(countryTable) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 3 || len(f[0]) != 2 {
			return nil, fmt.Errorf("countries: %q", line)
		}
		i := uint8(len(g.countries)) //nolint:gosec // TestCountries counts them
		codes[f[0]] = i
		g.countries = append(g.countries, country{place.Country{Code: f[0], Name: domain.Text{ZH: f[1], EN: f[2]}}, i})
		names := f[:3]
		if len(f) > 3 {
			names = slices.Concat(names, strings.Split(f[3], "|"))
		}
		for _, name := range names {
			if folded := Fold(name); !slices.Contains(g.named[folded], i) {
				g.named[folded] = append(g.named[folded], i)
			}
		}
	}
	china, ok := codes["CN"]
	if !ok {
		return nil, fmt.Errorf("countries: there is no CN")
	}
	for _, code := range regions {
		g.countries[codes[code]].within = china
	}
	return codes, nil
}

// Countries are all of ISO 3166-1, by their codes.
func (g *Gazetteer) Countries() []place.Country {
	all := make([]place.Country, len(g.countries))
	for i, c := range g.countries {
		all[i] = c.Country
	}
	return all
}

// Country is the one that has a name, or a code; false when there is none.
func (g *Gazetteer) Country(name string) (place.Country, bool) {
	found := g.named[Fold(name)]
	if len(found) == 0 {
		return place.Country{}, false
	}
	return g.countries[found[0]].Country, true
}

// isIn reports whether a record's country is one of some, or within one.
func (g *Gazetteer) isIn(r *record, some []uint8) bool {
	return slices.Contains(some, r.country) || slices.Contains(some, g.countries[r.country].within)
}
