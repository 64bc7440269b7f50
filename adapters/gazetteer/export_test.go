package gazetteer

// LoadAnew loads it though it is loaded.
var LoadAnew = load

// Parse reads data that is not the binary's.
var Parse = parse

// Reach is how far a city reaches.
var Reach = reach

// Cities are all cities with their people, for whoever looks at each.
func (g *Gazetteer) Cities(visit func(id int64, latitude, longitude float64, people uint32)) {
	for _, r := range g.records {
		if r.kind == 0 {
			visit(r.id, r.latitude, r.longitude, r.weight)
		}
	}
}
