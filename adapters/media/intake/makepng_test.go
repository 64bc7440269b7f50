package intake_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
)

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func chunk(name, payload string) []byte {
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), name+payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// afterHeader puts bytes behind the header of a PNG, atEnd before its end.
func afterHeader(file []byte, chunks ...[]byte) []byte {
	return slices.Concat(file[:33], slices.Concat(chunks...), file[33:])
}

func atEnd(file []byte, chunks ...[]byte) []byte {
	end := len(file) - 12
	return slices.Concat(file[:end], slices.Concat(chunks...), file[end:])
}

func deflated(plain string) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write([]byte(plain))
	w.Close()
	return out.String()
}

// grid is a PNG of any depth and colour type, interlaced or not, with a palette and a transparency where they may be.
type grid struct {
	w, h         int
	depth, kind  byte
	laced, clear bool
	rows         string // instead of what is drawn
	data         string // instead of the compressed rows
}

var channels = map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

func (g grid) bytes() []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(g.w)), uint32(g.h))
	interlace := byte(0)
	if g.laced {
		interlace = 1
	}
	out = append(out, chunk("IHDR", string(append(header, g.depth, g.kind, 0, 0, interlace)))...)
	if g.kind == 3 {
		var palette []byte
		for i := range 1 << g.depth {
			palette = append(palette, byte(i*97), byte(i*53), byte(255-i))
		}
		out = append(out, chunk("PLTE", string(palette))...)
	}
	if g.clear {
		out = append(out, chunk("tRNS", map[byte]string{0: "\x00\x01", 2: "\x00\x01\x00\x02\x00\x03", 3: "\x00\x80"}[g.kind])...)
	}
	data := g.data
	if data == "" {
		data = deflated(g.scanlines())
	}
	for part := range slices.Chunk([]byte(data), 700) {
		out = append(out, chunk("IDAT", string(part))...)
	}
	return append(out, chunk("IEND", "")...)
}

func (g grid) scanlines() string {
	if g.rows != "" {
		return g.rows
	}
	passes := [][4]int{{0, 0, 1, 1}} // x and y of the first, steps
	if g.laced {
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var rows strings.Builder
	grain := uint32(7)
	for _, p := range passes {
		w := (g.w - p[0] + p[2] - 1) / p[2]
		if w <= 0 {
			continue
		}
		for y := p[1]; y < g.h; y += p[3] {
			rows.WriteByte(byte(y) % 5) // each filter
			for range (w*channels[g.kind]*int(g.depth) + 7) / 8 {
				grain = grain*1664525 + 1013904223
				rows.WriteByte(byte(grain >> 24))
			}
		}
	}
	return rows.String()
}

// profile is an ICC profile of a screen with a wide gamut, with a name, a serial number and slack.
func profile(space, class string) string {
	xyz := func(x, y, z uint32) string {
		b := binary.BigEndian.AppendUint32([]byte("XYZ \x00\x00\x00\x00"), x)
		return string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, y), z))
	}
	var curve []byte
	for i := range 1024 {
		curve = binary.BigEndian.AppendUint16(curve, uint16(i*i/16))
	}
	trc := "curv\x00\x00\x00\x00\x00\x00\x04\x00" + string(curve)
	tags := [][2]string{{"desc", "text\x00\x00\x00\x00" + secret}, {"wtpt", xyz(0xf351, 0x10000, 0x116cc)}, {"prvt", "text\x00\x00\x00\x00" + secret}}
	if space == "GRAY" {
		tags = append(tags, [2]string{"kTRC", trc})
	} else {
		tags = append(tags, [2]string{"rXYZ", xyz(0x83df, 0x3dbf, 0xffffffbb)}, [2]string{"gXYZ", xyz(0x4abf, 0xb137, 0xab9)}, [2]string{"bXYZ", xyz(0x2838, 0x110b, 0xc8b9)},
			[2]string{"rTRC", trc}, [2]string{"gTRC", trc}, [2]string{"bTRC", "para\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x33\x33"})
	}
	header := make([]byte, 128)
	copy(header[4:], "SECR\x02\x40\x00\x00"+class+space+"XYZ ")
	copy(header[36:], "acspSECRET")
	table, body := binary.BigEndian.AppendUint32(nil, uint32(len(tags))), ""
	for _, t := range tags {
		table = append(table, t[0]...)
		table = binary.BigEndian.AppendUint32(table, uint32(128+4+12*len(tags)+len(body)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(t[1])))
		body += t[1] + strings.Repeat("\x00", -len(t[1])&3)
	}
	all := string(header) + string(table) + body + secret
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(all)))) + all[4:]
}

func iccSegment(p string) []byte { return segment(0xe2, "ICC_PROFILE\x00\x01\x01"+p) }

func iccChunk(p string) []byte { return chunk("iCCP", "SECRET screen\x00\x00"+deflated(p)) }
