package media_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waybill/domain/media"
)

// TestStandardPolicies tries each limit at, below and above it (R15, R24, Q1, Q2).
func TestStandardPolicies(t *testing.T) {
	image := func(format media.Format, width, height int, bytes int64) media.Image {
		return media.Image{Format: format, Width: width, Height: height, Bytes: bytes}
	}
	for _, c := range []struct {
		purpose media.Purpose
		image   media.Image
		want    string // codes; a soft one in brackets
	}{
		{media.Licence, image(media.JPEG, 239, 160, 2_097_152), ""},
		{media.Licence, image(media.PNG, 4000, 3000, 2_097_153), "image_too_large"},
		{media.Licence, image(media.PNG, 238, 160, 1), "(image_small)"},
		{media.Licence, image(media.PNG, 239, 159, 1), "(image_small)"},
		{media.Licence, image("image/gif", 239, 160, 1), "image_format"},
		{media.Logo, image(media.PNG, 185, 74, 102_400), ""},
		{media.Logo, image(media.PNG, 185, 74, 102_401), "image_too_large"},
		{media.Logo, image(media.PNG, 184, 74, 1), "image_width"},
		{media.Logo, image(media.PNG, 186, 75, 1), "image_width image_height"},
		{media.Logo, image(media.PNG, 185, 73, 1), "image_height"},
		{media.Cover, image(media.JPEG, 239, 160, 204_800), ""},
		{media.Cover, image(media.JPEG, 240, 160, 204_801), "image_too_large image_width"},
		{media.Cover, image(media.JPEG, 239, 161, 1), "image_height"},
		{media.Detail, image(media.JPEG, 1200, 1, 1_048_576), ""},
		{media.Detail, image(media.JPEG, 1200, 9000, 1_048_577), "image_too_large"},
		{media.Detail, image(media.JPEG, 1199, 800, 1), "image_width"},
		{media.Detail, image(media.JPEG, 1201, 800, 1), "image_width"},
	} {
		var got []string
		for _, f := range media.Standard()[c.purpose].Check(c.image) {
			if f.Text.ZH == "" || f.Text.EN == "" {
				t.Errorf("%s has no text", f.Code)
			}
			if f.Soft {
				f.Code = "(" + f.Code + ")"
			}
			got = append(got, f.Code)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s, %+v: %q, want %q", c.purpose, c.image, text, c.want)
		}
	}
	for _, p := range media.Purposes {
		if _, ok := media.Standard()[p]; !ok {
			t.Errorf("%s has no policy", p)
		}
	}
	if len(media.Standard()) != len(slices.Compact(media.Purposes)) {
		t.Error("a policy has no purpose")
	}
}

// TestTextsOfPolicies: what is said is what is asked, however it was configured.
func TestTextsOfPolicies(t *testing.T) {
	for list, want := range map[string][]string{
		"":                    {"cover image_format must be a JPEG or PNG image", "licence image_small smaller than its display box of 239×160"},
		"licence.formats=png": {"licence image_format must be a PNG image"},
		"logo.formats=jpeg":   {"logo image_format must be a JPEG image"},
		"cover.bytes=1000":    {"cover image_too_large must be at most 1000 B"},
		"cover.bytes=300032":  {"cover image_too_large must be at most 293 KB"},
		"detail.pixels=box":   {"detail image_small narrower than its display width of 1200 pixels"},
	} {
		policies, err := media.ParsePolicies(list)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{}
		for purpose, p := range policies {
			for _, f := range p.Check(media.Image{Bytes: p.MaxBytes + 1}) {
				said[fmt.Sprintf("%s %s %s", purpose, f.Code, f.Text.EN)] = true
			}
		}
		for _, sentence := range want {
			if !said[sentence] {
				t.Errorf("%q: %q is not among %v", list, sentence, said)
			}
		}
	}
}
