package intake_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"testing"
)

// secret is in everything that has to be stripped.
const secret = "SECRET: 18.25N 109.50E <?php system($_GET['c']); ?>"

// photo is a picture with edges, gradients and grain, and no symmetry.
func photo(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	grain := uint32(1)
	for y := range h {
		for x := range w {
			grain = grain*1664525 + 1013904223
			c := color.RGBA{uint8(255 * x / w), uint8(255 * y / h), uint8(grain >> 27), 255}
			if x < w/3 && y < h/4 {
				c = color.RGBA{220, 30, 40, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func segment(marker byte, payload string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(payload))), payload...)
}

// with puts segments behind the start of a JPEG.
func with(file []byte, segments ...[]byte) []byte {
	return slices.Concat(file[:2], slices.Concat(segments...), file[2:])
}

// before puts bytes before the first segment of a kind.
func before(file []byte, marker byte, inserted ...byte) []byte {
	i := bytes.Index(file, []byte{0xff, marker})
	return slices.Concat(file[:i], inserted, file[i:])
}

func jfif() []byte { return segment(0xe0, "JFIF\x00\x01\x02\x01\x01\x2c\x01\x2c\x00\x00") }

func adobe(transform byte) []byte {
	return segment(0xee, "Adobe\x00\x64\x80\x00\x00\x00"+string(rune(transform)))
}

// exif is a block of EXIF with an orientation, a description and a place.
func exif(orientation int, order binary.AppendByteOrder) string {
	head := "MM\x00*"
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		head = "II*\x00"
	}
	b := order.AppendUint32([]byte(head), 8)
	b = order.AppendUint16(b, 2)
	entry := func(tag, kind uint16, count uint32) {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), kind), count)
	}
	entry(0x010e, 2, uint32(len(secret)))
	b = order.AppendUint32(b, 38)
	entry(0x0112, 3, 1)
	b = order.AppendUint16(order.AppendUint16(b, uint16(orientation)), 0)
	return string(order.AppendUint32(b, 0)) + secret
}

// drawn is a JPEG without a picture in it: each block has one colour. It can be of any kind.
type drawn struct {
	frame     byte // SOF0 and so on
	precision byte
	w, h      int
	ids       []byte
	sampling  []byte // of each component; 0x11 if nil
	scans     []drawnScan
	noTables  bool
}

// drawnScan is one scan: the indexes of components, the band of coefficients, the bits.
type drawnScan struct {
	components   []int
	from, to     byte
	high, low    byte
	blocks       int // how many blocks are written; all if 0
	trailingData string
}

var sequential = []drawnScan{{to: 63}}

// progressive is the DC of all components and then the AC of each.
func progressive(components int) []drawnScan {
	scans := []drawnScan{{low: 1}, {high: 1}}
	for c := range components {
		scans = append(scans, drawnScan{components: []int{c}, from: 1, to: 5}, drawnScan{components: []int{c}, from: 6, to: 63})
	}
	return scans
}

func (d drawn) bytes() []byte {
	out := []byte{0xff, 0xd8}
	if !d.noTables {
		out = append(out, segment(0xdb, "\x00"+string(bytes.Repeat([]byte{4}, 64)))...)
	}
	frame := []byte{d.precision, byte(d.h >> 8), byte(d.h), byte(d.w >> 8), byte(d.w), byte(len(d.ids))}
	for c, id := range d.ids {
		frame = append(frame, id, d.sample(c), 0)
	}
	out = append(out, segment(d.frame, string(frame))...)
	// DC: a code of four bits for each size up to 11. AC: "0" ends a block.
	out = append(out, segment(0xc4, "\x00\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b")...)
	out = append(out, segment(0xc4, "\x10\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")...)
	for _, s := range d.scans {
		out = append(out, d.scan(s)...)
	}
	return append(out, 0xff, 0xd9)
}

func (d drawn) sample(c int) byte {
	if d.sampling == nil {
		return 0x11
	}
	return d.sampling[c]
}

func (d drawn) scan(s drawnScan) []byte {
	if s.components == nil {
		for c := range d.ids {
			s.components = append(s.components, c)
		}
	}
	header := []byte{byte(len(s.components))}
	for _, c := range s.components {
		header = append(header, d.ids[c], 0)
	}
	out := segment(0xda, string(append(header, s.from, s.to, s.high<<4|s.low)))
	var w bitWriter
	h, v := int(d.sample(0)>>4), int(d.sample(0)&15)
	if len(d.ids) == 1 {
		h, v = 1, 1
	}
	units := (d.w + 8*h - 1) / (8 * h) * ((d.h + 8*v - 1) / (8 * v))
	if s.blocks > 0 {
		units = s.blocks
	}
	for unit := range units {
		for _, c := range s.components {
			n := 1
			if len(d.ids) > 1 {
				n = int(d.sample(c)>>4) * int(d.sample(c)&15)
			}
			for range n {
				w.block(d.frame == 0xc2, s, unit, c)
			}
		}
	}
	out = append(out, w.end()...)
	return append(out, s.trailingData...)
}

type bitWriter struct {
	out  []byte
	acc  uint32
	bits int
}

func (w *bitWriter) block(progressive bool, s drawnScan, unit, c int) {
	switch {
	case s.from > 0:
		w.write(0, 1) // the end of the block
	case s.high > 0:
		w.write(uint32(unit&1), 1) // one more bit of DC
	default:
		size := uint32(0)
		if unit%7 == c {
			size = 5 // up and down by 21
		}
		w.write(size, 4)
		if size > 0 {
			w.write([]uint32{21, 31 - 21}[unit&1], 5)
		}
		if !progressive {
			w.write(0, 1)
		}
	}
}

func (w *bitWriter) write(v uint32, n int) {
	w.acc, w.bits = w.acc<<n|v, w.bits+n
	for ; w.bits >= 8; w.bits -= 8 {
		b := byte(w.acc >> (w.bits - 8))
		w.out = append(w.out, b)
		if b == 0xff {
			w.out = append(w.out, 0)
		}
	}
}

func (w *bitWriter) end() []byte {
	if w.bits > 0 {
		w.write(1<<(8-w.bits)-1, 8-w.bits)
	}
	return w.out
}
