package listing_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// testFacets: without text, and where few match, the numbers are those of the list; else they are near them and say so.
func testFacets(t *testing.T, pool *pgxpool.Pool, rows []offered) {
	estimates := 0
	for _, f := range filters {
		t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
			var want listing.Facets
			modes, countries, cities, tags := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
			for _, o := range rows {
				if !o.matches(f) {
					continue
				}
				want.Total++
				modes[string(o.c.Mode)]++
				countries[o.c.Destination.Country]++
				cities[o.c.Destination.City]++
				for _, tag := range slices.Compact(slices.Sorted(slices.Values(o.c.Tags))) {
					tags[tag]++
				}
			}
			want.Modes, want.Countries, want.Cities, want.Tags = ranked(modes), ranked(countries), ranked(cities), ranked(tags)
			got, err := listing.Queries{DB: pool}.Facets(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Estimate {
				modeltest.Equal(t, "facets", got, want)
				return
			}
			estimates++
			if f.Text == "" || want.Total < 500 {
				t.Errorf("an estimate of %d products", want.Total)
			}
			near(t, "total", got.Total, want.Total)
			for _, list := range [][2][]listing.Facet{{got.Modes, want.Modes}, {got.Countries, want.Countries}, {got.Tags, want.Tags}} {
				for _, facet := range list[0] {
					at := slices.IndexFunc(list[1], func(w listing.Facet) bool { return w.Value == facet.Value })
					if at < 0 {
						t.Fatalf("no product has %+v", facet)
					}
					near(t, facet.Value, facet.Count, list[1][at].Count)
				}
			}
		})
	}
	if estimates < 3 {
		t.Errorf("%d estimates: the others say nothing about them", estimates)
	}
}

// near holds an estimate to five times the error that is to be expected.
func near(t *testing.T, what string, got, want int) {
	t.Helper()
	if math.Abs(float64(got-want)) > 5*8*math.Sqrt(float64(want)) {
		t.Errorf("%s: an estimate of %d where there are %d", what, got, want)
	}
}

func ranked(counts map[string]int) []listing.Facet {
	var list []listing.Facet
	for value, n := range counts {
		list = append(list, listing.Facet{Value: value, Count: n})
	}
	slices.SortFunc(list, func(a, b listing.Facet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return list
}
