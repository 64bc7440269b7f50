package intake

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"

	"waybill/domain/media"
)

// thumbnailQuality is that of a shrunken JPEG.
const thumbnailQuality = 85

// Fit shrinks an image that was taken until it fits into a box, keeping its proportions and its colour profile. What fits
// already comes back as it is: nothing is enlarged. The same image and box give the same bytes, on every machine: a JPEG, or a
// PNG if something shows through.
func (in *Intake) Fit(ctx context.Context, stored []byte, width, height int) ([]byte, media.Format, error) {
	p, err := inspect(stored)
	if err != nil {
		return nil, "", fmt.Errorf("fit: %w", err)
	}
	if width < 1 || height < 1 || p.memory > in.config.Memory {
		return nil, "", fmt.Errorf("fit: %d by %d into %d by %d", p.width, p.height, width, height)
	}
	if p.width <= width && p.height <= height {
		return stored, p.format, nil
	}
	leave, err := in.gate.enter(ctx, p.memory)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	out, format, err := p.fit(ctx, width, height)
	if err != nil {
		return nil, "", fmt.Errorf("fit: %w", err)
	}
	return out, format, nil
}

func (p picture) fit(ctx context.Context, width, height int) ([]byte, media.Format, error) {
	decoded, err := p.decode(ctx)
	if err != nil {
		return nil, "", err
	}
	w, h := width, rounded(p.height*width, p.width)
	if h > height {
		w, h = rounded(p.width*height, p.height), height
	}
	small := shrunken(decoded, max(w, 1), max(h, 1))
	var img image.Image = small
	if p.gray && small.Opaque() {
		gray := image.NewGray(small.Rect) // its profile is one for gray
		draw.Draw(gray, gray.Rect, small, image.Point{}, draw.Src)
		img = gray
	}
	var out bytes.Buffer
	if small.Opaque() {
		if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: thumbnailQuality}); err != nil {
			return nil, "", err
		}
		return splice(out.Bytes(), 2, appendProfile(nil, p.profile)), media.JPEG, nil
	}
	if err := png.Encode(&out, img); err != nil {
		return nil, "", err
	}
	if p.gray {
		return out.Bytes(), media.PNG, nil // it has colours now, at least by its type
	}
	return splice(out.Bytes(), pngHeader, p.chunks), media.PNG, nil
}

func rounded(a, b int) int { return (a + b/2) / b }

// shrunken averages the pixels that fall on each pixel of a smaller image, in whole numbers. It goes row by row, so that it
// takes no memory of the size of the larger image.
func shrunken(from image.Image, w, h int) *image.RGBA {
	b := from.Bounds()
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	// A stored pixel is w wide and h high, and one of the new image as wide and high as the stored image has pixels.
	sums := make([]uint64, 4*w)
	across := make([]uint64, 4*w)
	area := uint64(b.Dx()) * uint64(b.Dy()) //nolint:gosec // neither is negative
	y, room := 0, b.Dy()
	for sy := range b.Dy() {
		draw.Draw(row, row.Rect, from, image.Pt(b.Min.X, b.Min.Y+sy), draw.Src)
		average(across, row.Pix, w)
		for left := h; left > 0; {
			part := min(left, room)
			for i, v := range across {
				sums[i] += v * uint64(part) //nolint:gosec // not negative
			}
			left -= part
			if room -= part; room == 0 {
				for i, v := range sums {
					out.Pix[y*out.Stride+i] = uint8((v + area/2) / area) //nolint:gosec // an average of bytes
				}
				clear(sums)
				y, room = y+1, b.Dy()
			}
		}
	}
	return out
}

// average sums the stored pixels of a row by the share that falls on each of w pixels.
func average(across []uint64, pix []byte, w int) {
	clear(across)
	n := len(pix) / 4
	x, room := 0, n
	for sx := range n {
		for left := w; left > 0; {
			part := min(left, room)
			for c := range 4 {
				across[4*x+c] += uint64(pix[4*sx+c]) * uint64(part)
			}
			left -= part
			if room -= part; room == 0 {
				x, room = x+1, n
			}
		}
	}
}
