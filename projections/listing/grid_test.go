package listing

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"waybill/domain/place"
)

// TestGridGivesPlacesBack: a spot is where it was, to the size of a cell at depth; its number has its column and row, and the numbers of
// the cells that it is in.
func TestGridGivesPlacesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := place.Point{
			Latitude: rapid.Float64Range(-MaxLatitude, MaxLatitude).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 179.99999).Draw(t, "longitude"),
		}
		s := spotOf(p)
		if got := longitude(float64(s.x) + 0.5); math.Abs(got-p.Longitude) > 3e-6 {
			t.Fatalf("longitude %v, want %v", got, p.Longitude)
		}
		if got := latitude(float64(s.y) + 0.5); math.Abs(got-p.Latitude) > 3e-6 {
			t.Fatalf("latitude %v, want %v", got, p.Latitude)
		}
		number := s.cell(depth)
		if together(number) != s.x || together(number>>1) != s.y {
			t.Fatalf("%+v is %d", s, number)
		}
		level := rapid.IntRange(0, depth).Draw(t, "level")
		if s.cell(level) != number>>(2*(depth-level)) {
			t.Fatalf("%+v at level %d", s, level)
		}
	})
}

// TestPatch: a patch covers its box, has no more cells than an answer may, and its ranges are its cells, each once.
func TestPatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		degrees := func(name string, limit float64) float64 {
			return rapid.OneOf(rapid.Float64Range(-limit, limit), rapid.SampledFrom([]float64{-limit, 0, limit})).Draw(t, name)
		}
		b := Box{West: degrees("west", 180), South: degrees("south", 90), East: degrees("east", 180), North: degrees("north", 90)}
		if b.South >= b.North || b.West == b.East || b.West == 180 || b.East == -180 {
			t.Skip("no such box is asked for")
		}
		p := patchOf(b, rapid.IntRange(0, 22).Draw(t, "zoom"))
		cells := p.columns * (p.bottom - p.top + 1)
		if cells < 1 || cells > maxCells {
			t.Fatalf("%d cells: %+v", cells, p)
		}
		wide := b.East - b.West
		if wide < 0 {
			wide += 360 // across the date line
		}
		if cell := 360 / float64(int(1)<<p.level); float64(p.columns)*cell > wide+2*cell {
			t.Fatalf("%d columns of %v degrees for %v degrees", p.columns, cell, wide)
		}
		first, last := p.ranges()
		n := int64(0)
		for i := range first {
			n += last[i] - first[i] + 1
			if i > 0 && first[i] <= last[i-1]+1 {
				t.Fatalf("ranges %d and %d meet: %v %v", i-1, i, first, last)
			}
		}
		if n != int64(cells)<<(2*(depth-p.level)) {
			t.Fatalf("%d numbers in %d cells of %+v", n, cells, p)
		}
		for _, at := range []place.Point{{Latitude: (b.South + b.North) / 2, Longitude: b.West}, {Latitude: b.North, Longitude: b.West}} {
			s := spotOf(at)
			in := false
			for i := range first {
				in = in || s.cell(depth) >= first[i] && s.cell(depth) <= last[i]
			}
			if !in || !p.holds(int(s.x)>>(depth-p.level), int(s.y)>>(depth-p.level)) {
				t.Fatalf("%+v is not in %+v of %+v", at, p, b)
			}
		}
	})
}

// TestEdges: the poles and what is no number are at the map's edges.
func TestEdges(t *testing.T) {
	for at, want := range map[place.Point]spot{
		{Latitude: 90, Longitude: -180}:           {0, 0},
		{Latitude: -90, Longitude: 180}:           {side - 1, side - 1},
		{Latitude: MaxLatitude, Longitude: 0}:     {side / 2, 0},
		{Latitude: -MaxLatitude, Longitude: 0}:    {side / 2, side - 1},
		{Latitude: 0, Longitude: 0}:               {side / 2, side / 2},
		{Latitude: 88, Longitude: 179.9999999999}: {side - 1, 0},
	} {
		if got := spotOf(at); got != want {
			t.Errorf("%+v: %+v, want %+v", at, got, want)
		}
	}
	if got := spotOf(place.Point{Latitude: math.NaN(), Longitude: math.NaN()}); got != (spot{}) {
		t.Errorf("no number: %+v", got)
	}
}
