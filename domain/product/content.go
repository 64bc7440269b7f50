package product

import (
	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Facts are what is known of a product's content when it is judged.
type Facts struct {
	// Images are those of the content's References that the provider has uploaded, and Policies what is asked of them.
	Images   media.Facts
	Policies media.Policies
	// Place is what the gazetteer says about the destination.
	Place place.Fact
	// Due is when the result is promised (R26).
	Due workdays.Due
}

// References are the images that the content refers to.
func (c *Content) References() []media.Reference {
	var named []media.Reference
	for i := range rules.Product.Fields {
		switch field := &rules.Product.Fields[i]; field.Kind {
		case rules.Image:
			named = append(named, field.References(c.Cover)...)
		case rules.Images:
			named = append(named, field.References(c.Details...)...)
		}
	}
	return named
}

// Clean cleans the content in place and holds it to the rule book, which reports all its mistakes at once, each at its field. Empty and
// repeated tags are dropped, the first of equals stays.
func (c *Content) Clean(known Facts) (rules.Verdict, error) {
	sheet := rules.Sheet{Images: known.Images, Policies: known.Policies}
	d := &c.Destination
	unclicked := d.Latitude == 0 && d.Longitude == 0
	for i := range rules.Product.Fields {
		field := &rules.Product.Fields[i]
		switch field.Pointer {
		case "/tags":
			c.Tags = sheet.Tags(field, c.Tags)
		case "/details":
			sheet.Gallery(field, c.Details)
		case "/destination/latitude":
			sheet.Degrees(field, d.Latitude, unclicked)
			if known.Place.Far() {
				sheet.Soft(field, rules.NearPlace)
			}
		case "/destination/longitude":
			sheet.Degrees(field, d.Longitude, unclicked)
		case "/destination/crs":
			if !unclicked { // the click brings it
				sheet.Value(field, &d.CRS, "")
			}
		default:
			sheet.Value(field, c.at(field.Pointer), "")
		}
		if field.Pointer == "/destination/city" && !known.Place.Known() {
			sheet.Soft(field, rules.KnownPlace)
		}
	}
	return sheet.Close()
}

// at is the text at a pointer of the form.
func (c *Content) at(pointer string) *string {
	switch pointer {
	case "/name":
		return &c.Name
	case "/brief":
		return &c.Brief
	case "/mode":
		return (*string)(&c.Mode)
	case "/destination/country":
		return &c.Destination.Country
	case "/destination/city":
		return &c.Destination.City
	case "/cover":
		return (*string)(&c.Cover)
	}
	return new(string) // a test holds the form to the fields that there are
}

// Point is where the destination is, in WGS-84; the zero point is none, of what Clean refuses. It is arithmetic (place.ToWGS84), and what
// came of it is recorded.
func (d Destination) Point() place.Point {
	at, err := place.ToWGS84(d.clicked(), d.CRS)
	if err != nil {
		return place.Point{}
	}
	return at
}

// Find asks the gazetteer about the destination as Clean leaves it, at its Point; of what has none nothing is known.
func (d Destination) Find(g place.Gazetteer) place.Fact {
	if g == nil {
		return place.Fact{}
	}
	match, err := place.MatchOf(g, domain.CleanText(d.Country), domain.CleanText(d.City), d.clicked(), d.CRS)
	if err != nil {
		return place.Fact{}
	}
	return match.Fact
}

// clicked is what the map gave, in its own system.
func (d Destination) clicked() place.Point {
	return place.Point{Latitude: d.Latitude, Longitude: d.Longitude}
}
