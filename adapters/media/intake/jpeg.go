package intake

import (
	"bytes"
	"encoding/binary"

	"waybill/domain/media"
)

// The markers of JPEG (ITU-T T.81, table B.1).
const (
	sof0  = 0xc0 // baseline
	sof1  = 0xc1 // extended sequential
	sof2  = 0xc2 // progressive
	sof15 = 0xcf
	dht   = 0xc4
	jpg   = 0xc8
	dac   = 0xcc
	rst0  = 0xd0
	rst7  = 0xd7
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dri   = 0xdd
	app0  = 0xe0
	app1  = 0xe1
	app2  = 0xe2
	app14 = 0xee
	app15 = 0xef
	com   = 0xfe
)

// maxScans is the most scans of a progressive JPEG. Encoders write about ten; each costs a walk through all of its blocks,
// whatever its length, and millions fit into an upload.
const maxScans = 50

// What is said of a frame outside of it, in its shortest form: JFIF without density and thumbnail, Adobe without flags.
var (
	jfifSegment  = []byte("\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	adobeSegment = []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00") // the transform follows
)

// component is one colour of a frame.
type component struct {
	id, h, v, quant byte
	// scanned says that the scan that begins it was seen.
	scanned bool
}

// jpegFile is a walk through the segments of a JPEG.
type jpegFile struct {
	data []byte
	at   int
	// body are the segments and scans that are kept: from, to.
	body [][2]int
	// last is how much of body there was with the last scan; tables after it are of no use.
	last int

	picture     picture
	progressive bool
	components  []component
	quants      [4]bool
	scans       int
	jfif, exif  bool
	adobe       int // the colour transform; -1 if nothing was said
	profile     profileParts
}

// inspectJPEG keeps what the pixels need: frame, tables and scans, and before them whether it is JFIF, Adobe's colour transform
// and the colour profile, each written anew. Everything else goes.
func inspectJPEG(data []byte) (picture, error) {
	f := jpegFile{data: data, at: 2, adobe: -1, picture: picture{format: media.JPEG, turn: upright}}
	err := f.walk()
	if err == nil {
		err = f.complete()
	}
	if err == nil {
		f.write()
	}
	return f.picture, err
}

// walk reads segments up to the end of the image; what follows it is not looked at.
func (f *jpegFile) walk() error {
	for {
		marker, err := f.marker()
		if err != nil || marker == eoi {
			return err
		}
		from := f.at - 2
		payload, err := f.payload()
		if err != nil {
			return err
		}
		switch {
		case marker == sof0, marker == sof1, marker == sof2:
			err = f.frame(marker, payload)
		case marker == dht, marker == dri:
		case marker == dqt:
			err = f.quantization(payload)
		case marker == sos:
			err = f.scan(payload)
		case marker >= app0 && marker <= app15, marker == com:
			f.application(marker, payload)
			continue
		case marker > sof2 && marker <= sof15:
			f.measure(payload)
			return unsupported("不支持该 JPEG 的编码方式，请另存为标准 JPEG 后上传",
				"is a JPEG of a rare kind (arithmetic, lossless or hierarchical); save it as an ordinary one")
		default:
			return broken("marker %#x", marker)
		}
		if err != nil {
			return err
		}
		if n := len(f.body); n > f.last && f.body[n-1][1] == from {
			f.body[n-1][1] = f.at
		} else {
			f.body = append(f.body, [2]int{from, f.at})
		}
		if marker == sos {
			f.last = len(f.body)
		}
	}
}

// marker finds the next marker. What is between segments is no part of the picture.
func (f *jpegFile) marker() (byte, error) {
	for {
		i := bytes.IndexByte(f.data[f.at:], 0xff)
		if i < 0 {
			return 0, broken("no end of image")
		}
		for f.at += i; f.at < len(f.data) && f.data[f.at] == 0xff; f.at++ {
		}
		if f.at == len(f.data) {
			return 0, broken("no end of image")
		}
		m := f.data[f.at]
		f.at++
		if m != 0 && (m < rst0 || m > rst7) {
			return m, nil
		}
	}
}

