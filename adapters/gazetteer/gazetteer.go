// Package gazetteer knows the cities of the world with their names in Chinese, pinyin and Latin letters, the ports and rail hubs that
// matter from Hainan, and all countries: a data set of GeoNames that the binary holds, in memory.
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

	"waybill/domain"
	"waybill/domain/place"
)

// Attribution is what must be shown beside the data: ATTRIBUTION.md.
func (*Gazetteer) Attribution() domain.Text { return attribution }

var attribution = domain.Text{
	ZH: "地名数据来自 GeoNames（https://www.geonames.org），采用 CC BY 4.0 许可，经筛选与补充",
	EN: "Place data from GeoNames (https://www.geonames.org) under CC BY 4.0, selected and amended",
}

// places is what cmd/gazetteer writes: a place a line, the weightiest first: id, kind, country, latitude, longitude, weight, English name,
// Chinese names with their pinyin, and further names.
//
//go:embed places.tsv.gz
var places []byte

const placeFields = 9

// record is a place as it is held: small, and without anything that the garbage collector has to follow.
type record struct {
	id uint32
	// latitude and longitude are in ten thousandths of a degree.
	latitude, longitude int32
	weight              uint32
	// The Chinese name begins at names in the gazetteer's, and the English one follows it.
	names            uint32
	chinese, english uint8
	country, kind    uint8
}

// degree is what a degree is in a record.
const degree = 10_000

func (r *record) point() place.Point {
	return place.Point{Latitude: float64(r.latitude) / degree, Longitude: float64(r.longitude) / degree}
}

var kinds = []place.Kind{place.City, place.Port, place.RailHub}

// The kinds of keys, the best first.
const (
	keyMain     uint8 = iota // the name that is shown, in either language, and the Chinese one in pinyin
	keyOther                 // any other name
	keyInitials              // the initials of a pinyin
)

// key is a folded name of a place.
type key struct {
	at, place uint32
	size, of  uint8
}

// Gazetteer is safe for concurrent use: nothing changes once it is loaded.
type Gazetteer struct {
	records []record
	names   string
	// byID are the indexes of records, by their ids.
	byID []uint32
	// keys in the order of their texts, which are in text.
	keys      []key
	text      string
	countries []country
	// named are the countries of a folded name.
	named map[string][]uint8
	tree  tree
}

// Load unpacks the gazetteer, once in a process.
var Load = sync.OnceValues(load)

func load() (*Gazetteer, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(places))
	if err != nil {
		return nil, fmt.Errorf("gazetteer: %w", err)
	}
	var raw strings.Builder
	raw.Grow(int(binary.LittleEndian.Uint32(places[len(places)-4:]))) // gzip ends with the size of what is in it
	if _, err := io.Copy(&raw, unzipped); err != nil {
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
		g.byID[i] = uint32(i) //nolint:gosec // there are some hundred thousand
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

// builder collects the keys.
type builder struct {
	unsorted []sortable
	text     []byte
	place    uint32
	names    strings.Builder
}

// sortable is a key with its first eight bytes, which decide nearly every comparison.
type sortable struct {
	begins uint64
	key
}

// add adds a name of the place.
func (b *builder) add(name string, of uint8) {
	at := len(b.text)
	b.text = appendFold(b.text, name)
	b.end(at, of)
}

// addInitials adds the first letters of syllables.
func (b *builder) addInitials(pinyin string) {
	at := len(b.text)
	for i := range len(pinyin) {
		if i == 0 || pinyin[i-1] == ' ' {
			b.text = append(b.text, pinyin[i])
		}
	}
	b.end(at, keyInitials)
}

// end makes a key of what was added to the text, unless it is nothing, or a single initial.
func (b *builder) end(at int, of uint8) {
	folded := b.text[at:]
	const longest = 1<<8 - 1
	if len(folded) == 0 || len(folded) > longest || (of == keyInitials && len(folded) == 1) {
		b.text = b.text[:at]
		return
	}
	var first [8]byte
	copy(first[:], folded)
	b.unsorted = append(b.unsorted, sortable{
		begins: binary.BigEndian.Uint64(first[:]),
		key:    key{at: uint32(at), size: uint8(len(folded)), of: of, place: b.place}, //nolint:gosec // some megabytes
	})
}

// sorted are the keys in order, each name of a place once, as the best that it is, and their texts, each once.
func (b *builder) sorted() ([]key, string) {
	of := func(k key) []byte { return b.text[k.at : k.at+uint32(k.size)] }
	slices.SortFunc(b.unsorted, func(x, y sortable) int {
		if x.begins != y.begins {
			return cmp.Compare(x.begins, y.begins)
		}
		if x.size > 8 || y.size > 8 {
			if c := bytes.Compare(of(x.key), of(y.key)); c != 0 {
				return c
			}
		} else if x.size != y.size {
			return cmp.Compare(x.size, y.size)
		}
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.of, y.of))
	})
	keys := make([]key, 0, len(b.unsorted))
	var text strings.Builder
	text.Grow(len(b.text))
	for _, s := range b.unsorted {
		if n := len(keys); n > 0 {
			last := keys[n-1]
			if text.String()[last.at:last.at+uint32(last.size)] == string(of(s.key)) {
				if last.place != s.place {
					keys = append(keys, key{at: last.at, size: last.size, of: s.of, place: s.place})
				}
				continue
			}
		}
		at := uint32(text.Len()) //nolint:gosec // some megabytes
		text.Write(of(s.key))
		keys = append(keys, key{at: at, size: s.size, of: s.of, place: s.place})
	}
	return slices.Clone(keys), strings.Clone(text.String())
}

// Place is the one with an id; false when there is none.
func (g *Gazetteer) Place(id int64) (place.Place, bool) {
	i, ok := slices.BinarySearchFunc(g.byID, id, func(i uint32, id int64) int { return cmp.Compare(int64(g.records[i].id), id) })
	if !ok {
		return place.Place{}, false
	}
	return g.place(g.byID[i]), true
}

func (g *Gazetteer) place(i uint32) place.Place {
	r := &g.records[i]
	chinese := r.names + uint32(r.chinese)
	return place.Place{
		ID: int64(r.id), Kind: kinds[r.kind], Country: g.countries[r.country].Country, Point: r.point(),
		Name: domain.Text{ZH: g.names[r.names:chinese], EN: g.names[chinese : chinese+uint32(r.english)]},
	}
}
