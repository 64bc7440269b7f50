package intake_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain"
	"waybill/domain/media"
)

// TestPolicies holds files to what their purposes ask, all at once, before any pixel is decoded where that can be.
func TestPolicies(t *testing.T) {
	t.Parallel()
	logo := jpegOf(t, photo(185, 74), 90)
	turned := jpegOf(t, photo(74, 185), 90)
	rotated := segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian))
	behind := func(file []byte, size int) []byte { return slices.Concat(file, make([]byte, size-len(file))) }
	const slack = 256 << 10
	comment := segment(0xfe, strings.Repeat("x", 65_000))
	for name, c := range map[string]struct {
		purpose media.Purpose
		file    []byte
		want    string
		soft    string
	}{
		"a logo":                                              {media.Logo, logo, "", ""},
		"a logo that lies on its side":                        {media.Logo, with(turned, rotated), "", ""},
		"a logo that is turned out of its size":               {media.Logo, with(logo, rotated), "image_width image_height", ""},
		"a logo with more metadata than it may have bytes":    {media.Logo, with(logo, comment, comment), "", ""},
		"a logo with a little less behind it than is read":    {media.Logo, behind(logo, 102_400+slack), "", ""},
		"a logo with a little more behind it than is read":    {media.Logo, behind(logo, 102_400+slack+1), "image_too_large", ""},
		"an endless logo of a wrong size":                     {media.Logo, behind(turned, 1<<20), "image_too_large image_width image_height", ""},
		"too long, and not supported either":                  {media.Logo, behind(with(drawn{frame: 0xc0, precision: 8, w: 185, h: 74, ids: []byte("CMYK"), scans: sequential}.bytes(), adobe(0)), 1<<20), "image_unsupported image_too_large", ""},
		"too long, and cut within":                            {media.Logo, with(logo, slices.Repeat([][]byte{comment}, 10)...)[:102_400+slack+1], "image_too_large", ""},
		"too long, and of no format at all":                   {media.Logo, make([]byte, 1<<20), "image_format", ""},
		"too large, too wide, too high":                       {media.Logo, jpegOf(t, photo(600, 600), 100), "image_too_large image_width image_height", ""},
		"a cover of a logo's size":                            {media.Cover, logo, "image_width image_height", ""},
		"a detail image":                                      {media.Detail, jpegOf(t, photo(1200, 10), 80), "", ""},
		"a licence smaller than its box":                      {media.Licence, logo, "", "image_small"},
		"a licence that is large enough":                      {media.Licence, jpegOf(t, photo(239, 160), 80), "", ""},
		"a broken one of a wrong size":                        {media.Cover, logo[:len(logo)-2], "image_broken image_width image_height", ""},
		"a bomb of a wrong size":                              {media.Cover, grid{w: 50_000, h: 50_000, depth: 8, kind: 6, data: "x"}.bytes(), "image_too_many_pixels image_width image_height", ""},
		"broken, but that is not looked at for a wrong width": {media.Cover, grid{w: 240, h: 160, depth: 8, kind: 6, data: "x"}.bytes(), "image_width", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := take(t, c.file, media.Standard()[c.purpose])
			if got := codes(t, err); got != c.want {
				t.Fatalf("%q (%v), want %q", got, err, c.want)
			}
			if err != nil {
				return
			}
			var soft []string
			for _, f := range r.Findings {
				soft = append(soft, f.Code)
			}
			if got := strings.Join(soft, " "); got != c.soft {
				t.Errorf("findings %q, want %q", got, c.soft)
			}
		})
	}
}

// TestFormatsOfAPolicy: a policy may ask for one format only.
func TestFormatsOfAPolicy(t *testing.T) {
	t.Parallel()
	_, err := take(t, jpegOf(t, photo(9, 9), 80), media.Policy{MaxBytes: 1 << 20, Formats: []media.Format{media.PNG}})
	if got := codes(t, err); got != "image_format" {
		t.Errorf("%q: %v", got, err)
	}
	_, err = take(t, []byte("GIF89a"), media.Policy{MaxBytes: 1 << 20, Formats: []media.Format{media.PNG}})
	var e *domain.Error
	if !errors.As(err, &e) || e.Fields[0].Text.EN != "must be a PNG image, not GIF" {
		t.Errorf("a GIF: %v", err)
	}
}

// TestSaysWhatItIs: who sends another format is told which it is.
func TestSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for name, s := range samples(t) {
		if s.want != "image_format" || name == "text" || name == "one byte" {
			continue
		}
		_, err := take(t, s.file, anything)
		var e *domain.Error
		if !errors.As(err, &e) || !strings.HasSuffix(e.Fields[0].Text.EN, ", not "+name) || !strings.HasSuffix(e.Fields[0].Text.ZH, "而不是 "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLimitOfPixels: as many as the limit are decoded, one more is not.
func TestLimitOfPixels(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Config{MaxPixels: 80 * 50, Dir: t.TempDir()})
	for width, want := range map[int]string{80: "", 81: "image_too_many_pixels"} {
		r, err := in.Take(context.Background(), bytes.NewReader(jpegOf(t, photo(width, 50), 80)), anything)
		if got := codes(t, err); got != want {
			t.Errorf("%d pixels wide: %q, want %q", width, got, want)
		}
		r.Close()
	}
}
