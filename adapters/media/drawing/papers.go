package drawing

import (
	"image"
	"image/color"
)

// logo is a mark and a name that nobody can read, on white.
func (d drawer) logo(width, height int) image.Image {
	c := newCanvas(width, height, 185)
	c.sky(white, white)
	n := len(inks)
	i := d.IntN(n)
	first, second := inks[i], inks[(i+1+d.IntN(n-1))%n]
	mark := point{38, 37}
	switch d.IntN(4) {
	case 0: // waves in a disc
		c.disc(first, mark, 25)
		for i := range 3 {
			y := mark.y - 8 + 9*float64(i)
			c.polygon(white, point{mark.x - 18, y}, point{mark.x - 6, y - 5}, point{mark.x + 6, y}, point{mark.x + 18, y - 5},
				point{mark.x + 18, y - 1}, point{mark.x + 6, y + 4}, point{mark.x - 6, y - 1}, point{mark.x - 18, y + 4})
		}
	case 1: // a box
		c.polygon(first, point{38, 11}, point{61, 23}, point{38, 35}, point{15, 23})
		c.polygon(mix(first, hex(0x000000), 0.25), point{15, 26}, point{36.5, 37}, point{36.5, 63}, point{15, 51})
		c.polygon(second, point{61, 26}, point{39.5, 37}, point{39.5, 63}, point{61, 51})
	case 2: // a way between two places
		c.ring(first, mark, 25, 6)
		c.polygon(second, point{20, 44}, point{44, 26}, point{40, 21}, point{60, 17}, point{55, 37}, point{51, 33}, point{27, 51})
	default: // sails
		c.polygon(first, point{40, 10}, point{40, 54}, point{14, 54})
		c.polygon(second, point{44, 20}, point{62, 54}, point{44, 54})
		c.rectangle(first, 14, 58, 48, 4)
	}
	d.line(c, hex(0x2b3440), 76, 22, 92, 13)
	d.line(c, faint(hex(0x2b3440), 0.5), 76, 45, 70, 6)
	return c.RGBA
}

// line is writing that nobody can read: blocks of strokes, as high as they are wide.
func (d drawer) line(c *canvas, ink color.RGBA, x, y, length, size float64) {
	stroke := size / 9
	for at := x; at+size <= x+length; at += size * 1.25 {
		rows := 3 + d.IntN(2)
		for i := range rows {
			inset := d.between(0, 0.25) * size
			c.rectangle(ink, at+inset, y+float64(i)*(size-stroke)/float64(rows-1), size-2*inset, stroke)
		}
		c.rectangle(ink, at+d.between(0.15, 0.75)*size, y, stroke, size)
		if d.IntN(2) == 0 {
			c.rectangle(ink, at+d.between(0, 0.1)*size, y+0.2*size, stroke, 0.8*size)
		}
	}
}

// licence is a paper with a frame, an emblem, lines of writing and a seal.
func (d drawer) licence(width, height int) image.Image {
	c := newCanvas(width, height, 240)
	paper := mix(hex(0xfffaf0), hex(0xf3f7ef), d.Float64())
	gold, red, ink := hex(0xb8923a), hex(0xc8102e), hex(0x33302b)
	c.sky(paper, mix(paper, gold, 0.08))
	for i, inset := range []float64{5, 8} {
		line := 1.4 - 0.8*float64(i)
		w, h := 240-2*inset, 160.6-2*inset
		c.rectangle(gold, inset, inset, w, line)
		c.rectangle(gold, inset, inset+h-line, w, line)
		c.rectangle(gold, inset, inset, line, h)
		c.rectangle(gold, inset+w-line, inset, line, h)
	}
	for i := range 6 {
		c.ring(faint(gold, 0.1), point{120, 92}, 22+5*float64(i), 1)
	}
	c.disc(red, point{120, 24}, 8)
	c.star(hex(0xffd84d), point{120, 24}, 5.5)
	d.line(c, ink, 80, 38, 80, 12)
	for row := range 6 {
		y := 62 + 13*float64(row)
		d.line(c, faint(ink, 0.75), 22, y, 30, 5)
		d.line(c, ink, 62, y, d.between(40, 80), 5)
		if row < 4 {
			d.line(c, faint(ink, 0.75), 150, y, 20, 5)
			d.line(c, ink, 180, y, d.between(20, 40), 5)
		}
	}
	seal := point{196 + d.between(-4, 4), 126 + d.between(-3, 3)}
	c.ring(faint(red, 0.8), seal, 20, 1.8)
	c.star(faint(red, 0.8), seal, 7)
	for _, at := range around(seal, 14, func(int) float64 { return 14.5 })[2:13] {
		c.rectangle(faint(red, 0.7), at.x-1.5, at.y-1.5, 3, 3)
	}
	return c.RGBA
}
