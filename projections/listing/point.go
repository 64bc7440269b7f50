package listing

import (
	"waybill/domain/place"
	"waybill/domain/product"
)

// pointOf is where a destination is on the map, which is drawn in WGS-84. What has no such place, which no product that was judged by
// place's rules is, stands where its numbers say.
func pointOf(d product.Destination) place.Point {
	raw := place.Point{Latitude: d.Latitude, Longitude: d.Longitude}
	p, err := place.ToWGS84(raw, d.CRS)
	if err != nil {
		return raw
	}
	return p
}
