package product_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/rules"
)

// TestFindingsGoToTheReviewer: a place that was typed, and coordinates far from it, refuse nothing (R24); they are in the event.
func TestFindingsGoToTheReviewer(t *testing.T) {
	for name, test := range map[string]struct {
		place place.Fact
		want  string
	}{
		"a city that is known":     {place.Fact{ID: 7, Distance: 0}, ""},
		"100 km from it":           {place.Fact{ID: 7, Distance: place.MaxDistance}, ""},
		"a little more":            {place.Fact{ID: 7, Distance: place.MaxDistance + 0.001}, "/destination/latitude place_far"},
		"a city that was typed":    {place.Fact{}, "/destination/city place_unknown"},
		"an unknown one, far away": {place.Fact{Distance: 5000}, "/destination/city place_unknown"},
	} {
		c := content()
		facts := known(c)
		facts.Place = test.place
		events, err := product.Decide(product.State{}, product.Submit{ProviderID: owner, Provider: active, Content: c, Facts: facts})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := decidertest.Fold(product.Decider, events)
		if got := found(s.Findings); got != test.want || s.Rules != rules.Version || s.Place != test.place.ID {
			t.Errorf("%s: found %q in %+v, want %q", name, got, s.Verdict, test.want)
		}
		if len(s.Images) != 3 {
			t.Errorf("%s: %d images", name, len(s.Images))
		}
		// What is found of a later revision replaces what was, and a deleted product has none of it.
		events, err = product.Decide(s, product.Revise{By: owner, Provider: active, Content: c, Facts: known(c)})
		if err != nil {
			t.Fatal(err)
		}
		if s = product.Evolve(s, events[0]); len(s.Findings) != 0 || s.Place != domaintest.Place.ID {
			t.Errorf("%s: the revision has %+v", name, s.Verdict)
		}
		if s = product.Evolve(s, product.Deleted{}); s.Rules != 0 || s.Images != nil || s.Place != 0 {
			t.Errorf("%s: deleted, and has %+v", name, s.Verdict)
		}
	}
}

// atlas is a gazetteer that knows Shanghai.
type atlas struct{}

func (atlas) Find(country, city string, at place.Point) place.Fact {
	if country != "中国" || city != "上海" {
		return place.Fact{}
	}
	return place.Fact{ID: 1796236, Distance: place.Distance(place.Point{Latitude: 31.1774276, Longitude: 121.5272106}, at)}
}

// TestTheDestinationIsLookedUpWhereItIs: what a Chinese map gives is converted before anything is compared with it (Q24), and recorded.
func TestTheDestinationIsLookedUpWhereItIs(t *testing.T) {
	shanghai := func(latitude, longitude float64, crs string) product.Destination {
		return product.Destination{Country: " 中国", City: "上海\n", Latitude: latitude, Longitude: longitude, CRS: crs}
	}
	const metre = 0.001
	for name, test := range map[string]struct {
		at    product.Destination
		known bool
		km    float64
	}{
		"on AMap":              {shanghai(31.17530398364597, 121.531541859215, place.GCJ02), true, 0},
		"on any other":         {shanghai(31.1774276, 121.5272106, place.WGS84), true, 0},
		"as if AMap were GPS":  {shanghai(31.17530398364597, 121.531541859215, place.WGS84), true, 0.475},
		"a city nobody knows":  {product.Destination{Country: "中国", City: "洋山", Latitude: 30.6, Longitude: 122, CRS: place.BD09}, false, 0},
		"in no system":         {shanghai(31.1, 121.5, "EPSG:4326"), false, 0},
		"nowhere on the earth": {shanghai(131, 121.5, place.WGS84), false, 0},
	} {
		found := test.at.Find(atlas{})
		if found.Known() != test.known || math.Abs(found.Distance-test.km) > metre {
			t.Errorf("%s: %+v, want %v and %.3f km", name, found, test.known, test.km)
		}
	}

	c := content()
	c.Destination = shanghai(31.17530398364597, 121.531541859215, place.GCJ02)
	given, facts := c.Destination, known(c)
	submitted, err := product.Decide(product.State{}, product.Submit{ProviderID: owner, Provider: active, Content: c, Facts: facts})
	if err != nil {
		t.Fatal(err)
	}
	s := decidertest.Fold(product.Decider, submitted)
	revised, err := product.Decide(s, product.Revise{By: owner, Provider: active, Content: c, Facts: facts})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []product.State{s, product.Evolve(s, revised[0])} {
		if d := place.Distance(s.Point, place.Point{Latitude: 31.1774276, Longitude: 121.5272106}); !(d < metre) || s.Place != facts.Place.ID {
			t.Errorf("recorded at %v, %.3f km off, as place %d", s.Point, d, s.Place)
		}
		if d := s.Latest.Destination; d.Latitude != given.Latitude || d.Longitude != given.Longitude || d.CRS != given.CRS {
			t.Errorf("what the map gave became %+v", d)
		}
	}
}

