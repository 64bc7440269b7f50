package intake_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain/media"
)

// BenchmarkTake takes a JPEG of a megabyte; beside it, what image/jpeg takes to decode it.
func BenchmarkTake(b *testing.B) {
	file := jpegOf(b, photo(1800, 1200), 97)
	policy := media.Policy{MaxBytes: 2 << 20, Formats: anything.Formats}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("take", func(b *testing.B) {
		in := intake.New(intake.Config{Dir: b.TempDir()})
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			r, err := in.Take(context.Background(), bytes.NewReader(file), policy)
			if err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
	b.Run("fit", func(b *testing.B) {
		in := intake.New(intake.Config{})
		for b.Loop() {
			if _, _, err := in.Fit(context.Background(), file, 239, 160); err != nil {
				b.Fatal(err)
			}
		}
	})
}
