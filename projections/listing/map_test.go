package listing_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// inside says where a product is, by degrees alone.
func inside(b listing.Box, latitude, longitude float64) bool {
	if latitude <= b.South && b.South > -90 || latitude > b.North {
		return false
	}
	if b.West > b.East {
		return longitude >= b.West || longitude < b.East
	}
	return longitude >= b.West && (longitude < b.East || b.East == 180)
}

// testMap: whatever the filter, the box and the zoom, every product of the area is shown once, where it is; or it is said that the
// numbers are estimates, and they are near.
func testMap(t *testing.T, pool *pgxpool.Pool, rows []offered) {
	boxes := []listing.Box{
		listing.World,
		{West: 170, South: -30, East: -165, North: 60},
		{West: -10, South: 40, East: 20, North: 60},
		{West: 103.799, South: 1.349, East: 103.801, North: 1.351},
		{West: -180, South: 80, East: 180, North: 90},
		{West: -180, South: -90, East: 180, North: -85.06},
		{West: -1, South: -1, East: 0, North: 0},
		{West: 179, South: 52, East: -179, North: 53},
		{West: 10, South: -90, East: 9, North: 90},
	}
	var exact, estimates, pins, clusters int
	for _, f := range filters {
		var kept []product.Destination
		for _, o := range rows {
			if o.matches(f) {
				kept = append(kept, o.c.Destination)
			}
		}
		for _, b := range boxes {
			for _, zoom := range []int{2, 9, 22} {
				m, err := listing.Queries{DB: pool}.Map(t.Context(), f, b, zoom)
				if err != nil {
					t.Fatal(err)
				}
				if again, err := (listing.Queries{DB: pool}).Map(t.Context(), f, b, zoom); zoom == 2 && (err != nil || !reflect.DeepEqual(again, m)) {
					t.Fatalf("the same question has another answer: %v", err)
				}
				name := fmt.Sprintf("%+v %+v zoom %d", f, b, zoom)
				for _, edge := range [][2]float64{{b.South, b.West}, {b.North, b.East}, {(b.South + b.North) / 2, b.West}} {
					if !covers(m.Area, edge[0], edge[1]) {
						t.Fatalf("%s: %v is not in %+v", name, edge, m.Area)
					}
				}
				var here []product.Destination
				for _, d := range kept {
					if inside(m.Area, d.Latitude, d.Longitude) {
						here = append(here, d)
					}
				}
				matching := func(b listing.Box) (n int) {
					for _, d := range here {
						if inside(b, d.Latitude, d.Longitude) {
							n++
						}
					}
					return n
				}
				want, sum := len(here), len(m.Pins)
				for _, c := range m.Clusters {
					sum += c.Count
					if !inside(c.Box, c.Middle.Latitude, c.Middle.Longitude) {
						t.Fatalf("%s: the middle of %+v", name, c)
					}
					if n := matching(c.Box); !m.Estimate && n != c.Count {
						t.Fatalf("%s: %+v has %d", name, c, n)
					}
				}
				if sum != m.Total || len(m.Pins) > 100 || len(m.Clusters) > 1024 {
					t.Fatalf("%s: %d in %d pins and %d clusters, total %d", name, sum, len(m.Pins), len(m.Clusters), m.Total)
				}
				pins, clusters = pins+len(m.Pins), clusters+len(m.Clusters)
				if m.Estimate {
					estimates++
					near(t, name, m.Total, want)
					continue
				}
				exact++
				if m.Total != want || want <= 100 && len(m.Clusters) > 0 {
					t.Fatalf("%s: %d, want %d; %d clusters", name, m.Total, want, len(m.Clusters))
				}
				shown := map[string]bool{}
				for _, pin := range m.Pins {
					shown[pin.ID.String()] = true
					if !inside(m.Area, pin.Point.Latitude, pin.Point.Longitude) {
						t.Fatalf("%s: a pin at %+v", name, pin.Point)
					}
				}
				if len(shown) != len(m.Pins) {
					t.Fatalf("%s: a pin twice", name)
				}
			}
		}
	}
	if exact < 100 || estimates < 20 || pins < 100 || clusters < 100 {
		t.Errorf("%d exact, %d estimates, %d pins, %d clusters: something was not tried", exact, estimates, pins, clusters)
	}
}

// covers is inside, edges included.
func covers(b listing.Box, latitude, longitude float64) bool {
	const hair = 1e-5
	if latitude < b.South-hair || latitude > b.North+hair {
		return false
	}
	if b.West > b.East {
		return longitude >= b.West-hair || longitude <= b.East+hair
	}
	return longitude >= b.West-hair && longitude <= b.East+hair || math.Abs(b.East-b.West) >= 360
}

// TestMapIsInWGS84: what a Chinese map gave is shown where it is (Q24). Tian'anmen is some 0.006 degrees off on AMap, and twice that on Baidu.
func TestMapIsInWGS84(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.ID("v"))
	for crs, at := range map[string][2]float64{
		"WGS-84": {39.907333, 116.391083}, "GCJ-02": {39.908736, 116.397327}, "BD-09": {39.915095, 116.403694},
	} {
		c := domaintest.Content("北京")
		c.Destination.Latitude, c.Destination.Longitude, c.Destination.CRS = at[0], at[1], crs
		h.Offer(domaintest.ID(crs), domaintest.ID("v"), h.At, c)
	}
	modeltest.Project(t, pool, h.Log)
	box := listing.Box{West: 116.39, South: 39.90, East: 116.392, North: 39.91}
	m, err := listing.Queries{DB: pool}.Map(t.Context(), listing.Filter{}, box, 14)
	if err != nil || len(m.Pins) != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, pin := range m.Pins {
		if math.Abs(pin.Point.Latitude-39.907333) > 1e-4 || math.Abs(pin.Point.Longitude-116.391083) > 1e-4 {
			t.Errorf("%s at %+v", pin.Destination.CRS, pin.Point)
		}
	}
}
