package gazetteer

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"waybill/domain/place"
)

// places is what cmd/gazetteer writes: a place a line, the weightiest first: id, kind, country, latitude, longitude, weight, English name,
// Chinese names with their pinyin, and further names.
//
//go:embed places.tsv.gz
var places []byte

const placeFields = 9

// Load unpacks the gazetteer, once in a process.
var Load = sync.OnceValues(load)

func load() (*Gazetteer, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(places))
	if err != nil {
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	var raw strings.Builder
	raw.Grow(int(binary.LittleEndian.Uint32(places[len(places)-4:]))) // gzip ends with the size of what is in it
	if _, err := io.Copy(&raw, unzipped); err != nil {                //nolint:gosec // it is the binary's own
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	g, err := parse(raw.String())
	if err != nil {
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	debug.FreeOSMemory() // loading takes three times the memory of what is kept, and a small server would hold it for minutes
	return g, nil
}

func parse(raw string) (*Gazetteer, error) {
	g := &Gazetteer{}
	codes, err := g.readCountries()
	if err != nil {
		return nil, err
	}
	lines := strings.Count(raw, "\n")
	g.records = make([]record, 0, lines)
	b := builder{unsorted: make([]sortable, 0, 4*lines), text: make([]byte, 0, len(raw)/2)}
	b.names.Grow(len(raw) / 3)
	for line := range strings.Lines(raw) {
		if err := g.add(strings.TrimSuffix(line, "\n"), codes, &b); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	var others sync.WaitGroup
	others.Go(func() { g.tree = newTree(g.records) })
	g.names = b.names.String()
	g.keys, g.text = b.sorted()
	g.byID = make([]uint32, len(g.records))
	for i := range g.byID {
		g.byID[i] = uint32(i)
	}
	slices.SortFunc(g.byID, func(a, b uint32) int { return cmp.Compare(g.records[a].id, g.records[b].id) })
	others.Wait()
	return g, nil
}

// add reads a line.
func (g *Gazetteer) add(line string, codes map[string]uint8, b *builder) error {
	var f [placeFields]string
	rest := line
	for i := range f {
		var more bool
		if f[i], rest, more = strings.Cut(rest, "\t"); more != (i < placeFields-1) {
			return fmt.Errorf("must have %d fields", placeFields)
		}
	}
	kind := slices.Index(kinds, place.Kind(f[1]))
	country, ok := codes[f[2]]
	if kind < 0 || !ok {
		return fmt.Errorf("unknown kind or country")
	}
	id, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return err
	}
	r := record{id: uint32(id), kind: uint8(kind), country: country} //nolint:gosec // there are three kinds
	if r.latitude, err = parseDegrees(f[3]); err != nil {
		return err
	}
	if r.longitude, err = parseDegrees(f[4]); err != nil {
		return err
	}
	weight, err := strconv.ParseUint(f[5], 10, 32)
	if err != nil {
		return err
	}
	r.weight = uint32(weight)
	b.place = uint32(len(g.records)) //nolint:gosec // there are some hundred thousand
	b.add(f[6], keyMain)
	shown, of := f[6], keyMain
	for name := range strings.SplitSeq(f[7], "|") {
		if name == "" {
			continue
		}
		text, pinyin, _ := strings.Cut(name, ":")
		if of == keyMain {
			shown = text
		}
		b.add(text, of)
		b.add(pinyin, of)
		b.addInitials(pinyin)
		of = keyOther
	}
	for name := range strings.SplitSeq(f[8], "|") {
		b.add(name, keyOther)
	}
	if len(shown) > math.MaxUint8 || len(f[6]) > math.MaxUint8 {
		return fmt.Errorf("the name is too long")
	}
	r.names, r.chinese, r.english = uint32(b.names.Len()), uint8(len(shown)), uint8(len(f[6])) //nolint:gosec // some megabytes
	b.names.WriteString(shown)
	b.names.WriteString(f[6])
	g.records = append(g.records, r)
	return nil
}

// parseDegrees reads degrees with at most four places after the point.
func parseDegrees(s string) (int32, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(v) > 180 {
		return 0, fmt.Errorf("%q are no degrees", s)
	}
	return int32(math.Round(v * degree)), nil
}
