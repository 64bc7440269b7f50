package drawing

import (
	"image"
	"image/color"
	"math"
)

// scene is a way goods go: a sky, hills, and a ship, an aircraft, a train or a lorry. It is 240 units wide whatever its size.
func (d drawer) scene(mode uint64, width, height int) image.Image {
	c := newCanvas(width, height, 240)
	h := float64(height) / c.scale
	p := palettes[d.IntN(len(palettes))]
	c.sky(p.high, p.low)
	sun := point{d.between(30, 210), d.between(0.15, 0.4) * h}
	for i := 4; i >= 0; i-- {
		c.disc(faint(p.sun, 0.12+0.2*float64(4-i)), sun, 10+5*float64(i))
	}
	for range 3 {
		d.cloud(c, point{d.between(0, 240), d.between(0.05, 0.35) * h})
	}
	ground := 0.7 * h
	d.hills(c, mix(p.far, p.low, 0.45), ground, 0.22*h)
	d.hills(c, p.far, ground, 0.12*h)
	switch mode {
	case 0:
		d.sea(c, p, ground, h)
	case 1:
		c.rectangle(p.near, 0, ground, 240, h)
		c.wave(mix(p.near, hex(0x102018), 0.2), ground+0.12*h, 3, 110, d.Float64())
		d.aircraft(c, point{d.between(60, 110), 0.4 * h})
	case 2:
		d.land(c, p, ground, h)
		d.lorry(c, ground)
	default:
		d.land(c, p, ground, h)
		d.train(c, ground)
	}
	return c.RGBA
}

func (d drawer) cloud(c *canvas, at point) {
	size := d.between(0.6, 1.1)
	for i, radius := range []float64{4, 7, 8.5, 6, 3.5} {
		c.disc(faint(white, 0.8), point{at.x + float64(i)*7*size, at.y - radius*size/3}, radius*size)
	}
}

// hills are a line of summits above a level.
func (d drawer) hills(c *canvas, fill color.RGBA, level, most float64) {
	points := []point{{0, level + 1}}
	a, b := d.between(0, 6), d.between(0, 6)
	for x := 0.0; x <= 242; x += 2 {
		rise := 0.55 + 0.3*math.Sin(x/31+a) + 0.15*math.Sin(x/11+b)
		points = append(points, point{x, level - most*rise})
	}
	c.polygon(fill, append(points, point{242, level + 1})...)
}

// sea is a ship among waves, the nearer ones in front of it.
func (d drawer) sea(c *canvas, p palette, level, h float64) {
	c.wave(mix(p.near, p.far, 0.5), level, 1, 34, d.Float64())
	left := d.between(25, 60)
	keel := level + 0.12*h
	deck := level - 0.01*h
	for row := range 3 {
		for i := range 9 - row*d.IntN(3) {
			c.container(d.paint(), left+22+float64(i)*12, deck-8*float64(row+1), 11.4, 7.5)
		}
	}
	c.rectangle(white, left+4, deck-30, 14, 30)
	c.rectangle(p.near, left+6, deck-26, 10, 3)
	c.rectangle(d.paint(), left+8, deck-39, 6, 9)
	hull := d.paint()
	c.polygon(hull, point{left, deck}, point{left + 145, deck - 4}, point{left + 132, keel}, point{left + 6, keel})
	c.polygon(mix(hull, p.near, 0.6), point{left + 3, deck + 0.6*(keel-deck)}, point{left + 138, deck + 0.55*(keel-deck)},
		point{left + 132, keel}, point{left + 6, keel})
	for i := range 4 {
		n := float64(i)
		c.wave(faint(mix(p.near, p.far, 0.5-0.12*n), 0.9), level+(0.07+0.06*n)*h, 1.5+0.5*n, 30+12*n, d.Float64())
	}
}

