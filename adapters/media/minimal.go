package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/jpeg"
	_ "image/png" // a format that is taken
	"io"

	"waybill/domain"
	"waybill/domain/media"
)

// Minimal is an Intake that decodes and measures, and nothing more.
type Minimal struct{}

// Take implements Intake.
func (Minimal) Take(_ context.Context, sent io.Reader, policy media.Policy) ([]byte, media.Image, error) {
	var none media.Image
	raw, err := io.ReadAll(io.LimitReader(sent, policy.MaxBytes+1))
	if err != nil {
		return nil, none, err
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		var f domain.Fields
		f.Add(media.Pointer, "image_unreadable", "无法识别的图片", "is no picture that can be read")
		return nil, none, f.Err()
	}
	sum := sha256.Sum256(raw)
	i := media.Image{
		Digest: "sha256:" + hex.EncodeToString(sum[:]), Format: media.Format("image/" + format), Width: config.Width, Height: config.Height,
		Bytes: int64(len(raw)),
	}
	var f domain.Fields
	for _, finding := range policy.Check(i) {
		if !finding.Soft {
			f.Add(media.Pointer, finding.Code, finding.Text.ZH, finding.Text.EN)
		}
	}
	return raw, i, f.Err()
}

// Thumbnail implements Intake.
func (Minimal) Thumbnail(_ context.Context, stored io.Reader, box media.Box) ([]byte, error) {
	from, _, err := image.Decode(stored)
	if err != nil {
		return nil, err
	}
	b := from.Bounds()
	scale := max(float64(b.Dx())/float64(box.Width), float64(b.Dy())/float64(box.Height), 1)
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(b.Dx())/scale)), max(1, int(float64(b.Dy())/scale))))
	for y := range to.Bounds().Dy() {
		for x := range to.Bounds().Dx() {
			to.Set(x, y, from.At(b.Min.X+int(float64(x)*scale), b.Min.Y+int(float64(y)*scale)))
		}
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, to, nil)
	return out.Bytes(), err
}
