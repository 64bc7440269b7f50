package listing

import (
	"math"
	"slices"

	"waybill/domain/place"
)

// The map is the square of the web mercator projection, the longest parallel as long as the longest meridian that is drawn, halved
// in both directions again and again: at level n it has 2^n columns, counted from the date line to the east, and 2^n rows, counted
// from the north. A point is known by its cell at depth; a cell at a level by the number that interleaves the bits of its row and
// column (Morton order), so that the cells within a cell are a range of numbers.
const depth = 26 // 0.6 m at the equator

// MaxLatitude is where the map ends, in degrees, north and south. What lies beyond is shown at its edge.
const MaxLatitude = 85.05112877980659

// spot is a point of the map: column and row at depth.
type spot struct{ x, y int32 }

const side = 1 << depth

// spotOf projects a point. What is no number is taken to be on the edge.
func spotOf(p place.Point) spot {
	sin := math.Sin(p.Latitude * math.Pi / 180)
	return spot{
		x: gridLine(p.Longitude/360 + 0.5),
		y: gridLine(0.5 - math.Log((1+sin)/(1-sin))/(4*math.Pi)),
	}
}

// gridLine is the column or row at a part of the map's side.
func gridLine(part float64) int32 {
	at := math.Floor(part * side)
	switch {
	case !(at > 0):
		return 0
	case at >= side:
		return side - 1
	}
	return int32(at)
}

// longitude and latitude are those of a column's western and a row's northern line, at depth.
func longitude(x float64) float64 { return x/side*360 - 180 }

func latitude(y float64) float64 {
	return math.Atan(math.Sinh(math.Pi*(1-2*y/side))) * 180 / math.Pi
}

// cell is the number of the spot's cell at a level.
func (s spot) cell(level int) int64 {
	return interleave(s.x>>(depth-level), s.y>>(depth-level))
}

func interleave(x, y int32) int64 { return apart(x) | apart(y)<<1 }

// apart puts a zero before each bit.
func apart(v int32) int64 {
	w := int64(v)
	for _, step := range []struct {
		by   int
		keep int64
	}{{16, 0x0000FFFF0000FFFF}, {8, 0x00FF00FF00FF00FF}, {4, 0x0F0F0F0F0F0F0F0F}, {2, 0x3333333333333333}, {1, 0x5555555555555555}} {
		w = (w | w<<step.by) & step.keep
	}
	return w
}

// together undoes interleave: it drops every other bit.
func together(cell int64) int32 {
	w := cell & 0x5555555555555555
	for _, step := range []struct {
		by   int
		keep int64
	}{{1, 0x3333333333333333}, {2, 0x0F0F0F0F0F0F0F0F}, {4, 0x00FF00FF00FF00FF}, {8, 0x0000FFFF0000FFFF}, {16, 0x00000000FFFFFFFF}} {
		w = (w | w>>step.by) & step.keep
	}
	return int32(w) //nolint:gosec // a column or a row
}

// Box is a part of the map between meridians and parallels, in degrees of WGS-84. Where West is greater than East it crosses the date
// line. Its southern edge is below the northern one.
type Box struct{ West, South, East, North float64 }

// World is the whole map, with what lies beyond it.
var World = Box{West: -180, South: -90, East: 180, North: 90}

// patch is the cells of a level that a box touches: count columns from the first, around the date line if need be, and the rows
// from top to bottom.
type patch struct {
	level, first, columns, top, bottom int
}

// maxCells is how many cells one answer may have: those of 64 pixels that a screen of 2,048 by 1,536 shows, and some around.
const maxCells = 1024

// finer is how many levels a cluster's cell is below the tile of 256 pixels: 64 pixels.
const finer = 2

// patchOf is the cells of 64 pixels at a zoom level of the usual maps that the box touches, or of larger ones if there were more
// than maxCells.
func patchOf(b Box, zoom int) patch {
	p := b.patch(min(max(zoom, 0)+finer, depth))
	for p.columns*(p.bottom-p.top+1) > maxCells {
		p = b.patch(p.level - 1)
	}
	return p
}

func (b Box) patch(level int) patch {
	n := 1 << level
	line := func(at int32) int { return int(at) >> (depth - level) }
	west, east := line(spotOf(place.Point{Longitude: b.West}).x), line(before(spotOf(place.Point{Longitude: b.East}).x, b.East < 180))
	p := patch{
		level: level, first: west, columns: east - west + 1,
		top:    line(spotOf(place.Point{Latitude: b.North}).y),
		bottom: line(before(spotOf(place.Point{Latitude: b.South}).y, b.South > -MaxLatitude)),
	}
	p.bottom = max(p.bottom, p.top) // both beyond the edge
	if b.West > b.East {
		p.columns = min(p.columns+n, n)
	}
	p.columns = max(p.columns, 1)
	return p
}

// before is the line that ends where another begins: what touches a box at its far edge only is not in it.
func before(line int32, inside bool) int32 {
	if inside && line > 0 {
		return line - 1
	}
	return line
}

// holds reports whether a cell of the patch's level is one of the patch.
func (p patch) holds(column, row int) bool {
	return (column-p.first+1<<p.level)%(1<<p.level) < p.columns && row >= p.top && row <= p.bottom
}

// ranges are the patch's cells as ranges of numbers at depth, first and last, ascending and apart.
func (p patch) ranges() (first, last []int64) {
	cells := make([]int64, 0, p.columns*(p.bottom-p.top+1))
	for column := range p.columns {
		x := int32((p.first + column) % (1 << p.level)) //nolint:gosec // below 2^26
		for y := p.top; y <= p.bottom; y++ {
			cells = append(cells, interleave(x, int32(y))) //nolint:gosec // below 2^26
		}
	}
	slices.Sort(cells)
	below := 2 * (depth - p.level)
	for _, c := range cells {
		from, to := c<<below, (c+1)<<below-1
		if n := len(last); n > 0 && last[n-1]+1 == from {
			last[n-1] = to
			continue
		}
		first, last = append(first, from), append(last, to)
	}
	return first, last
}

// box is all that the patch covers; at the edge of the map, what lies beyond it too.
func (p patch) box() Box {
	b := boxOf(p.level, p.first, p.top)
	far := boxOf(p.level, (p.first+p.columns-1)%(1<<p.level), p.bottom)
	b.South, b.East = far.South, far.East
	if p.columns == 1<<p.level {
		b.West, b.East = World.West, World.East
	}
	return b
}

// boxOf is one cell.
func boxOf(level, x, y int) Box {
	size := float64(int(1) << (depth - level))
	b := Box{West: longitude(float64(x) * size), East: longitude(float64(x+1) * size), North: World.North, South: World.South}
	if y > 0 {
		b.North = latitude(float64(y) * size)
	}
	if y < 1<<level-1 {
		b.South = latitude(float64(y+1) * size)
	}
	return b
}
