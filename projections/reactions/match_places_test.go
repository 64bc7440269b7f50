package reactions_test

import (
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/listing"
	"waybill/projections/review"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// atlas is a gazetteer that knows Shanghai.
type atlas struct{}

func (atlas) Find(_, city string, at place.Point) place.Fact {
	if city != "上海" {
		return place.Fact{}
	}
	return place.Fact{ID: 1796236, Distance: place.Distance(place.Point{Latitude: 31.1774276, Longitude: 121.5272106}, at)}
}

// TestPlacesAreMatchedOnce: an older log has products whose submissions do not say where they go.
func TestPlacesAreMatchedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service = commands.New(w.store, commands.Sources{Places: atlas{}})
	to := func(city string, latitude, longitude float64, crs string) product.Content {
		c := domaintest.Content("专线")
		c.Destination = product.Destination{Country: "中国", City: city, Latitude: latitude, Longitude: longitude, CRS: crs}
		return c
	}
	shanghai := to("上海", 31.17530398364597, 121.531541859215, place.GCJ02)
	yangshan, nowhere := to("洋山", 30.63, 122.06, place.WGS84), to("上海", 31.2, 121.5, "")
	owner := uuid.New()
	runtimetest.Append(t, w.store, domain.Stream(provider.Category, owner), provider.Applied{Revision: 1, Profile: domaintest.Profile("")}, provider.Approved{Revision: 1})
	submitted := func(c product.Content) product.Submitted {
		return product.Submitted{ProviderID: owner, Revision: 1, Content: c}
	}
	there := place.Point{Latitude: 1, Longitude: 2} // as its event says, and nothing else
	located := product.Revised{Revision: 2, Content: shanghai, Place: 5, Point: there}
	live := []domain.Event{submitted(shanghai), product.Approved{Revision: 1}, product.Listed{}}

	// What the product's latest revision is matched to; the zero match is none.
	type match struct {
		place int64
		point place.Point
	}
	matched := match{1796236, shanghai.Destination.Point()}
	products := map[string]struct {
		log  []domain.Event
		want match
		more int // events
	}{
		"pending":                           {[]domain.Event{submitted(shanghai)}, matched, 1},
		"listed":                            {live, matched, 1},
		"of a city that was typed":          {[]domain.Event{submitted(yangshan)}, match{0, yangshan.Destination.Point()}, 1},
		"revised":                           {append(live[:3:3], product.Revised{Revision: 2, Content: yangshan}), match{0, yangshan.Destination.Point()}, 1},
		"rejected":                          {[]domain.Event{submitted(shanghai), product.Rejected{Revision: 1, Reasons: domaintest.Unfit}}, matched, 1},
		"revised since it is recorded":      {[]domain.Event{submitted(yangshan), located}, match{5, there}, 0},
		"matched by another binary already": {[]domain.Event{submitted(yangshan), product.PlaceMatched{Revision: 1, Place: 6, Point: there}}, match{6, there}, 0},
		"deleted":                           {append(live[:3:3], product.Deleted{}), match{}, 0},
		"nowhere":                           {[]domain.Event{submitted(nowhere)}, match{}, 0},
	}
	ids := map[string]uuid.UUID{}
	for name, p := range products {
		ids[name] = uuid.New()
		runtimetest.Append(t, w.store, domain.Stream(product.Category, ids[name]), p.log...)
	}
	check := func(when string) {
		t.Helper()
		for name, p := range products {
			replayed, err := w.service.Replay(t.Context(), domain.Stream(product.Category, ids[name]), commands.Until{})
			if err != nil {
				t.Fatal(err)
			}
			s := replayed.State.(product.State) //nolint:forcetypeassert // it is one
			if got := (match{s.Place, s.Point}); got != p.want || len(s.Findings) != 0 {
				t.Errorf("%s, %s: %+v, want %+v; found %v", name, when, got, p.want, s.Findings)
			}
			if got := int(replayed.Revision) + 1 - len(p.log); got != p.more {
				t.Errorf("%s, %s: %d more events, want %d", name, when, got, p.more)
			}
		}
	}
	r := w.start()
	runtimetest.Eventually(t, "the reaction at the end of the log", func() bool { return at(t, r, "match_places") >= runtimetest.Head(t, w.store) })
	check("after the first start")

	// Whoever asks sees it: the public where the product is, and reviewers the place, too.
	runtimetest.Eventually(t, "the read models at the end of the log", func() bool {
		return at(t, r, "listing") >= runtimetest.Head(t, w.store) && at(t, r, "review") >= runtimetest.Head(t, w.store)
	})
	public, err := listing.Queries{DB: w.pool}.Product(t.Context(), ids["listed"])
	if err != nil || public.Point != matched.point || public.Destination != shanghai.Destination {
		t.Errorf("the public sees %+v, %v", public.Card, err)
	}
	item, err := review.Queries{DB: w.pool}.Item(t.Context(), product.Category, ids["pending"])
	if err != nil || item.Point == nil || *item.Point != matched.point || item.Place != matched.place || len(item.Verdict.Findings) != 0 {
		t.Errorf("reviewers see %+v, %v", item, err)
	}

	// The same events once more, as after a crash: nothing is matched twice.
	head := runtimetest.Head(t, w.store)
	closeRuntime(t, r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0 WHERE projection = 'reaction_match_places'`); err != nil {
		t.Fatal(err)
	}
	r = w.start()
	runtimetest.Eventually(t, "the reaction at the end of the log again", func() bool { return at(t, r, "match_places") >= head })
	if runtimetest.Head(t, w.store) != head {
		t.Errorf("the repeated reaction appended %d events", runtimetest.Head(t, w.store)-head)
	}
	check("after the second start")
	closeRuntime(t, r)
	for _, m := range models {
		found, err := runtime.Compare(t.Context(), w.pool, w.store, m)
		if err != nil || len(found.Differences) > 0 || found.Parked > 0 {
			t.Errorf("%s: %+v, %v", m.Name, found, err)
		}
	}
}