func (f *jpegFile) payload() ([]byte, error) {
	if len(f.data)-f.at < 2 {
		return nil, broken("cut in a segment")
	}
	n := int(binary.BigEndian.Uint16(f.data[f.at:]))
	if n < 2 || n > len(f.data)-f.at {
		return nil, broken("cut in a segment")
	}
	p := f.data[f.at+2 : f.at+n]
	f.at += n
	return p, nil
}

// measure reads the size in any frame header.
func (f *jpegFile) measure(p []byte) {
	if len(p) >= 6 {
		f.picture.height, f.picture.width = int(binary.BigEndian.Uint16(p[1:])), int(binary.BigEndian.Uint16(p[3:]))
	}
}

func (f *jpegFile) frame(marker byte, p []byte) error {
	if f.components != nil {
		return broken("two frames")
	}
	if len(p) < 6 || len(p) != 6+3*int(p[5]) {
		return broken("length of the frame header")
	}
	f.measure(p)
	if f.picture.width == 0 || f.picture.height == 0 {
		f.picture.width, f.picture.height = 0, 0
		return broken("no width or no height")
	}
	f.progressive = marker == sof2
	switch {
	case p[0] != 8:
		return unsupported("不支持每通道超过 8 位的 JPEG，请另存为 8 位后上传", "has more than 8 bits a channel; save it with 8")
	case p[5] == 4:
		return unsupported("不支持印刷用的 CMYK 颜色，请转换为 RGB 后上传", "has the colours of printing (CMYK); convert it to RGB")
	case p[5] != 1 && p[5] != 3:
		return broken("%d components", p[5])
	}
	for c := range int(p[5]) {
		d := p[6+3*c:]
		f.components = append(f.components, component{id: d[0], h: d[1] >> 4, v: d[1] & 15, quant: d[2]})
		if d[1]>>4 == 0 || d[1]>>4 > 4 || d[1]&15 == 0 || d[1]&15 > 4 || d[2] > 3 {
			return broken("component %d", c)
		}
	}
	if f.picture.gray = len(f.components) == 1; f.picture.gray {
		f.components[0].h, f.components[0].v = 1, 1 // T.81, A.2.2
	}
	return nil
}

func (f *jpegFile) quantization(p []byte) error {
	for len(p) > 0 {
		n, id := 65, p[0]&15
		if p[0]>>4 != 0 {
			n = 129
		}
		if len(p) < n || id > 3 {
			return broken("quantization table")
		}
		for _, c := range f.components {
			if f.progressive && c.quant == id && c.scanned {
				return broken("a quantization table changes in the middle of a component") // decoders disagree on what is seen
			}
		}
		f.quants[id] = true
		p = p[n:]
	}
	return nil
}

// scan reads the header of a scan and goes to the end of its data.
func (f *jpegFile) scan(p []byte) error {
	if f.components == nil || len(p) < 1 || len(p) != 4+2*int(p[0]) {
		return broken("header of a scan")
	}
	if f.scans++; f.scans > maxScans {
		return broken("more than %d scans", maxScans)
	}
	for i := range int(p[0]) {
		for c := range f.components {
			if f.components[c].id != p[1+2*i] {
				continue
			}
			if err := f.begin(&f.components[c], p[len(p)-3] == 0 && p[len(p)-1]>>4 == 0); err != nil {
				return err
			}
		}
	}
	return f.skip()
}

// begin notes that a scan has a component: dc if its coefficients begin in it.
func (f *jpegFile) begin(c *component, dc bool) error {
	switch {
	case !f.quants[c.quant]:
		return broken("no quantization table")
	case !f.progressive && c.scanned:
		return broken("two scans of one component")
	case !f.progressive || dc:
		c.scanned = true
	case !c.scanned:
		return broken("a component does not begin at its beginning")
	}
	return nil
}

