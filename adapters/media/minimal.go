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
func (Minimal) Take(_ context.Context, sent io.Reader, policy media.Policy) (Taken, error) {
	var none Taken
	raw, err := io.ReadAll(io.LimitReader(sent, policy.MaxBytes+1))
	if err != nil {
		return none, err
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		var f domain.Fields
		f.Add(media.Pointer, "image_unreadable", "无法识别的图片", "is no picture that can be read")
		return none, f.Err()
	}
	sum := sha256.Sum256(raw)
	i := media.Image{
		Digest: "sha256:" + hex.EncodeToString(sum[:]), Format: media.Format("image/" + format), Width: config.Width, Height: config.Height,
		Bytes: int64(len(raw)),
	}
	var f domain.Fields
	var soft []media.Finding
	for _, finding := range policy.Check(i) {
		if finding.Soft {
			soft = append(soft, finding)
			continue
		}
		f.Add(media.Pointer, finding.Code, finding.Text.ZH, finding.Text.EN)
	}
	return Taken{Image: i, Findings: soft, Bytes: raw, Close: func() {}}, f.Err()
}

// Fit implements Intake.
func (Minimal) Fit(_ context.Context, stored []byte, width, height int) ([]byte, media.Format, error) {
	from, _, err := image.Decode(bytes.NewReader(stored))
	if err != nil {
		return nil, "", err
	}
	b := from.Bounds()
	scale := max(float64(b.Dx())/float64(width), float64(b.Dy())/float64(height), 1)
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(b.Dx())/scale)), max(1, int(float64(b.Dy())/scale))))
	for y := range to.Bounds().Dy() {
		for x := range to.Bounds().Dx() {
			to.Set(x, y, from.At(b.Min.X+int(float64(x)*scale), b.Min.Y+int(float64(y)*scale)))
		}
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, to, nil)
	return out.Bytes(), media.JPEG, err
}
