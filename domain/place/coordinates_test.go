package place_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"waybill/domain/place"
)

// metre is a hundred-thousandth of a degree or so, in kilometres.
const metre = 0.001

// TestReferencePoints holds the conversions to pairs that others have published.
func TestReferencePoints(t *testing.T) {
	for _, c := range []struct {
		name, source string
		from         string
		at           place.Point
		to           string
		want         place.Point
	}{
		{"Shanghai", "googollee/eviltransform, go/transform_test.go", place.WGS84, place.Point{Latitude: 31.1774276, Longitude: 121.5272106}, place.GCJ02, place.Point{Latitude: 31.17530398364597, Longitude: 121.531541859215}},
		{"Shenzhen", "the same", place.WGS84, place.Point{Latitude: 22.543847, Longitude: 113.912316}, place.GCJ02, place.Point{Latitude: 22.540796131694766, Longitude: 113.9171764808363}},
		{"Beijing", "the same", place.WGS84, place.Point{Latitude: 39.911954, Longitude: 116.377817}, place.GCJ02, place.Point{Latitude: 39.91334545536069, Longitude: 116.38404722455657}},
		{"Tiananmen", "wandergis/coordtransform, test/app.js", place.WGS84, place.Point{Latitude: 39.915, Longitude: 116.404}, place.GCJ02, place.Point{Latitude: 39.91640428150164, Longitude: 116.41024449916938}},
		{"Tiananmen", "the same", place.GCJ02, place.Point{Latitude: 39.915, Longitude: 116.404}, place.BD09, place.Point{Latitude: 39.92133699351021, Longitude: 116.41036949371029}},
		{"Tiananmen", "the same", place.BD09, place.Point{Latitude: 39.915, Longitude: 116.404}, place.GCJ02, place.Point{Latitude: 39.90865673957631, Longitude: 116.39762729119315}},
	} {
		wgs, err := place.ToWGS84(c.at, c.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := place.FromWGS84(wgs, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if d := place.Distance(got, c.want); !(d < metre) {
			t.Errorf("%s (%s): %s %v is %s %v, %.1f m from %v", c.name, c.source, c.from, c.at, c.to, got, d*1000, c.want)
		}
		back, err := place.ToWGS84(c.want, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if d := place.Distance(back, wgs); !(d < metre) {
			t.Errorf("%s (%s): back from %s it is %.1f m off", c.name, c.source, c.to, d*1000)
		}
	}
}

// TestWhereTheShiftsApply has the cities of both sides of the borders, and what is known to be wrong at the end.
func TestWhereTheShiftsApply(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      place.Point
		shifted bool
	}{
		{"Sanya", place.Point{Latitude: 18.2528, Longitude: 109.512}, true},
		{"Beijing", place.Point{Latitude: 39.9042, Longitude: 116.4074}, true},
		{"Kashgar", place.Point{Latitude: 39.4704, Longitude: 75.9898}, true},
		{"Mohe", place.Point{Latitude: 52.972, Longitude: 122.5386}, true},
		{"Dongxing, across from Vietnam", place.Point{Latitude: 21.5479, Longitude: 107.972}, true},
		{"Suifenhe, across from Russia", place.Point{Latitude: 44.4124, Longitude: 131.1526}, true},
		{"Hong Kong", place.Point{Latitude: 22.2783, Longitude: 114.1747}, true},
		{"Macau", place.Point{Latitude: 22.2006, Longitude: 113.5461}, true},
		{"Taipei", place.Point{Latitude: 25.0478, Longitude: 121.5319}, false},
		{"Kaohsiung", place.Point{Latitude: 22.6163, Longitude: 120.3133}, false},
		{"Haiphong", place.Point{Latitude: 20.8648, Longitude: 106.6835}, false},
		{"Hanoi", place.Point{Latitude: 21.0245, Longitude: 105.8412}, false},
		{"Vientiane", place.Point{Latitude: 17.9667, Longitude: 102.6}, false},
		{"Bangkok", place.Point{Latitude: 13.754, Longitude: 100.5014}, false},
		{"Singapore", place.Point{Latitude: 1.2897, Longitude: 103.8501}, false},
		{"Vladivostok", place.Point{Latitude: 43.1056, Longitude: 131.8735}, false},
		{"Seoul", place.Point{Latitude: 37.566, Longitude: 126.9784}, false},
		{"Tokyo", place.Point{Latitude: 35.6895, Longitude: 139.6917}, false},
		{"Delhi", place.Point{Latitude: 28.6519, Longitude: 77.2315}, false},
		{"Lahore", place.Point{Latitude: 31.558, Longitude: 74.3507}, false},
		{"Almaty", place.Point{Latitude: 43.25, Longitude: 76.95}, false},
		{"Rotterdam", place.Point{Latitude: 51.9225, Longitude: 4.4792}, false},
		{"the South Pole", place.Point{Latitude: -90, Longitude: 0}, false},
		{"the antimeridian", place.Point{Latitude: 0, Longitude: -180}, false},
		{"Kathmandu, which is not in China", place.Point{Latitude: 27.7017, Longitude: 85.3206}, true},
		{"Lang Son, which is not in China", place.Point{Latitude: 21.8526, Longitude: 106.761}, true},
		{"Heihe, which is", place.Point{Latitude: 50.2441, Longitude: 127.4902}, false},
	} {
		if got := place.InChina(c.at); got != c.shifted {
			t.Errorf("%s: shifted %v, want %v", c.name, got, c.shifted)
		}
		for _, crs := range []string{place.GCJ02, place.BD09} {
			seen, err := place.FromWGS84(c.at, crs)
			if err != nil {
				t.Fatal(err)
			}
			if d := place.Distance(seen, c.at); (d > 0) != c.shifted || d > 2 {
				t.Errorf("%s in %s is %.3f km off", c.name, crs, d)
			}
		}
	}
}

func TestWhatIsNoPoint(t *testing.T) {
	for name, p := range map[string]place.Point{
		"too far north": {Latitude: 90.0001}, "too far south": {Latitude: -91}, "too far east": {Longitude: 181}, "too far west": {Longitude: -180.5},
		"no latitude": {Latitude: math.NaN()}, "no longitude": {Longitude: math.NaN()}, "infinite": {Latitude: math.Inf(1)},
	} {
		for _, crs := range place.Systems {
			if _, err := place.ToWGS84(p, crs); !errors.Is(err, place.ErrNoPoint) {
				t.Errorf("%s to WGS-84: %v", name, err)
			}
			if _, err := place.FromWGS84(p, crs); !errors.Is(err, place.ErrNoPoint) {
				t.Errorf("%s from WGS-84: %v", name, err)
			}
		}
	}
	for _, crs := range []string{"", "wgs-84", "EPSG:4326", "GCJ02"} {
		if _, err := place.ToWGS84(place.Point{}, crs); !errors.Is(err, place.ErrUnknownSystem) {
			t.Errorf("%q: %v", crs, err)
		}
		if _, err := place.FromWGS84(place.Point{}, crs); !errors.Is(err, place.ErrUnknownSystem) {
			t.Errorf("from %q: %v", crs, err)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b place.Point
		km   float64
	}{
		{"nowhere", place.Point{Latitude: 18.2, Longitude: 109.5}, place.Point{Latitude: 18.2, Longitude: 109.5}, 0},
		{"Shanghai to Beijing (googollee/eviltransform has 1078.164 on a sphere of 6378.137 km)", place.Point{Latitude: 31.17530398364597, Longitude: 121.531541859215}, place.Point{Latitude: 39.91334545536069, Longitude: 116.38404722455657}, 1078.164 * place.EarthRadius / 6378.137},
		{"across the antimeridian", place.Point{Longitude: 179.5}, place.Point{Longitude: -179.5}, 111.2},
		{"the antimeridian itself", place.Point{Latitude: 10, Longitude: 180}, place.Point{Latitude: 10, Longitude: -180}, 0},
		{"two longitudes of a pole", place.Point{Latitude: 90, Longitude: 10}, place.Point{Latitude: 90, Longitude: -100}, 0},
		{"over the pole", place.Point{Latitude: 89.5, Longitude: 0}, place.Point{Latitude: 89.5, Longitude: 180}, 111.2},
		{"the other side of the earth", place.Point{Latitude: 45, Longitude: 100}, place.Point{Latitude: -45, Longitude: -80}, math.Pi * place.EarthRadius},
	} {
		if got := place.Distance(c.a, c.b); math.Abs(got-c.km) > 0.1 {
			t.Errorf("%s: %.3f km, want %.1f", c.name, got, c.km)
		}
	}
}

func anywhere(t *rapid.T) place.Point {
	return place.Point{Latitude: rapid.Float64Range(-90, 90).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "longitude")}
}

// Everywhere in China, what a map says leads back to within a metre; and outside, far enough from where the shifts begin, nothing moves.
func TestInverseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := place.Point{
			Latitude: rapid.Float64Range(17, 55).Draw(t, "latitude"), Longitude: rapid.Float64Range(72, 138).Draw(t, "longitude"),
		}
		checkInverse(t, p)
	})
}

