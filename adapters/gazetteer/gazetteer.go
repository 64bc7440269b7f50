// Package gazetteer knows the cities of the world with their names in Chinese, pinyin and Latin letters, the ports and rail hubs that
// matter from Hainan, and all countries: a data set of GeoNames that the binary holds, in memory.
package gazetteer

import (
	"cmp"
	"slices"

	"waybill/domain"
	"waybill/domain/place"
)

// Attribution is what must be shown beside the data: ATTRIBUTION.md.
func (*Gazetteer) Attribution() domain.Text { return attribution }

var attribution = domain.Text{
	ZH: "地名数据来自 GeoNames（https://www.geonames.org），采用 CC BY 4.0 许可，经筛选与补充",
	EN: "Place data from GeoNames (https://www.geonames.org) under CC BY 4.0, selected and amended",
}

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
