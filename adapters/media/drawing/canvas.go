package drawing

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// canvas is a picture on which shapes are painted one over the other, with smooth edges, in a place of so many units across.
type canvas struct {
	*image.RGBA
	scale float64
	brush *vector.Rasterizer
}

// point is in units of the canvas, from its top left.
type point struct{ x, y float64 }

func newCanvas(width, height int, units float64) *canvas {
	return &canvas{image.NewRGBA(image.Rect(0, 0, width, height)), float64(width) / units, vector.NewRasterizer(0, 0)}
}

// sky fills the canvas from the colour at the top to that at the bottom.
func (c *canvas) sky(top, bottom color.RGBA) {
	for y := range c.Rect.Dy() {
		shade := mix(top, bottom, float64(y)/float64(c.Rect.Dy()))
		draw.Draw(c, image.Rect(0, y, c.Rect.Dx(), y+1), image.NewUniform(shade), image.Point{}, draw.Src)
	}
}

// polygon fills what lies between the points; only the part of the canvas that they span is looked at.
func (c *canvas) polygon(fill color.RGBA, points ...point) {
	low, high := points[0], points[0]
	for _, p := range points {
		low.x, low.y = min(low.x, p.x), min(low.y, p.y)
		high.x, high.y = max(high.x, p.x), max(high.y, p.y)
	}
	box := image.Rect(int(low.x*c.scale)-1, int(low.y*c.scale)-1, int(high.x*c.scale)+2, int(high.y*c.scale)+2).Intersect(c.Rect)
	if box.Empty() {
		return
	}
	c.brush.Reset(box.Dx(), box.Dy())
	for i, p := range points {
		x, y := float32(p.x*c.scale)-float32(box.Min.X), float32(p.y*c.scale)-float32(box.Min.Y)
		if i == 0 {
			c.brush.MoveTo(x, y)
		} else {
			c.brush.LineTo(x, y)
		}
	}
	c.brush.ClosePath()
	c.brush.Draw(c, box, image.NewUniform(fill), image.Point{})
}

func (c *canvas) rectangle(fill color.RGBA, x, y, w, h float64) {
	c.polygon(fill, point{x, y}, point{x + w, y}, point{x + w, y + h}, point{x, y + h})
}

func (c *canvas) disc(fill color.RGBA, at point, radius float64) {
	c.polygon(fill, around(at, 64, func(int) float64 { return radius })...)
}

// ring is a circle of a line.
func (c *canvas) ring(fill color.RGBA, at point, radius, line float64) {
	outer := around(at, 96, func(int) float64 { return radius })
	inner := around(at, 96, func(int) float64 { return radius - line })
	outer = append(outer, outer[0], inner[0])
	for i := range inner {
		outer = append(outer, inner[len(inner)-1-i])
	}
	c.polygon(fill, outer...)
}

// star has five points.
func (c *canvas) star(fill color.RGBA, at point, radius float64) {
	c.polygon(fill, around(at, 10, func(i int) float64 {
		if i%2 == 0 {
			return radius
		}
		return radius * 0.382
	})...)
}

// around are n points around one, the first above it.
func around(at point, n int, radius func(int) float64) []point {
	points := make([]point, n)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		points[i] = point{at.x + radius(i)*sin, at.y - radius(i)*cos}
	}
	return points
}

// wave fills what is below a line that swings around a height.
func (c *canvas) wave(fill color.RGBA, y, swing, length, phase float64) {
	width := float64(c.Rect.Dx()) / c.scale
	bottom := float64(c.Rect.Dy()) / c.scale
	points := []point{{0, bottom}}
	for x := 0.0; x <= width+1; x++ {
		points = append(points, point{x, y + swing*math.Sin(2*math.Pi*(x/length+phase))})
	}
	c.polygon(fill, append(points, point{width + 1, bottom})...)
}

// mix is a colour on the way from one to another.
func mix(a, b color.RGBA, way float64) color.RGBA {
	at := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*way + 0.5) }
	return color.RGBA{at(a.R, b.R), at(a.G, b.G), at(a.B, b.B), at(a.A, b.A)}
}

// faint is a colour that lets what is behind it through.
func faint(c color.RGBA, opacity float64) color.RGBA { return mix(color.RGBA{}, c, opacity) }
