package place_test

import (
	"errors"
	"testing"

	"waybill/domain/place"
)

// atlas knows one city.
type atlas struct {
	country, city string
	id            int64
	at            place.Point
}

func (a atlas) Find(country, city string, at place.Point) place.Fact {
	if country != a.country || city != a.city {
		return place.Fact{}
	}
	return place.Fact{ID: a.id, Distance: place.Distance(a.at, at)}
}

func TestMatchOf(t *testing.T) {
	shanghai := place.Point{Latitude: 31.1774276, Longitude: 121.5272106}
	a := atlas{"中国", "上海", 1796236, shanghai}
	for _, c := range []struct {
		name, country, city, crs string
		raw                      place.Point
		known, far               bool
	}{
		{"where it is", "中国", "上海", place.WGS84, shanghai, true, false},
		{"where it is on AMap", "中国", "上海", place.GCJ02, place.Point{Latitude: 31.17530398364597, Longitude: 121.531541859215}, true, false},
		{"too far from it", "中国", "上海", place.WGS84, place.Point{Latitude: 32.2, Longitude: 121.5}, true, true},
		{"just not too far", "中国", "上海", place.WGS84, place.Point{Latitude: shanghai.Latitude + 0.899, Longitude: shanghai.Longitude}, true, false},
		{"another city", "中国", "洋山", place.WGS84, shanghai, false, false},
	} {
		m, err := place.MatchOf(a, c.country, c.city, c.raw, c.crs)
		if err != nil || m.Fact.Known() != c.known || m.Far() != c.far {
			t.Errorf("%s: %+v, %v", c.name, m, err)
		}
		if !c.far && !(place.Distance(m.Point, shanghai) < 101) {
			t.Errorf("%s: at %v", c.name, m.Point)
		}
	}
	if m, err := place.MatchOf(a, "中国", "上海", place.Point{Latitude: 31.17530398364597, Longitude: 121.531541859215}, place.GCJ02); err != nil || m.Fact.Distance > metre {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := place.MatchOf(a, "中国", "上海", shanghai, "EPSG:4326"); !errors.Is(err, place.ErrUnknownSystem) {
		t.Errorf("got %v", err)
	}
	if _, err := place.MatchOf(a, "中国", "上海", place.Point{Latitude: 95}, place.WGS84); !errors.Is(err, place.ErrNoPoint) {
		t.Errorf("got %v", err)
	}
}
