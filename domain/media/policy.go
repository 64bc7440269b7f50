package media

import (
	"fmt"
	"slices"

	"waybill/domain"
)

// Pixels says what a side of an image must measure.
type Pixels struct {
	// Want is a number of pixels; 0 leaves the side free.
	Want int
	// Exact refuses any other number. Otherwise fewer is a soft finding, and more is welcome.
	Exact bool
}

// Policy is what a purpose asks of an image.
type Policy struct {
	// MaxBytes is the most that is stored, inclusive.
	MaxBytes      int64
	Formats       []Format
	Width, Height Pixels
}

// Policies are those of all purposes.
type Policies map[Purpose]Policy

// Standard are the policies of the manual (R15, R24) as Q1–Q3 read them.
func Standard() Policies {
	both := []Format{JPEG, PNG}
	return Policies{
		Licence: {MaxBytes: 2 << 20, Formats: both, Width: Pixels{Want: 239}, Height: Pixels{Want: 160}},
		Logo:    {MaxBytes: 100 << 10, Formats: both, Width: Pixels{185, true}, Height: Pixels{74, true}},
		Cover:   {MaxBytes: 200 << 10, Formats: both, Width: Pixels{239, true}, Height: Pixels{160, true}},
		Detail:  {MaxBytes: 1 << 20, Formats: both, Width: Pixels{1200, true}},
	}
}

// Finding is what a policy has to say about an image. A soft one refuses nothing: it goes to the reviewer.
type Finding struct {
	Code string
	Soft bool
	Text domain.Text
}

// Check returns all findings: image_format, image_too_large, image_width and image_height, and the soft image_small.
func (p Policy) Check(i Image) []Finding {
	var found []Finding
	add := func(code, zh, en string) {
		found = append(found, Finding{Code: code, Text: domain.Text{ZH: zh, EN: en}})
	}
	if !slices.Contains(p.Formats, i.Format) {
		text := p.FormatText()
		add("image_format", text.ZH, text.EN)
	}
	if i.Bytes > p.MaxBytes {
		size := bytesText(p.MaxBytes)
		add("image_too_large", "图片不能超过 "+size, "must be at most "+size)
	}
	if p.Width.Exact && i.Width != p.Width.Want {
		add("image_width", fmt.Sprintf("图片宽度须为 %d 像素", p.Width.Want), fmt.Sprintf("must be %d pixels wide", p.Width.Want))
	}
	if p.Height.Exact && i.Height != p.Height.Want {
		add("image_height", fmt.Sprintf("图片高度须为 %d 像素", p.Height.Want), fmt.Sprintf("must be %d pixels high", p.Height.Want))
	}
	if (!p.Width.Exact && i.Width < p.Width.Want) || (!p.Height.Exact && i.Height < p.Height.Want) {
		found = append(found, Finding{Code: "image_small", Soft: true, Text: p.smallText()})
	}
	return found
}

// FormatText asks for one of the formats.
func (p Policy) FormatText() domain.Text {
	switch {
	case !slices.Contains(p.Formats, PNG):
		return domain.Text{ZH: "图片须为 jpg 或 jpeg 格式", EN: "must be a JPEG image"}
	case !slices.Contains(p.Formats, JPEG):
		return domain.Text{ZH: "图片须为 png 格式", EN: "must be a PNG image"}
	}
	return domain.Text{ZH: "图片须为 jpg、jpeg 或 png 格式", EN: "must be a JPEG or PNG image"}
}

// smallText says which box an image does not fill; a box may be open to one side.
func (p Policy) smallText() domain.Text {
	switch w, h := p.Width.Want, p.Height.Want; {
	case h == 0:
		return domain.Text{
			ZH: fmt.Sprintf("图片小于展示宽度 %d 像素", w), EN: fmt.Sprintf("narrower than its display width of %d pixels", w),
		}
	case w == 0:
		return domain.Text{
			ZH: fmt.Sprintf("图片小于展示高度 %d 像素", h), EN: fmt.Sprintf("lower than its display height of %d pixels", h),
		}
	default:
		return domain.Text{
			ZH: fmt.Sprintf("图片小于展示尺寸 %d×%d", w, h), EN: fmt.Sprintf("smaller than its display box of %d×%d", w, h),
		}
	}
}

// bytesText is a number of bytes as people write it, and exact.
func bytesText(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
