package gazetteer

import "waybill/domain/place"

// LoadAnew loads it though it is loaded.
var LoadAnew = load

// Parse reads data that is not the binary's.
var Parse = parse

// Reach is how far a city reaches.
var Reach = reach

// Cities are all cities with their people, for whoever looks at each.
func (g *Gazetteer) Cities(visit func(id int64, at place.Point, people uint32)) {
	for _, r := range g.records {
		if r.kind == 0 {
			visit(int64(r.id), r.point(), r.weight)
		}
	}
}
