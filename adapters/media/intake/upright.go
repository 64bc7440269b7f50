package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"slices"

	"waybill/domain/media"
)

// qualities are those at which a turned JPEG is encoded, until it is no longer than it may be. At the first nobody sees a
// difference, at the last one has to look for it.
var qualities = []int{95, 90, 85, 80}

var errTooLong = errors.New("longer than it may be")

// upright decodes the picture and encodes it upright, with its colours: a PNG without loss, a JPEG at the best quality that
// needs no more than most bytes. It is errTooLong if none does.
func (p picture) upright(ctx context.Context, most int64) ([]byte, error) {
	decoded, err := p.decode(ctx)
	if err != nil {
		return nil, err
	}
	turned, err := turned(decoded, p.turn)
	if err != nil {
		return nil, err
	}
	if p.format == media.PNG {
		out := limited{most: most - int64(len(p.chunks))}
		if err := png.Encode(&out, turned); err != nil {
			return nil, err
		}
		return splice(out.Bytes(), pngHeader, p.chunks), nil
	}
	profile := appendProfile(nil, p.profile)
	for _, q := range qualities {
		out := limited{most: most - int64(len(profile))}
		err = jpeg.Encode(&out, turned, &jpeg.Options{Quality: q})
		if err == nil {
			return splice(out.Bytes(), 2, profile), nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

// splice puts what is said of colours behind the head of an encoded file.
func splice(encoded []byte, head int, colours []byte) []byte {
	return slices.Concat(encoded[:head], colours, encoded[head:])
}

// limited is a buffer that refuses more than most bytes.
type limited struct {
	bytes.Buffer
	most int64
}

func (l *limited) Write(b []byte) (int, error) {
	if int64(l.Len()+len(b)) > l.most {
		return 0, errTooLong
	}
	return l.Buffer.Write(b)
}

// turned is an image turned upright, of the same kind; one of YCbCr has all of its colour samples then.
func turned(from image.Image, o orientation) (image.Image, error) {
	b := from.Bounds()
	w, h := o.size(b.Dx(), b.Dy())
	to := image.Rect(0, 0, w, h)
	turn := func(pix, out []byte, stride, size int) {
		turnPixels(out, pix, o, w, h, func(x, y int) int { return y*stride + x*size }, size)
	}
	switch m := from.(type) {
	case *image.YCbCr:
		out := image.NewYCbCr(to, image.YCbCrSubsampleRatio444)
		turnPixels(out.Y, m.Y, o, w, h, m.YOffset, 1)
		turnPixels(out.Cb, m.Cb, o, w, h, m.COffset, 1)
		turnPixels(out.Cr, m.Cr, o, w, h, m.COffset, 1)
		return out, nil
	case *image.Gray:
		out := image.NewGray(to)
		turn(m.Pix, out.Pix, m.Stride, 1)
		return out, nil
	case *image.Gray16:
		out := image.NewGray16(to)
		turn(m.Pix, out.Pix, m.Stride, 2)
		return out, nil
	case *image.RGBA:
		out := image.NewRGBA(to)
		turn(m.Pix, out.Pix, m.Stride, 4)
		return out, nil
	case *image.NRGBA:
		out := image.NewNRGBA(to)
		turn(m.Pix, out.Pix, m.Stride, 4)
		return out, nil
	case *image.RGBA64:
		out := image.NewRGBA64(to)
		turn(m.Pix, out.Pix, m.Stride, 8)
		return out, nil
	case *image.NRGBA64:
		out := image.NewNRGBA64(to)
		turn(m.Pix, out.Pix, m.Stride, 8)
		return out, nil
	case *image.Paletted:
		out := image.NewPaletted(to, m.Palette)
		turn(m.Pix, out.Pix, m.Stride, 1)
		return out, nil
	}
	return nil, fmt.Errorf("turn a %T", from)
}

// turnPixels fills w times h pixels of size bytes from where they are stored; at is the place of a stored pixel.
func turnPixels(out, pix []byte, o orientation, w, h int, at func(x, y int) int, size int) {
	storedW, storedH := o.size(w, h)
	for y := range h {
		for x := range w {
			sx, sy := x, y
			if o >= 5 { // across the diagonal
				sx, sy = y, x
			}
			switch o {
			case 2, 7, 8, 3:
				sx = storedW - 1 - sx
			}
			switch o {
			case 3, 4, 6, 7:
				sy = storedH - 1 - sy
			}
			i := at(sx, sy)
			out = out[copy(out, pix[i:i+size]):]
		}
	}
}
