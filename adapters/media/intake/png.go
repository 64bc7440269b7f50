package intake

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"waybill/domain/media"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	// pngHeader is the length of the signature and IHDR with its frame.
	pngHeader = len(pngSignature) + 12 + 13
	// decoderMemory is what decoder and encoder take beside the pixels: rows, windows, tables.
	decoderMemory = 1 << 20
)

// The colour types of PNG (W3C PNG, 11.2.1).
const (
	pngGray      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGrayAlpha = 4
	pngRGBA      = 6
)

// pngFile is a walk through the chunks of a PNG.
type pngFile struct {
	data []byte
	at   int

	picture picture
	header  []byte
	depth   byte
	kind    byte
	laced   bool
	exif    bool
	// palette and transparency are chunks as they are; data of several IDAT are parts of one stream.
	palette, transparency []byte
	pixels                [][]byte
	pixelsEnded           bool
	// colours are the chunks of these names that were seen before the palette and the pixels; the first of each counts.
	colours map[string][]byte
}

// colourChunks are those that say how numbers become colours, in the order in which they are written, with their lengths. An
// ICC profile has any length, and is rewritten.
var colourChunks = []struct {
	name   string
	length int
}{{"cICP", 4}, {"iCCP", -1}, {"sRGB", 1}, {"gAMA", 4}, {"cHRM", 32}}

// inspectPNG keeps header, palette, transparency, what is said of colours, and the pixels, in one chunk. Everything else goes.
func inspectPNG(data []byte) (picture, error) {
	f := pngFile{
		data: data, at: len(pngSignature), picture: picture{format: media.PNG, turn: upright}, colours: map[string][]byte{},
	}
	err := f.walk()
	if err == nil {
		err = f.complete()
	}
	if err == nil {
		f.write()
	}
	return f.picture, err
}

// walk reads chunks up to the end of the image; what follows it is not looked at.
func (f *pngFile) walk() error {
	for {
		name, chunk, err := f.chunk()
		if err != nil {
			return err
		}
		if f.header == nil && name != "IHDR" {
			return broken("%q before the header", name)
		}
		payload := chunk[8 : len(chunk)-4]
		if name != "IDAT" && f.pixels != nil {
			f.pixelsEnded = true
		}
		switch name {
		case "IHDR":
			err = f.ihdr(payload)
		case "PLTE":
			err = f.once(&f.palette, chunk)
		case "tRNS":
			err = f.once(&f.transparency, chunk)
		case "IDAT":
			if f.pixelsEnded {
				return broken("pixels in two places")
			}
			f.pixels = append(f.pixels, payload)
		case "IEND":
			if len(payload) != 0 {
				return broken("an end with content")
			}
			return nil
		case "eXIf":
			if !f.exif {
				f.exif = true
				f.picture.turn = exifOrientation(payload)
			}
		default:
			err = f.other(name, payload)
		}
		if err != nil {
			return err
		}
	}
}

// chunk reads one with its frame, and checks it.
func (f *pngFile) chunk() (name string, chunk []byte, err error) {
	rest := f.data[f.at:]
	if len(rest) < 12 {
		return "", nil, broken("no end of image")
	}
	n := binary.BigEndian.Uint32(rest)
	if int64(n) > int64(len(rest)-12) {
		return "", nil, broken("cut in a chunk")
	}
	chunk = rest[:12+n]
	if binary.BigEndian.Uint32(chunk[8+n:]) != crc32.ChecksumIEEE(chunk[4:8+n]) {
		return "", nil, broken("checksum of %q", chunk[4:8])
	}
	f.at += len(chunk)
	return string(chunk[4:8]), chunk, nil
}

func (f *pngFile) ihdr(p []byte) error {
	if f.header != nil || len(p) != 13 {
		return broken("header")
	}
	w, h := binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return broken("%d by %d", w, h)
	}
	f.header = p
	f.picture.width, f.picture.height = int(w), int(h)
	f.depth, f.kind, f.laced = p[8], p[9], p[12] == 1
	f.picture.gray = f.kind == pngGray || f.kind == pngGrayAlpha
	return nil
}

