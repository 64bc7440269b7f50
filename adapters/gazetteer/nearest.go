package gazetteer

import (
	"math"

	"waybill/domain/place"
)

// Nearest are the cities that a point is nearest to, the nearest first. A city is as large as its people need: from the way to its centre
// is taken off what it reaches, so that a click into Hong Kong is Hong Kong and not the village beside it. At most limit.
func (g *Gazetteer) Nearest(at place.Point, limit int) []place.Near {
	if limit <= 0 || !at.Valid() {
		return nil
	}
	s := walk{g: g, at: at, unit: onSphere(at), limit: limit, best: make([]reached, 0, limit)}
	s.visit(0, len(g.tree.order), 0, vector{})
	near := make([]place.Near, len(s.best))
	for i, r := range s.best {
		near[i] = place.Near{Place: g.place(r.place), Distance: r.distance}
	}
	return near
}

// reach is how far a city of so many people reaches, in kilometres: 10 for a million, 20 at most.
func reach(people uint32) float64 {
	const million, most = 10, 20
	return min(most, million*math.Sqrt(float64(people)/1e6))
}

// vector is a point on the sphere of radius 1, where there is no antimeridian and no pole.
type vector [3]float32

func onSphere(p place.Point) vector {
	sinNorth, cosNorth := math.Sincos(p.Latitude * math.Pi / 180)
	sinEast, cosEast := math.Sincos(p.Longitude * math.Pi / 180)
	return vector{float32(cosNorth * cosEast), float32(cosNorth * sinEast), float32(sinNorth)}
}

// tree is a k-d tree of cities in three dimensions. That of a range of order has its root in the middle, and on either side those below
// and above it, by the axis of its depth.
type tree struct {
	order []uint32
	units []vector // of order
	// reach is the furthest in the range of which each is the root.
	reach []float32
}

func newTree(records []record) tree {
	t := tree{order: make([]uint32, 0, len(records)), units: make([]vector, 0, len(records))}
	for i, r := range records {
		if kinds[r.kind] == place.City {
			t.order = append(t.order, uint32(i))
			t.units = append(t.units, onSphere(r.point()))
		}
	}
	t.reach = make([]float32, len(t.order))
	t.build(records, 0, len(t.order), 0)
	return t
}

// build orders a range, and returns the furthest reach in it.
func (t *tree) build(records []record, from, to, axis int) float64 {
	if from >= to {
		return 0
	}
	middle := (from + to) / 2
	t.split(from, to-1, middle, axis)
	next := (axis + 1) % 3
	furthest := max(reach(records[t.order[middle]].weight), t.build(records, from, middle, next), t.build(records, middle+1, to, next))
	t.reach[middle] = float32(furthest)
	return furthest
}

// split puts at middle what belongs there by an axis, and the smaller ones before it (Hoare's selection).
func (t *tree) split(from, to, middle, axis int) {
	for from < to {
		pivot := t.units[(from+to)/2][axis]
		i, j := from, to
		for i <= j {
			for t.units[i][axis] < pivot {
				i++
			}
			for t.units[j][axis] > pivot {
				j--
			}
			if i <= j {
				t.units[i], t.units[j] = t.units[j], t.units[i]
				t.order[i], t.order[j] = t.order[j], t.order[i]
				i++
				j--
			}
		}
		switch {
		case middle <= j:
			to = j
		case middle >= i:
			from = i
		default:
			return
		}
	}
}

// reached is a city on the way, by what is left of the distance.
type reached struct {
	left, distance float64
	place          uint32
}

// walk is a search in the tree.
type walk struct {
	g     *Gazetteer
	at    place.Point
	unit  vector
	limit int
	best  []reached
}

// visit looks at the root of a range, at the side on which the point is, and at the other where it may have something nearer. The box
// that the range is in begins so far away from the point along each axis.
func (s *walk) visit(from, to, axis int, away vector) {
	if from >= to {
		return
	}
	t := &s.g.tree
	middle := (from + to) / 2
	r := &s.g.records[t.order[middle]]
	distance := place.Distance(s.at, r.point())
	s.keep(reached{distance - reach(r.weight), distance, t.order[middle]})
	across := s.unit[axis] - t.units[middle][axis]
	next := (axis + 1) % 3
	near, far := [2]int{from, middle}, [2]int{middle + 1, to}
	if across > 0 {
		near, far = far, near
	}
	s.visit(near[0], near[1], next, away)
	if far[0] >= far[1] {
		return
	}
	away[axis] = across
	if len(s.best) < s.limit || away.least()-float64(t.reach[(far[0]+far[1])/2]) <= s.best[s.limit-1].left {
		s.visit(far[0], far[1], next, away)
	}
}

// least is the shortest way on the earth to anything so far away along each axis, in kilometres, less what float32 rounds.
func (v vector) least() float64 {
	const rounding = 0.01
	chord := math.Sqrt(float64(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]))
	return 2*place.EarthRadius*math.Asin(min(1, chord/2)) - rounding
}

func (s *walk) keep(r reached) {
	before := func(a, b reached) bool { return a.left < b.left || (a.left == b.left && a.place < b.place) }
	if len(s.best) == s.limit {
		if !before(r, s.best[s.limit-1]) {
			return
		}
		s.best = s.best[:s.limit-1]
	}
	at := len(s.best)
	s.best = append(s.best, r)
	for at > 0 && before(r, s.best[at-1]) {
		s.best[at] = s.best[at-1]
		at--
	}
	s.best[at] = r
}