// skip goes to the marker after the data of a scan: not a stuffed byte, not a restart, each of which may follow fill bytes.
func (f *jpegFile) skip() error {
	for {
		i := bytes.IndexByte(f.data[f.at:], 0xff)
		if i < 0 {
			return broken("cut in a scan")
		}
		at := f.at + i
		next := at
		for next < len(f.data) && f.data[next] == 0xff {
			next++
		}
		if next == len(f.data) {
			return broken("cut in a scan")
		}
		if m := f.data[next]; m != 0 && (m < rst0 || m > rst7) {
			f.at = at
			return nil
		}
		f.at = next + 1
	}
}

// application reads what programs add, as far as the first scan: a decoder that shows the image as it comes has begun by then.
func (f *jpegFile) application(marker byte, p []byte) {
	switch {
	case f.scans > 0:
	case marker == app0 && bytes.HasPrefix(p, []byte("JFIF\x00")):
		f.jfif = true
	case marker == app1 && bytes.HasPrefix(p, []byte("Exif\x00\x00")) && !f.exif:
		f.exif = true
		f.picture.turn = exifOrientation(p[6:])
	case marker == app2 && bytes.HasPrefix(p, []byte("ICC_PROFILE\x00")):
		f.profile.add(p[12:])
	case marker == app14 && len(p) >= 12 && bytes.HasPrefix(p, []byte("Adobe")):
		f.adobe = int(p[11])
	}
}

// complete says whether all of the picture is there.
func (f *jpegFile) complete() error {
	if f.components == nil {
		return broken("no frame")
	}
	for _, c := range f.components {
		if !c.scanned {
			return broken("a component has no scan")
		}
	}
	f.picture.memory = f.memory()
	return nil
}

// memory is what image/jpeg allocates: whole blocks of each component, four bytes for each coefficient of a progressive file,
// and an image more where it holds RGB or has to be turned.
func (f *jpegFile) memory() int64 {
	h, v := int(f.components[0].h), int(f.components[0].v)
	across, down := (f.picture.width+8*h-1)/(8*h), (f.picture.height+8*v-1)/(8*v)
	var samples int64
	for _, c := range f.components {
		samples += int64(across*8*int(c.h)) * int64(down*8*int(c.v))
	}
	if f.progressive {
		samples += 4 * samples
	}
	pixels := int64(f.picture.width) * int64(f.picture.height)
	if !f.picture.gray && !f.jfif && (f.adobe == 0 || f.components[0].id == 'R') { // RGB, or at least it may be
		samples += 4 * pixels
	}
	if f.picture.turn != upright {
		samples += 4 * pixels
	}
	return samples + decoderMemory
}

func (f *jpegFile) write() {
	f.picture.profile = f.profile.rewritten(f.picture.gray)
	out := append(make([]byte, 0, len(f.data)+len(f.picture.profile)), 0xff, soi)
	if f.jfif {
		out = append(out, jfifSegment...)
	}
	if f.adobe >= 0 && !f.picture.gray {
		out = append(append(out, adobeSegment...), byte(f.adobe)) //nolint:gosec // it was one byte
	}
	out = appendProfile(out, f.picture.profile)
	for _, s := range f.body[:f.last] {
		out = append(out, f.data[s[0]:s[1]]...)
	}
	f.picture.clean = append(out, 0xff, eoi)
}

// appendProfile appends a profile of at most maxProfile bytes as a segment, and none as nothing.
func appendProfile(out, profile []byte) []byte {
	const name = "ICC_PROFILE\x00\x01\x01" // part 1 of 1
	if profile == nil {
		return out
	}
	out = binary.BigEndian.AppendUint16(append(out, 0xff, app2), uint16(2+len(name)+len(profile))) //nolint:gosec // see above
	return append(append(out, name...), profile...)
}
