package listing

import (
	"waybill/domain/place"
	"waybill/domain/product"
)

// pointOf is where a destination is on the map, which is drawn in WGS-84.
func pointOf(d product.Destination) place.Point {
	return place.Point{Latitude: d.Latitude, Longitude: d.Longitude}
}