func (c *canvas) container(paint color.RGBA, x, y, w, h float64) {
	c.rectangle(paint, x, y, w, h)
	for i := 1.0; i < 6; i++ {
		c.rectangle(mix(paint, color.RGBA{0, 0, 0, 255}, 0.16), x+i*w/6, y+0.1*h, w/18, 0.8*h)
	}
	c.rectangle(mix(paint, white, 0.3), x, y, w, 0.08*h)
}

func (d drawer) land(c *canvas, p palette, level, h float64) {
	c.rectangle(mix(p.near, p.far, 0.4), 0, level, 240, h-level)
	c.rectangle(mix(p.near, hex(0x202020), 0.4), 0, level+6, 240, 16)
	for x := -10.0; x < 240; x += 24 {
		c.rectangle(faint(white, 0.8), x, level+13, 13, 1.6)
	}
	c.wave(mix(p.near, hex(0x102018), 0.2), level+0.22*h, 2, 90, d.Float64())
}

// aircraft flies to the right, and upwards a little.
func (d drawer) aircraft(c *canvas, at point) {
	tail := d.paint()
	q := func(x, y float64) point { return point{at.x + x, at.y + y - 0.12*x} }
	c.polygon(faint(white, 0.25), q(-200, 4), q(-4, -1), q(-4, 3))
	c.polygon(tail, q(0, 0), q(-9, -24), q(3, -24), q(20, -4))
	c.polygon(hex(0xb9c4cf), q(48, 2), q(30, -22), q(37, -22), q(66, 2))
	body := []point{q(-2, -3), q(10, -7), q(88, -7), q(101, -3), q(106, 2), q(98, 6), q(20, 7)}
	c.polygon(hex(0xf4f7fa), body...)
	c.polygon(tail, q(5, 3), q(104, 3), q(98, 6), q(20, 7))
	for x := 24.0; x < 86; x += 6 {
		c.polygon(hex(0x36506b), q(x, -4), q(x+3, -4), q(x+3, -1), q(x, -1))
	}
	c.polygon(hex(0x36506b), q(91, -5), q(98, -3), q(99, -1), q(92, -1))
	c.polygon(hex(0xdbe2e9), q(36, 4), q(18, 32), q(28, 32), q(66, 4))
	c.polygon(hex(0x7d8b99), q(40, 12), q(54, 12), q(54, 18), q(40, 18))
}

func (d drawer) train(c *canvas, level float64) {
	y := level + 4
	for i := range 4 {
		x := 168 - 50*float64(i)
		if i == 0 {
			paint := d.paint()
			c.polygon(paint, point{x, y - 22}, point{x + 36, y - 22}, point{x + 50, y - 8}, point{x + 50, y}, point{x, y})
			c.rectangle(hex(0x22384f), x+27, y-18, 9, 7)
			c.rectangle(mix(paint, white, 0.7), x, y-7, 50, 2)
		} else {
			c.rectangle(hex(0x444b52), x, y-4, 48, 4)
			c.container(d.paint(), x+1, y-21, 22.5, 17)
			c.container(d.paint(), x+24.5, y-21, 22.5, 17)
		}
		for _, at := range []float64{7, 16, 33, 42} {
			c.wheel(point{x + at, y + 1}, 3.4)
		}
	}
}

func (d drawer) lorry(c *canvas, level float64) {
	x, y := d.between(40, 80), level+9
	cab := d.paint()
	c.container(d.paint(), x, y-38, 84, 33)
	c.rectangle(hex(0x3a4046), x, y-5, 116, 4)
	c.polygon(cab, point{x + 88, y - 30}, point{x + 106, y - 30}, point{x + 116, y - 15}, point{x + 116, y - 3}, point{x + 88, y - 3})
	c.polygon(hex(0x22384f), point{x + 95, y - 26}, point{x + 105, y - 26}, point{x + 111, y - 16}, point{x + 95, y - 16})
	for _, at := range []float64{12, 25, 68, 101} {
		c.wheel(point{x + at, y}, 5.5)
	}
}

func (c *canvas) wheel(at point, radius float64) {
	c.disc(hex(0x22262b), at, radius)
	c.disc(hex(0xb5bcc4), at, radius*0.45)
}
