package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"waybill/adapters/media/drawing"
	"waybill/adapters/media/intake"
	"waybill/domain/media"
)

// images measures what it takes to check an uploaded JPEG of a megabyte beside a bare decode of it, in turns, and a hundred of
// them at once.
func (b *bench) images(ctx context.Context) error {
	file, err := grainy(1 << 20)
	if err != nil {
		return err
	}
	in := intake.New(intake.Config{Dir: b.folder})
	policy := media.Standard()[media.Licence]
	take := func() error {
		r, err := in.Take(ctx, bytes.NewReader(file), policy)
		r.Close()
		return err
	}
	var bare, taken, fitted []float64
	for range b.size.images {
		for _, part := range []struct {
			took *[]float64
			run  func() error
		}{
			{&bare, func() error { _, err := jpeg.Decode(bytes.NewReader(file)); return err }},
			{&taken, take},
			{&fitted, func() error { _, _, err := in.Fit(ctx, file, 239, 160); return err }},
		} {
			start := time.Now()
			if err := part.run(); err != nil {
				return err
			}
			*part.took = append(*part.took, time.Since(start).Seconds()*1000)
		}
	}
	debug.FreeOSMemory()
	before, _ := memoryOf(os.Getpid())
	start := time.Now()
	if err := atOnce(100, take); err != nil {
		return err
	}
	took := time.Since(start)
	after, peak := memoryOf(os.Getpid())
	b.report.table(fmt.Sprintf("Images: a JPEG of %s bytes, %d times in turns", grouped(float64(len(file))), len(bare)), [][]string{
		{"a bare decode", "taken", "÷ bare decode", "made to fit 239×160", "100 at once", "memory before, after, at the peak of all"},
		{
			fmt.Sprintf("%.1f ms", median(bare)), fmt.Sprintf("%.1f ms", median(taken)),
			b.report.most("image taken ÷ bare decode", median(taken)/median(bare), 1.3, "%.2f"), fmt.Sprintf("%.1f ms", median(fitted)),
			fmt.Sprintf("%.1f s", took.Seconds()), fmt.Sprintf("%.0f MB, %.0f MB, %.0f MB", before, after, peak),
		},
	})
	return nil
}

// atOnce runs so many of a kind at once and returns the first error.
func atOnce(n int, run func() error) error {
	var all sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		all.Go(func() {
			if err := run(); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

// grainy is a drawn picture with the grain of a photograph, as a JPEG of about so many bytes.
func grainy(size int) ([]byte, error) {
	drawn, err := jpeg.Decode(bytes.NewReader(drawing.Draw(media.Detail, 0)))
	if err != nil {
		return nil, err
	}
	area := drawn.Bounds()
	m := image.NewRGBA(image.Rect(0, 0, 2*area.Dx(), 2*area.Dy()))
	grain := uint32(1)
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.Set(x, y, drawn.At(x/2, y/2))
			grain = grain*1664525 + 1013904223
			for c := range 3 {
				p := &m.Pix[m.PixOffset(x, y)+c]
				*p = uint8(min(255, int(*p)+int(grain>>28))) //nolint:gosec // at most 255
			}
		}
	}
	var out bytes.Buffer
	for quality := 70; quality <= 100 && out.Len() < size; quality++ {
		out.Reset()
		if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
