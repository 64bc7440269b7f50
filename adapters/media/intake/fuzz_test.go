package intake_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain"
	"waybill/domain/media"
)

// small keeps the fuzzer fast.
var small = intake.Config{MaxPixels: 1 << 20, Memory: 16 << 20}

// FuzzTake: whatever is sent is refused with a reason, or taken; what was taken is a picture for the standard library, has no part
// that had to be stripped, is measured as it is, and is taken again as it is.
func FuzzTake(f *testing.F) {
	for _, s := range samples(f) {
		if len(s.file) < 20_000 {
			f.Add(s.file)
		}
	}
	in := intake.New(small)
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := in.Take(context.Background(), bytes.NewReader(file), anything)
		if err != nil {
			if !errors.Is(err, domain.ErrInvalid) || codes(t, err) == "" {
				t.Fatal(err)
			}
			return
		}
		defer r.Close()
		stored := decode(t, r.Bytes)
		if stored.Bounds() != image.Rect(0, 0, r.Image.Width, r.Image.Height) {
			t.Fatalf("%v, measured %+v", stored.Bounds(), r.Image)
		}
		structure(t, r)
		again, err := in.Take(context.Background(), bytes.NewReader(r.Bytes), anything)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if again.Image != r.Image {
			t.Fatalf("%+v, taken again %+v", r.Image, again.Image)
		}
	})
}

// FuzzFit: whatever was taken fits into any box.
func FuzzFit(f *testing.F) {
	for _, s := range samples(f) {
		if len(s.file) < 20_000 && s.want == "" {
			f.Add(s.file, uint8(20), uint8(30))
		}
	}
	in := intake.New(small)
	f.Fuzz(func(t *testing.T, file []byte, width, height uint8) {
		r, err := in.Take(context.Background(), bytes.NewReader(file), anything)
		if err != nil || width == 0 || height == 0 {
			return
		}
		defer r.Close()
		out, format, err := in.Fit(context.Background(), r.Bytes, int(width), int(height))
		if err != nil {
			t.Fatal(err)
		}
		c, name, err := image.DecodeConfig(bytes.NewReader(out))
		if err != nil || "image/"+name != string(format) || c.Width > int(width) || c.Height > int(height) {
			t.Fatalf("%s of %d by %d in %d by %d, %v", format, c.Width, c.Height, width, height, err)
		}
		if format != media.JPEG && format != media.PNG {
			t.Fatal(format)
		}
	})
}
