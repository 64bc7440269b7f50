package intake_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"waybill/domain/media"
)

// stored is how an upright image lies in a file of an orientation: EXIF says at which visual side its row 0 and column 0 are.
func stored(m image.Image, orientation int) *image.RGBA {
	sides := map[int][2]string{
		1: {"top", "left"}, 2: {"top", "right"}, 3: {"bottom", "right"}, 4: {"bottom", "left"},
		5: {"left", "top"}, 6: {"right", "top"}, 7: {"right", "bottom"}, 8: {"left", "bottom"},
	}[orientation]
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	rows, columns := h, w
	if orientation >= 5 {
		rows, columns = w, h
	}
	out := image.NewRGBA(image.Rect(0, 0, columns, rows))
	for row := range rows {
		for column := range columns {
			x, y := 0, 0
			for i, side := range sides {
				n := []int{row, column}[i]
				switch side {
				case "top":
					y = n
				case "bottom":
					y = h - 1 - n
				case "left":
					x = n
				case "right":
					x = w - 1 - n
				}
			}
			out.Set(column, row, m.At(x, y))
		}
	}
	return out
}

// TestUpright: whatever way an image lies in its file, what is stored is upright, and says nothing of orientations.
func TestUpright(t *testing.T) {
	t.Parallel()
	want := photo(61, 40)
	kinds := map[string]draw.Image{
		"RGBA": image.NewRGBA(want.Rect), "gray": image.NewGray(want.Rect), "gray of 16 bits": image.NewGray16(want.Rect),
		"16 bits": image.NewNRGBA64(want.Rect), "RGB of 16 bits": image.NewRGBA64(want.Rect),
		"palette": image.NewPaletted(want.Rect, color.Palette{color.Black, color.White, color.RGBA{220, 30, 40, 255}}), "alpha": image.NewNRGBA(want.Rect),
	}
	for o := 1; o <= 8; o++ {
		t.Run(fmt.Sprint("JPEG ", o), func(t *testing.T) {
			t.Parallel()
			r, err := take(t, with(jpegOf(t, stored(want, o), 95), iccSegment(profile("RGB ", "mntr")), segment(0xe1, "Exif\x00\x00"+exif(o, binary.BigEndian))), anything)
			if err != nil {
				t.Fatal(err)
			}
			alike(t, want, decode(t, r.Bytes))
			if !bytes.Contains(r.Bytes, []byte("ICC_PROFILE")) {
				t.Error("the colour profile is lost")
			}
		})
		for name, kind := range kinds {
			t.Run(fmt.Sprintf("PNG %s %d", name, o), func(t *testing.T) {
				t.Parallel()
				visible := image.NewRGBA(want.Rect)
				turned := stored(want, o)
				in := kindOf(kind, turned.Rect)
				draw.Draw(in, in.Bounds(), turned, image.Point{}, draw.Src)
				if name == "alpha" {
					in.Set(3, 5, color.NRGBA{1, 2, 3, 77})
				}
				draw.Draw(visible, visible.Rect, stored(in, inverse(o)), image.Point{}, draw.Src)
				r, err := take(t, afterHeader(pngOf(t, in), chunk("gAMA", "\x00\x00\xb1\x8f"), chunk("eXIf", exif(o, binary.LittleEndian))), anything)
				if err != nil {
					t.Fatal(err)
				}
				got := image.NewRGBA(want.Rect)
				draw.Draw(got, got.Rect, decode(t, r.Bytes), image.Point{}, draw.Src)
				same(t, visible, got)
				if !bytes.Contains(r.Bytes, []byte("gAMA")) {
					t.Error("what is said of colours is lost")
				}
			})
		}
	}
}

// inverse is the orientation that undoes one; only the quarter turns are not their own.
func inverse(o int) int {
	switch o {
	case 6:
		return 8
	case 8:
		return 6
	}
	return o
}

func kindOf(like draw.Image, r image.Rectangle) draw.Image {
	switch m := like.(type) {
	case *image.Gray:
		return image.NewGray(r)
	case *image.Gray16:
		return image.NewGray16(r)
	case *image.NRGBA64:
		return image.NewNRGBA64(r)
	case *image.RGBA64:
		return image.NewRGBA64(r)
	case *image.NRGBA:
		return image.NewNRGBA(r)
	case *image.Paletted:
		return image.NewPaletted(r, m.Palette)
	}
	return image.NewRGBA(r)
}

// alike compares two images as an eye does: no channel may be far away on average.
func alike(t *testing.T, want, got image.Image) {
	t.Helper()
	if want.Bounds() != got.Bounds() {
		t.Fatalf("%v, want %v", got.Bounds(), want.Bounds())
	}
	b := want.Bounds()
	sum := 0
	for y := range b.Dy() {
		for x := range b.Dx() {
			a, c := color.RGBAModel.Convert(want.At(x, y)).(color.RGBA), color.RGBAModel.Convert(got.At(x, y)).(color.RGBA)
			for _, d := range []int{int(a.R) - int(c.R), int(a.G) - int(c.G), int(a.B) - int(c.B)} {
				sum += max(d, -d)
			}
		}
	}
	if mean := float64(sum) / float64(3*b.Dx()*b.Dy()); mean > 6 {
		t.Errorf("it is off by %.1f on average", mean)
	}
}

// TestTurnedIntoItsBytes: a turned JPEG is as good as its bytes allow, and refused when that is not good enough.
func TestTurnedIntoItsBytes(t *testing.T) {
	t.Parallel()
	file := with(jpegOf(t, photo(300, 200), 60), segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian)))
	roomy, err := take(t, file, anything)
	if err != nil {
		t.Fatal(err)
	}
	policy := anything
	policy.MaxBytes = roomy.Image.Bytes - 1
	tight, err := take(t, file, policy)
	if err != nil {
		t.Fatal(err)
	}
	if tight.Image.Bytes > policy.MaxBytes || tight.Image.Bytes < policy.MaxBytes/2 || tight.Image.Width != 200 {
		t.Errorf("%+v in %d bytes", tight.Image, policy.MaxBytes)
	}
	policy.MaxBytes = int64(len(file)) / 2
	if _, err := take(t, file, policy); codes(t, err) != "image_too_large" {
		t.Errorf("%v", err)
	}
	r := afterHeader(pngOf(t, photo(300, 200)), chunk("eXIf", exif(3, binary.BigEndian)))
	policy = media.Policy{MaxBytes: 10_000, Formats: anything.Formats}
	if _, err := take(t, r, policy); codes(t, err) != "image_too_large" {
		t.Errorf("%v", err)
	}
}
