package intake

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"slices"
)

// maxProfile is the longest profile that is looked at and that is written, in bytes: with its frame it fits into one APP2 segment.
const maxProfile = 64_000

// profileParts are the APP2 segments of an ICC profile (ICC.1, B.4): number, count, piece.
type profileParts struct {
	parts [][]byte
	wrong bool
}

func (p *profileParts) add(segment []byte) {
	if len(segment) < 2 || int(segment[0]) != len(p.parts)+1 || segment[1] < segment[0] {
		p.wrong = true // out of order, or not a part: such a profile is no profile
		return
	}
	p.parts = append(p.parts, segment[2:])
}

func (p *profileParts) rewritten(gray bool) []byte {
	if p.wrong || len(p.parts) == 0 {
		return nil
	}
	return rewriteProfile(slices.Concat(p.parts...), gray)
}

// rewriteProfile makes a new ICC profile of those parts of an old one that turn numbers into colours: the primaries, the tone
// curves and the white point. Names, dates, serial numbers and private tags are left behind. It is nil for a profile that is
// none, is of another colour space, or says it by tables only: without it the image is sRGB, as those mostly are.
func rewriteProfile(old []byte, gray bool) []byte {
	if len(old) < 132 || len(old) > maxProfile || string(old[36:40]) != "acsp" || string(old[20:24]) != "XYZ " {
		return nil
	}
	class, space, names := string(old[12:16]), "RGB ", []string{"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"}
	if gray {
		space, names = "GRAY", []string{"kTRC"}
	}
	if string(old[16:20]) != space || (class != "mntr" && class != "scnr" && class != "spac") || old[8] < 2 || old[8] > 4 {
		return nil
	}
	w := profileWriter{}
	w.description(old[8])
	for _, name := range names {
		value := understood(tag(old, name))
		if value == nil {
			return nil
		}
		w.add(name, value)
	}
	w.add("wtpt", whitePoint(old))
	if value := understood(tag(old, "chad")); len(value) == 44 {
		w.add("chad", value)
	}
	header := make([]byte, 128)
	header[8] = old[8]
	header[9] = old[9] & 0xf0
	copy(header[12:], old[12:24])
	copy(header[36:], "acsp")
	header[67] = old[67] & 3 // rendering intent
	copy(header[68:], d50[8:])
	return w.profile(header)
}

// d50 is the white of the connection space, as a value of type XYZ.
var d50 = []byte("XYZ \x00\x00\x00\x00\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")

func whitePoint(old []byte) []byte {
	if value := understood(tag(old, "wtpt")); len(value) == 20 {
		return value
	}
	return d50
}

// tag is the value of a tag in a profile, or nil.
func tag(profile []byte, name string) []byte {
	entries := profile[132:]
	for range min(binary.BigEndian.Uint32(profile[128:]), 100) {
		if len(entries) < 12 {
			return nil
		}
		if string(entries[:4]) == name {
			at, n := int64(binary.BigEndian.Uint32(entries[4:])), int64(binary.BigEndian.Uint32(entries[8:]))
			if at+n > int64(len(profile)) {
				return nil
			}
			return profile[at : at+n]
		}
		entries = entries[12:]
	}
	return nil
}

// understood is a value without what surrounds it: a colour, a curve that never falls, a formula, a matrix; nil for others.
func understood(value []byte) []byte {
	if len(value) < 12 {
		return nil
	}
	length := 0
	switch string(value[:4]) {
	case "XYZ ":
		length = 20
	case "sf32":
		length = 44
	case "para":
		kinds := []int{1, 3, 4, 5, 7}
		kind := int(binary.BigEndian.Uint16(value[8:]))
		if kind >= len(kinds) || value[10] != 0 || value[11] != 0 {
			return nil
		}
		length = 12 + 4*kinds[kind]
	case "curv":
		n := int64(binary.BigEndian.Uint32(value[8:]))
		if n > 4096 {
			return nil
		}
		length = 12 + 2*int(n)
	}
	if length == 0 || len(value) < length || (string(value[:4]) == "curv" && !rising(value[12:length])) {
		return nil
	}
	clean := slices.Clone(value[:length])
	clear(clean[4:8])
	return clean
}

func rising(curve []byte) bool {
	for i := 2; i < len(curve); i += 2 {
		if binary.BigEndian.Uint16(curve[i:]) < binary.BigEndian.Uint16(curve[i-2:]) {
			return false
		}
	}
	return true
}

// profileWriter lays out the tags of a profile; equal values are stored once.
type profileWriter struct {
	names  []string
	values [][]byte
}

func (w *profileWriter) add(name string, value []byte) {
	w.names, w.values = append(w.names, name), append(w.values, value)
}

// description adds the two texts that every profile must have, in the type that its version asks for.
func (w *profileWriter) description(version byte) {
	if version >= 4 {
		text := []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS\x00\x00\x00\x06\x00\x00\x00\x1c\x00I\x00C\x00C")
		w.add("desc", text)
		w.add("cprt", text)
		return
	}
	w.add("desc", append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x04ICC\x00"), make([]byte, 4+4+2+1+67)...))
	w.add("cprt", []byte("text\x00\x00\x00\x00ICC\x00"))
}

func (w *profileWriter) profile(header []byte) []byte {
	table := binary.BigEndian.AppendUint32(nil, uint32(len(w.names))) //nolint:gosec // ten at most
	start := len(header) + 4 + 12*len(w.names)
	var body []byte
	at := map[string]int{}
	for i, value := range w.values {
		place, known := at[string(value)]
		if !known {
			place = start + len(body)
			at[string(value)] = place
			body = append(body, value...)
			body = append(body, make([]byte, -len(body)&3)...)
		}
		table = append(table, w.names[i]...)
		table = binary.BigEndian.AppendUint32(table, uint32(place))      //nolint:gosec // within maxProfile
		table = binary.BigEndian.AppendUint32(table, uint32(len(value))) //nolint:gosec // within maxProfile
	}
	out := slices.Concat(header, table, body)
	if len(out) > maxProfile {
		return nil
	}
	binary.BigEndian.PutUint32(out, uint32(len(out))) //nolint:gosec // within maxProfile
	return out
}

// inflate is what a zlib stream holds, or nil if that is broken or longer than most.
func inflate(compressed []byte, most int64) []byte {
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil
	}
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil || int64(len(out)) > most {
		return nil
	}
	return out
}

// deflate is a zlib stream of stored bytes.
func deflate(plain []byte) []byte {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.NoCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(plain); err != nil {
		return nil
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return out.Bytes()
}
