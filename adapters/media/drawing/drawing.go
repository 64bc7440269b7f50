// Package drawing draws the pictures of a world that is made up: covers, logos, detail images and licences that keep the policies.
package drawing

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"

	"waybill/domain/media"
)

// Draw is a picture for a purpose, as a file that its standard policy takes as it is (R15, R24). The same seed draws the same
// picture, another one another. Covers and detail images show a ship, an aircraft, a lorry or a train: seed modulo 4 says which,
// in the order of the modes of transport (R24).
func Draw(purpose media.Purpose, seed uint64) []byte {
	d := drawer{rand.New(rand.NewPCG(seed, 0x7761_7962_696c_6c))} //nolint:gosec // nothing is secret in a picture
	switch purpose {
	case media.Logo:
		return encodePNG(d.logo(185, 74))
	case media.Licence:
		return encodeJPEG(d.licence(717, 480), 90)
	case media.Detail:
		return encodeJPEG(d.scene(seed%4, 1200, 600+100*d.IntN(4)), 85)
	default:
		return encodeJPEG(d.scene(seed%4, 239, 160), 92)
	}
}

func encodePNG(m image.Image) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil { // neither a size nor a buffer that could be wrong
		panic(err)
	}
	return out.Bytes()
}

func encodeJPEG(m image.Image, quality int) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil { // neither a size nor a buffer that could be wrong
		panic(err)
	}
	return out.Bytes()
}

// drawer makes the choices of one picture.
type drawer struct{ *rand.Rand }

// palette is what a picture is painted in.
type palette struct{ high, low, sun, far, near color.RGBA }

func hex(rgb uint32) color.RGBA {
	return color.RGBA{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), 255} //nolint:gosec // a byte each
}

// The times of day over Sanya, and the paint of containers.
var (
	palettes = []palette{
		{hex(0x2f80c2), hex(0xcfeaf5), hex(0xfff6d8), hex(0x3f7f93), hex(0x0f5f86)},
		{hex(0x3b3a78), hex(0xf7a072), hex(0xffe3a3), hex(0x5b4a7d), hex(0x23395d)},
		{hex(0x0e8f9c), hex(0xe6f6ec), hex(0xffffff), hex(0x2f8f83), hex(0x0b6a77)},
		{hex(0x15294b), hex(0x4d7ea8), hex(0xf3f0d7), hex(0x22406b), hex(0x0d1f3c)},
		{hex(0xf2997a), hex(0xfde7c4), hex(0xffffff), hex(0xb5726c), hex(0x7a4b5e)},
	}
	paints = []color.RGBA{
		hex(0xd1495b), hex(0xedae49), hex(0x00798c), hex(0x30638e), hex(0x66a182), hex(0xe9e4d4), hex(0x8d5a97), hex(0xe07a3f),
	}
	// inks are the paints that show on white.
	inks  = []color.RGBA{paints[0], paints[2], paints[3], paints[4], paints[6], paints[7]}
	white = hex(0xffffff)
)

func (d drawer) paint() color.RGBA { return paints[d.IntN(len(paints))] }

// between is a number from a to b.
func (d drawer) between(a, b float64) float64 { return a + (b-a)*d.Float64() }