// checkInverse converts a point of WGS-84 to each system and back.
func checkInverse(t interface{ Errorf(string, ...any) }, p place.Point) {
	const nudge = 0.02 // degrees, more than the largest shift
	border := false
	for _, north := range []float64{-nudge, 0, nudge} {
		for _, east := range []float64{-nudge, 0, nudge} {
			border = border || place.InChina(place.Point{Latitude: p.Latitude + north, Longitude: p.Longitude + east}) != place.InChina(p)
		}
	}
	for _, crs := range place.Systems {
		seen, err := place.FromWGS84(p, crs)
		if err != nil {
			t.Errorf("%v to %s: %v", p, crs, err)
			return
		}
		back, err := place.ToWGS84(seen, crs)
		if err != nil {
			t.Errorf("%v from %s: %v", seen, crs, err)
			return
		}
		switch d := place.Distance(back, p); {
		case place.InChina(p) && !(d < metre):
			t.Errorf("%v is %v in %s, and %v back from there: %.1f m off", p, seen, crs, back, d*1000)
		case !place.InChina(p) && !border && (seen != p || back != p):
			t.Errorf("%v, outside of China, is %v in %s, and %v back from there", p, seen, crs, back)
		}
		if !place.InChina(p) && seen != p {
			t.Errorf("%v, outside of China, is %v in %s", p, seen, crs)
		}
	}
}

func TestDistanceProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anywhere(t), anywhere(t), anywhere(t)
		ab, ba := place.Distance(a, b), place.Distance(b, a)
		if ab != ba || ab < 0 || ab > math.Pi*place.EarthRadius+metre {
			t.Errorf("%v to %v: %v, back: %v", a, b, ab, ba)
		}
		if ac, cb := place.Distance(a, c), place.Distance(c, b); ab > ac+cb+metre {
			t.Errorf("the way over %v is shorter than that from %v to %v: %v + %v, %v", c, a, b, ac, cb, ab)
		}
	})
}

// FuzzCoordinates converts whatever there is: no panic, no endless loop, no point that is none, and in China the way back.
func FuzzCoordinates(f *testing.F) {
	for _, p := range []place.Point{
		{Latitude: 18.2528, Longitude: 109.512},
		{Latitude: 39.915, Longitude: 116.404},
		{Latitude: 90, Longitude: 180},
		{Latitude: -90, Longitude: -180},
		{},
		{Latitude: 54.1415, Longitude: 135.0002},
		{Latitude: 20.414096, Longitude: 107.975793},
		{Latitude: math.NaN(), Longitude: math.Inf(-1)},
		{Latitude: 5e-324, Longitude: -0.0000001},
		{Latitude: 35, Longitude: 105},
	} {
		f.Add(p.Latitude, p.Longitude)
	}
	f.Fuzz(func(t *testing.T, latitude, longitude float64) {
		p := place.Point{Latitude: latitude, Longitude: longitude}
		if !p.Valid() {
			for _, crs := range place.Systems {
				if _, err := place.ToWGS84(p, crs); !errors.Is(err, place.ErrNoPoint) {
					t.Errorf("%v: %v", p, err)
				}
			}
			return
		}
		checkInverse(t, p)
		for _, crs := range place.Systems {
			if back, err := place.ToWGS84(p, crs); err != nil || !back.Valid() {
				t.Errorf("%v from %s: %v, %v", p, crs, back, err)
			}
		}
	})
}
