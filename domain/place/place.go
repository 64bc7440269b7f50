// Package place is what the domain knows of destinations: points on the earth, and what a gazetteer says about the city that is named.
package place

// Point is a position in WGS-84, in degrees.
type Point struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// IsZero reports the point that stands for none: at 0, 0 no city is, but a form whose map was never clicked is.
func (p Point) IsZero() bool { return p == Point{} }

// MaxDistance is how far a point may lie from the city it is said to be in before a reviewer is told, in kilometres.
const MaxDistance = 100

// Fact is what the gazetteer says about a destination. Its zero value is a city that the gazetteer does not have.
type Fact struct {
	// ID is the gazetteer's entry; 0 is none, for what was typed and not chosen (R24).
	ID int64 `json:"id,omitempty"`
	// Distance is from the point to the city's centre, in kilometres.
	Distance float64 `json:"distance,omitempty"`
}

// Known reports whether the gazetteer has the city.
func (f Fact) Known() bool { return f.ID != 0 }

// Far reports a point that is further from its city than anything there is.
func (f Fact) Far() bool { return f.Known() && f.Distance > MaxDistance }

// Gazetteer knows cities, ports and rail hubs by their names.
type Gazetteer interface {
	// Find returns what is known of a city of a country, both in any of the gazetteer's names for them: of several of the same name, the
	// one nearest to the point.
	Find(country, city string, at Point) Fact
}
