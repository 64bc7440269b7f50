package intake

import "encoding/binary"

// orientation is how the rows and columns of a stored image lie, as EXIF numbers it (CIPA DC-008, tag 0x0112).
type orientation int

// upright is 1: the first row is the top, the first column the left.
const upright orientation = 1

// size is the size of a stored image when it is upright.
func (o orientation) size(width, height int) (int, int) {
	if o >= 5 {
		return height, width
	}
	return width, height
}

// exifOrientation reads the orientation of a block of EXIF; upright if it says none that makes sense.
func exifOrientation(tiff []byte) orientation {
	var order binary.ByteOrder = binary.BigEndian
	if len(tiff) < 8 {
		return upright
	}
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
	default:
		return upright
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		const short = 3
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == short && order.Uint32(entries[4:]) == 1 {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return upright
}
