package place

import "waybill/domain"

// Kind is what a place is to those who ship.
type Kind string

// The kinds.
const (
	City    Kind = "city"
	Port    Kind = "port"
	RailHub Kind = "rail_hub"
)

// Country is one of ISO 3166-1, under the names that the portal shows: 中国台湾, 中国香港, 中国澳门.
type Country struct {
	// Code is of two letters, in upper case.
	Code string
	Name domain.Text
}

// Place is an entry of the gazetteer.
type Place struct {
	// ID stays the same from one edition of the gazetteer to the next. Those of GeoNames are below 1,000,000,000.
	ID   int64
	Kind Kind
	// Name in Chinese is the English one where no Chinese one is known.
	Name    domain.Text
	Country Country
	Point   Point
}

// Near is a place and how far its centre is from a point, in kilometres.
type Near struct {
	Place

	Distance float64
}
