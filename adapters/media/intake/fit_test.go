package intake_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain/media"
)

// TestFit shrinks into the box of covers and licences, 239 by 160 (R15, R24).
func TestFit(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Config{})
	clear := image.NewNRGBA(image.Rect(0, 0, 478, 320))
	for i := range clear.Pix {
		clear.Pix[i] = uint8(i)
	}
	for name, c := range map[string]struct {
		file   []byte
		w, h   int
		format media.Format
		as     bool // it comes back as it is
	}{
		"a wide JPEG":              {file: jpegOf(t, photo(2390, 800), 90), w: 239, h: 80, format: media.JPEG},
		"a high JPEG":              {file: jpegOf(t, photo(800, 1600), 90), w: 80, h: 160, format: media.JPEG},
		"one of its proportions":   {file: jpegOf(t, photo(717, 480), 90), w: 239, h: 160, format: media.JPEG},
		"one of nearly its size":   {file: jpegOf(t, photo(240, 160), 90), w: 239, h: 159, format: media.JPEG},
		"one of its size":          {file: jpegOf(t, photo(239, 160), 90), w: 239, h: 160, format: media.JPEG, as: true},
		"a smaller one":            {file: pngOf(t, photo(20, 30)), w: 20, h: 30, format: media.PNG, as: true},
		"a hair":                   {file: pngOf(t, photo(4000, 1)), w: 239, h: 1, format: media.JPEG},
		"a PNG":                    {file: pngOf(t, photo(478, 320)), w: 239, h: 160, format: media.JPEG},
		"a PNG that is clear":      {file: pngOf(t, clear), w: 239, h: 160, format: media.PNG},
		"a gray PNG":               {file: grid{w: 478, h: 320, depth: 4, kind: 0}.bytes(), w: 239, h: 160, format: media.JPEG},
		"a gray PNG that is clear": {file: grid{w: 478, h: 320, depth: 16, kind: 4}.bytes(), w: 239, h: 160, format: media.PNG},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, format, err := in.Fit(context.Background(), c.file, 239, 160)
			if err != nil {
				t.Fatal(err)
			}
			got := decode(t, out)
			if got.Bounds() != image.Rect(0, 0, c.w, c.h) || format != c.format {
				t.Errorf("%v %s, want %d by %d %s", got.Bounds(), format, c.w, c.h, c.format)
			}
			if bytes.Equal(out, c.file) != c.as {
				t.Errorf("as it is: %t, want %t", !c.as, c.as)
			}
			again, _, err := in.Fit(context.Background(), c.file, 239, 160)
			if err != nil || !bytes.Equal(again, out) {
				t.Errorf("not the same a second time, %v", err)
			}
			if r, err := take(t, out, anything); err != nil || r.Image.Format != format {
				t.Errorf("what was made is not taken: %v", err)
			}
		})
	}
}

// TestFitAverages: each new pixel is the average of those that fall on it, by their shares.
func TestFitAverages(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i, v := range []uint8{0, 90, 240, 30, 60, 120} {
		m.Set(i%3, i/3, color.NRGBA{v, v, v, 255})
	}
	out, _, err := intake.New(intake.Config{}).Fit(context.Background(), pngOf(t, m), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, out)
	// (0 + 30)/2 · 2/3 + (90 + 60)/2 · 1/3, and (90 + 60)/2 · 1/3 + (240 + 120)/2 · 2/3
	want := image.NewGray(image.Rect(0, 0, 2, 1))
	want.Pix = []uint8{35, 145}
	alike(t, want, got)
}

// TestFitKeepsColours: a thumbnail is shown in the colours of its original.
func TestFitKeepsColours(t *testing.T) {
	t.Parallel()
	clear := grid{w: 478, h: 320, depth: 8, kind: 6}.bytes()
	for name, file := range map[string][]byte{
		"JPEG to JPEG": with(jpegOf(t, photo(478, 320), 90), iccSegment(profile("RGB ", "mntr"))),
		"gray":         with(jpegOf(t, image.NewGray(image.Rect(0, 0, 478, 320)), 90), iccSegment(profile("GRAY", "mntr"))),
		"PNG to JPEG":  afterHeader(pngOf(t, photo(478, 320)), iccChunk(profile("RGB ", "mntr"))),
		"PNG to PNG":   afterHeader(clear, iccChunk(profile("RGB ", "mntr"))),
	} {
		stored, err := take(t, file, anything)
		if err != nil {
			t.Fatal(name, err)
		}
		out, _, err := intake.New(intake.Config{}).Fit(context.Background(), stored.Bytes, 239, 160)
		if err != nil {
			t.Fatal(name, err)
		}
		again, err := take(t, out, anything)
		if err != nil {
			t.Fatal(name, err)
		}
		if !bytes.Equal(profileIn(t, stored.Bytes), profileIn(t, out)) || !bytes.Equal(again.Bytes, out) && name != "PNG to PNG" {
			t.Errorf("%s: another profile", name)
		}
	}
}

// TestFitRefuses what was never taken.
func TestFitRefuses(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Config{})
	file := jpegOf(t, photo(478, 320), 90)
	for i, c := range []struct {
		file []byte
		w, h int
	}{{[]byte("GIF89a"), 239, 160}, {file[:9], 239, 160}, {file, 0, 160}, {file, 239, -1}, {grid{w: 1 << 20, h: 1 << 20, depth: 8, kind: 6, data: "x"}.bytes(), 239, 160}} {
		if out, _, err := in.Fit(context.Background(), c.file, c.w, c.h); err == nil {
			t.Errorf("%d: %d bytes", i, len(out))
		}
	}
}
