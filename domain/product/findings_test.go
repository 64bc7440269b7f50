package product_test

import (
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
