package listing

import (
	"waybill/domain/place"
	"waybill/domain/product"
)

// located is a product's content, and where its destination is in WGS-84: as the submission says, or its match; zero where neither does.
type located struct {
	product.Content
	Point place.Point `json:"point,omitzero"`
}

// point is where the content is on the map. Where no event says it, the destination is converted here. What has no such place, which no
// product that was judged by place's rules is, stands where its numbers say.
func (l located) point() place.Point {
	d := l.Destination
	for _, at := range []place.Point{l.Point, d.Point()} {
		if !at.IsZero() {
			return at
		}
	}
	return place.Point{Latitude: d.Latitude, Longitude: d.Longitude}
}