// once takes a chunk that may be there once, before the pixels.
func (f *pngFile) once(kept *[]byte, chunk []byte) error {
	if *kept != nil || f.pixels != nil {
		return broken("%q twice or after the pixels", chunk[4:8])
	}
	*kept = chunk
	return nil
}

func (f *pngFile) other(name string, p []byte) error {
	if name == "CgBI" {
		return unsupported("不支持苹果设备专用的 PNG，请另存为标准 PNG 后上传", "is a PNG for Apple's devices only; save it as an ordinary one")
	}
	if name[0]&0x20 == 0 {
		return broken("a critical chunk %q", name)
	}
	for _, c := range colourChunks {
		if c.name == name && f.colours[name] == nil && f.palette == nil && f.pixels == nil && (c.length < 0 || c.length == len(p)) {
			f.colours[name] = p
		}
	}
	return nil
}

func (f *pngFile) complete() error {
	if f.pixels == nil {
		return broken("no pixels")
	}
	if f.kind != pngPalette {
		f.palette = nil // a suggestion
	}
	if f.kind == pngGrayAlpha || f.kind == pngRGBA {
		f.transparency = nil // it has no meaning there
	}
	f.picture.memory = f.memory()
	return nil
}

// memory is what image/png allocates: an image, beside it the largest pass of an interlaced one; to turn it, an image more, and
// in its encoder something for each pixel.
func (f *pngFile) memory() int64 {
	wide := f.transparency != nil && f.kind != pngPalette || f.kind == pngGrayAlpha || f.kind == pngRGB || f.kind == pngRGBA
	size := int64(1)
	if wide {
		size = 4
	}
	if f.depth == 16 {
		size *= 2
	}
	// The factors cannot overflow: the pixels are counted up to 2⁶² only.
	pixels := int64(f.picture.width) * int64(f.picture.height)
	if pixels > 1<<50 {
		return pixels
	}
	total := size * pixels
	if f.laced {
		total += size * int64(f.picture.width) * int64((f.picture.height+1)/2)
	}
	if f.picture.turn != upright {
		total += (size + 16) * pixels
	}
	return total + decoderMemory + 20*int64(f.picture.width) // two rows of eight bytes a pixel
}

func (f *pngFile) write() {
	for _, c := range colourChunks {
		p := f.colours[c.name]
		if c.name == "iCCP" && p != nil {
			f.picture.profile = unpackProfile(p, f.picture.gray)
			p = packProfile(f.picture.profile)
		}
		if p != nil {
			f.picture.chunks = appendChunk(f.picture.chunks, c.name, p)
		}
	}
	length := 0
	for _, p := range f.pixels {
		length += len(p)
	}
	out := make([]byte, 0, pngHeader+len(f.picture.chunks)+len(f.palette)+len(f.transparency)+12+length+12)
	out = append(out, pngSignature...)
	out = appendChunk(out, "IHDR", f.header)
	out = slices.Concat(out, f.picture.chunks, f.palette, f.transparency)
	out = appendChunk(out, "IDAT", f.pixels...)
	f.picture.clean = appendChunk(out, "IEND")
}

func appendChunk(out []byte, name string, parts ...[]byte) []byte {
	at := len(out)
	out = append(append(out, 0, 0, 0, 0), name...)
	for _, p := range parts {
		out = append(out, p...)
	}
	binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-8)) //nolint:gosec // no longer than an upload
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[at+4:]))
}

// unpackProfile is the profile of an iCCP chunk, rewritten; nil if it is not understood.
func unpackProfile(p []byte, gray bool) []byte {
	_, rest, ok := bytes.Cut(p, []byte{0})
	if !ok || len(rest) < 1 || rest[0] != 0 {
		return nil
	}
	return rewriteProfile(inflate(rest[1:], maxProfile), gray)
}

// packProfile is an iCCP chunk of a profile, stored as it is: the bytes of a compressed one would depend on the compressor.
func packProfile(profile []byte) []byte {
	if profile == nil {
		return nil
	}
	return append([]byte("ICC\x00\x00"), deflate(profile)...)
}
