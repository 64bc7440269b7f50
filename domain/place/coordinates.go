package place

import (
	"errors"
	"math"
)

// The coordinate systems that a map may give (Q24).
const (
	// WGS84 is what satellites and GeoNames give.
	WGS84 = "WGS-84"
	// GCJ02 is what AMap and Tencent give in China: WGS-84, shifted by some hundred metres (国家测绘局 2002).
	GCJ02 = "GCJ-02"
	// BD09 is what Baidu gives in China: GCJ-02, shifted once more.
	BD09 = "BD-09"
)

// Systems are all of them.
var Systems = []string{WGS84, GCJ02, BD09}

// ErrUnknownSystem refuses a coordinate system that is none of Systems.
var ErrUnknownSystem = errors.New("place: unknown coordinate system")

// ErrNoPoint refuses what is no point on the earth: a latitude beyond 90 degrees, a longitude beyond 180, or no number.
var ErrNoPoint = errors.New("place: no point on the earth")

// Valid reports whether it is a point on the earth.
func (p Point) Valid() bool {
	// Written so that NaN is none.
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180
}

// ToWGS84 is where a point is that a map gave in one of Systems. The inverse of the shifts has no formula; it is iterated until what is
// left is less than a millimetre. Outside of China (InChina) all systems are WGS-84. It refuses with ErrUnknownSystem and ErrNoPoint.
func ToWGS84(raw Point, crs string) (Point, error) {
	if !raw.Valid() {
		return Point{}, ErrNoPoint
	}
	switch crs {
	case WGS84:
		return raw, nil
	case GCJ02:
		return unshift(raw, gcj02), nil
	case BD09:
		return unshift(raw, bd09), nil
	}
	return Point{}, ErrUnknownSystem
}

// FromWGS84 is what a map in one of Systems says of a point. It refuses as ToWGS84 does.
func FromWGS84(p Point, crs string) (Point, error) {
	if !p.Valid() {
		return Point{}, ErrNoPoint
	}
	switch {
	case crs != WGS84 && crs != GCJ02 && crs != BD09:
		return Point{}, ErrUnknownSystem
	case crs == WGS84 || !InChina(p):
		return p, nil
	case crs == GCJ02:
		return gcj02(p), nil
	}
	return bd09(p), nil
}

// The ellipsoid of Krasovsky 1940, which the shift is stated on: its semi-major axis in metres, and its eccentricity squared.
const (
	krasovskyAxis         = 6378245.0
	krasovskyEccentricity = 0.00669342162296594323
)

// gcj02 shifts a point of WGS-84, by the formula as it was published first (EvilTransform, 2013, and all that follow it).
func gcj02(p Point) Point {
	x, y := p.Longitude-105, p.Latitude-35
	waves := 20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)
	north := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*math.Sqrt(math.Abs(x)) +
		(waves+20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi)+160*math.Sin(y/12*math.Pi)+320*math.Sin(y/30*math.Pi))*2/3
	east := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*math.Sqrt(math.Abs(x)) +
		(waves+20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi)+150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3
	sin, cos := math.Sincos(p.Latitude * math.Pi / 180)
	w := 1 - krasovskyEccentricity*sin*sin
	meridian := krasovskyAxis * (1 - krasovskyEccentricity) / (w * math.Sqrt(w))
	parallel := krasovskyAxis / math.Sqrt(w) * cos
	return Point{
		Latitude:  p.Latitude + north/meridian*180/math.Pi,
		Longitude: p.Longitude + east/parallel*180/math.Pi,
	}
}

// bd09 shifts a point of WGS-84 to GCJ-02, and on to BD-09 by the formula published with it.
func bd09(p Point) Point {
	const turn = math.Pi * 3000 / 180
	g := gcj02(p)
	x, y := g.Longitude, g.Latitude
	radius := math.Hypot(x, y) + 0.00002*math.Sin(y*turn)
	angle := math.Atan2(y, x) + 0.000003*math.Cos(x*turn)
	sin, cos := math.Sincos(angle)
	return Point{Latitude: radius*sin + 0.006, Longitude: radius*cos + 0.0065}
}

// unshift is the point that shift brings to seen; seen itself where that point is not in China. The shifts stretch the land by less
// than one part in a hundred, so each round leaves a hundredth of what was wrong.
func unshift(seen Point, shift func(Point) Point) Point {
	p := seen
	for range 10 {
		at := shift(p)
		north, east := seen.Latitude-at.Latitude, seen.Longitude-at.Longitude
		p.Latitude += north
		p.Longitude += east
		if math.Abs(north)+math.Abs(east) < 1e-10 {
			break
		}
	}
	if !inChina(p, 1e-8) {
		return seen
	}
	return p
}

// box is a rectangle of degrees.
type box struct{ north, west, south, east float64 }

// holds reports whether a point is in it, made larger by so many degrees.
func (b box) holds(p Point, by float64) bool {
	return p.Latitude <= b.north+by && p.Latitude >= b.south-by && p.Longitude >= b.west-by && p.Longitude <= b.east+by
}

// Where the shifts apply, as published with WGS84TOGCJ02 and taken over by many since: rectangles that hold China, and rectangles within
// them that do not belong to it. The last one is a later amendment.
var (
	chinaHolds = []box{
		{49.220400, 79.446200, 42.889900, 96.330000},
		{54.141500, 109.687200, 39.374200, 135.000200},
		{42.889900, 73.124600, 29.529700, 124.143255},
		{29.529700, 82.968400, 26.718600, 97.035200},
		{29.529700, 97.025300, 20.414096, 124.367395},
		{20.414096, 107.975793, 17.871542, 111.744104},
	}
	chinaLacks = []box{
		{25.398623, 119.921265, 21.785006, 122.497559},
		{22.284000, 101.865200, 20.098800, 106.665000},
		{21.542200, 106.452500, 20.487800, 108.051000},
		{55.817500, 109.032300, 50.325700, 119.127000},
		{55.817500, 127.456800, 49.557400, 137.022700},
		{44.892200, 131.266200, 42.569200, 137.022700},
		{35.398637, 73.124600, 29.529700, 77.948114},
	}
)

// InChina reports whether maps of China shift a point of WGS-84. It says nothing of borders: it is how the published conversions know
// where they apply. Hong Kong and Macau are shifted and Taiwan is not, as on the maps; so is some land beyond the border, such as Nepal's
// capital, and some within it is not, such as Heihe (docs/decisions/0038).
func InChina(p Point) bool { return inChina(p, 0) }

// inChina takes so many degrees beyond the edges for China too: what is iterated comes as near to an edge as to any point, not onto it.
func inChina(p Point, margin float64) bool {
	for _, b := range chinaHolds {
		if b.holds(p, margin) {
			for _, not := range chinaLacks {
				if not.holds(p, -margin) {
					return false
				}
			}
			return true
		}
	}
	return false
}

// EarthRadius is the mean radius in kilometres (IUGG).
const EarthRadius = 6371.0088

// Distance is the length of the great circle between two points, in kilometres, by the haversine formula: exact on a sphere, and off by
// at most half a percent on the earth.
func Distance(a, b Point) float64 {
	const degree = math.Pi / 180
	north := math.Sin((b.Latitude - a.Latitude) * degree / 2)
	east := math.Sin((b.Longitude - a.Longitude) * degree / 2)
	h := north*north + math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*east*east
	return 2 * EarthRadius * math.Asin(math.Sqrt(min(1, h)))
}