// TestAMatchIsNoJudgement: what is matched later changes neither what was found nor what was submitted, and what is nowhere is left alone.
func TestAMatchIsNoJudgement(t *testing.T) {
	older := domaintest.Older(history()...)
	before := decidertest.Fold(product.Decider, older)
	events, err := product.Decide(before, product.MatchPlace{Revision: 1, Place: place.Fact{ID: 7, Distance: 5000}})
	if err != nil || len(events) != 1 {
		t.Fatalf("%+v, %v", events, err)
	}
	after := product.Evolve(before, events[0])
	if after.Place != 7 || after.Point != content().Destination.Point() {
		t.Errorf("place %d at %v", after.Place, after.Point)
	}
	after.Place, after.Point = 0, place.Point{}
	if !reflect.DeepEqual(after, before) {
		t.Errorf("got %+v, want %+v", after, before)
	}
	nowhere := content()
	nowhere.Destination.CRS = ""
	s := decidertest.Fold(product.Decider, []domain.Event{product.Submitted{ProviderID: owner, Revision: 1, Content: nowhere}})
	if events, err := product.Decide(s, product.MatchPlace{Revision: 1, Place: place.Fact{ID: 7}}); err != nil || len(events) != 0 {
		t.Errorf("%+v, %v", events, err)
	}
}

// TestEveryCoordinateSystemIsOffered: a form offers those that a destination can be converted from.
func TestEveryCoordinateSystemIsOffered(t *testing.T) {
	for _, field := range rules.Product.Fields {
		if field.Pointer != "/destination/crs" {
			continue
		}
		var offered []string
		for _, option := range field.Options {
			offered = append(offered, option.Value)
		}
		if !slices.Equal(offered, place.Systems) {
			t.Errorf("offered %q, converted %q", offered, place.Systems)
		}
	}
}

// TestImagesOfAProduct: each image that is named has to be there for its purpose, and all that are not are said at once.
func TestImagesOfAProduct(t *testing.T) {
	c := content()
	facts := known(c)
	delete(facts.Images, media.Reference{Purpose: media.Cover, Digest: string(c.Cover)})
	delete(facts.Images, media.Reference{Purpose: media.Detail, Digest: string(c.Details[1])})
	wide := media.Reference{Purpose: media.Detail, Digest: string(c.Details[0])}
	image := facts.Images[wide]
	image.Width = 1201
	facts.Images[wide] = image
	_, err := c.Clean(facts)
	if got, want := decidertest.Mistakes(err), "/cover image_unknown, /details/0 image_width, /details/1 image_unknown"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Details = []domain.ImageRef{c.Details[0], c.Details[0], "", "sha256:1"}
	if got := c.References(); len(got) != 2 {
		t.Errorf("asks for %v", got)
	}
}

// TestTheFormNamesTheFieldsOfTheContent: whatever the form asks for is a field that a reviewer can point at.
func TestTheFormNamesTheFieldsOfTheContent(t *testing.T) {
	for _, field := range rules.Product.Fields {
		if _, err := rules.CleanReasons([]domain.Reason{{Code: "incomplete", Field: field.Pointer}}, content()); err != nil {
			t.Errorf("%s: %v", field.Pointer, err)
		}
	}
	c := product.Content{}
	_, err := c.Clean(product.Facts{})
	for _, field := range rules.Product.Fields {
		if field.Required() && field.Pointer != "/destination/longitude" && field.Pointer != "/destination/crs" && !strings.Contains(err.Error(), field.Pointer+":") {
			t.Errorf("%s is not asked for: %v", field.Pointer, err)
		}
	}
}

func found(findings []rules.Finding) string {
	all := make([]string, len(findings))
	for i, f := range findings {
		all[i] = f.Field + " " + f.Code
	}
	return strings.Join(all, ", ")
}
