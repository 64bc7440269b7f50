package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"waybill/adapters/gazetteer"
	"waybill/domain/place"
)

// entry is one place.
type entry struct {
	id                  int64
	kind                place.Kind
	country             string
	latitude, longitude float64
	// weight is the population; a hub's is what population it ranks with.
	weight  int
	english string
	// chinese names, the one that is shown first; others are further names that it is found by.
	chinese []name
	others  []string
}

// name is a Chinese name and its pinyin, a syllable a word.
type name struct{ text, pinyin string }

// The columns of GeoNames' tables.
const (
	columnID, columnName, columnASCII, columnNames, columnLatitude, columnLongitude = 0, 1, 2, 3, 4, 5
	columnFeature, columnCountry, columnPopulation, columns                         = 7, 8, 14, 19
)

// parts are the feature codes of what is no place to ship to by itself: sections of a place, and what is abandoned or gone.
var parts = []string{"PPLX", "PPLQ", "PPLH", "PPLW", "PPLCH"}

// namesFrom is the population from which on a place is found by its names in other languages.
const namesFrom = 15_000

// readCities reads GeoNames' table.
func readCities(raw []byte, c *chinese) ([]entry, error) {
	var all []entry
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != columns {
			return nil, fmt.Errorf("%q has %d columns", line, len(f))
		}
		if slices.Contains(parts, f[columnFeature]) {
			continue
		}
		e := entry{kind: place.City, country: f[columnCountry], english: clean(f[columnName])}
		if e.country == "XK" {
			e.country = "RS" // ISO 3166-1 has no such code
		}
		var err error
		if e.id, err = strconv.ParseInt(f[columnID], 10, 64); err != nil {
			return nil, err
		}
		if e.latitude, err = strconv.ParseFloat(f[columnLatitude], 64); err != nil {
			return nil, err
		}
		if e.longitude, err = strconv.ParseFloat(f[columnLongitude], 64); err != nil {
			return nil, err
		}
		if e.weight, err = strconv.Atoi(f[columnPopulation]); err != nil {
			return nil, err
		}
		names := strings.Split(f[columnNames], ",")
		latin := append([]string{f[columnName], f[columnASCII]}, names...)
		han := c.choose(&e, names, latin)
		important := e.weight >= namesFrom || f[columnFeature] == "PPLC" || f[columnFeature] == "PPLA"
		e.nameOthers(han, latin, important)
		all = append(all, e)
	}
	return all, nil
}

// nameOthers keeps each further name once, as it is compared.
func (e *entry) nameOthers(han, latin []string, important bool) {
	seen := map[string]bool{gazetteer.Fold(e.english): true}
	for _, n := range e.chinese {
		seen[gazetteer.Fold(n.text)] = true
		seen[strings.ReplaceAll(n.pinyin, " ", "")] = true
	}
	add := func(s string) {
		if key := gazetteer.Fold(s); key != "" && !seen[key] {
			seen[key] = true
			e.others = append(e.others, clean(s))
		}
	}
	for _, s := range han {
		add(s)
	}
	if !important {
		return
	}
	for _, s := range latin {
		if isName(s) {
			add(s)
		}
	}
}

// isName reports a name in Latin letters. What begins with a small letter is a transcription of another script, as is what has dots and
// brackets.
func isName(s string) bool {
	const longest = 30
	for i, r := range s {
		switch {
		case i == 0 && !unicode.IsUpper(r), strings.ContainsRune(".()/", r):
			return false
		case !unicode.In(r, unicode.Latin, unicode.Mn) && r > 0x7f && r != '’' && r != 'ʼ' && r != '‘':
			return false
		}
	}
	return s != "" && len(s) <= longest
}

// clean takes out what the table is written with.
func clean(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\t", " ", "|", " ", ":", " ").Replace(s))
}

// readHub reads a row of hubs.tsv: id, kind, country, Chinese and English name, latitude, longitude, weight, and further names.
func readHub(f []string, c *chinese) (entry, error) {
	e := entry{kind: place.Kind(f[1]), country: f[2], english: f[4], chinese: []name{{f[3], c.pinyin(f[3], nil)}}}
	var err error
	if e.id, err = strconv.ParseInt(f[0], 10, 64); err != nil {
		return e, err
	}
	if e.latitude, err = strconv.ParseFloat(f[5], 64); err != nil {
		return e, err
	}
	if e.longitude, err = strconv.ParseFloat(f[6], 64); err != nil {
		return e, err
	}
	if e.weight, err = strconv.Atoi(f[7]); err != nil {
		return e, err
	}
	if len(f) > 8 {
		for s := range strings.SplitSeq(f[8], "|") {
			if isHan(s) {
				e.chinese = append(e.chinese, name{s, c.pinyin(s, nil)})
			} else {
				e.others = append(e.others, s)
			}
		}
	}
	return e, nil
}
