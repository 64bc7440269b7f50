package intake

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"waybill/domain/media"
)

// picture is what the structure of a file says, before any pixel is decoded.
type picture struct {
	format media.Format
	// width and height are as stored; 0 when they are not known.
	width, height int
	// turn is how it has to be turned to be upright.
	turn orientation
	// memory is what decoding it, and turning it, takes at most.
	memory int64
	// clean is the file without what is stripped, and upright a file like it.
	clean []byte
	// profile is the colour profile that clean has, if any; chunks are all that a PNG has to say of colours, that among them.
	profile, chunks []byte
	// gray says that it has one channel.
	gray bool
}

// inspect reads the structure of a file. Of a file with a mistake the picture has what was known by then.
func inspect(data []byte) (picture, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, soi}):
		return inspectJPEG(data)
	case bytes.HasPrefix(data, []byte(pngSignature)):
		return inspectPNG(data)
	}
	return picture{turn: upright}, foreign(formatName(data))
}

// decode decodes every pixel.
func (p picture) decode(ctx context.Context) (image.Image, error) {
	// image/png reads ahead and would not notice what follows the pixels in their chunk, were its last byte not read by itself.
	last := len(p.clean) - 12 - 4 - 1
	if p.format != media.PNG {
		last = len(p.clean)
	}
	r := patient{ctx, io.MultiReader(bytes.NewReader(p.clean[:last]), bytes.NewReader(p.clean[last:]))}
	var decoded image.Image
	var err error
	if p.format == media.PNG {
		decoded, err = png.Decode(r)
	} else {
		decoded, err = jpeg.Decode(r)
	}
	var noJPEG jpeg.UnsupportedError
	var noPNG png.UnsupportedError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &noJPEG), errors.As(err, &noPNG):
		return nil, unsupported("不支持该图片的编码方式，请重新导出后上传", "is encoded in a way that is not supported; export it again ("+err.Error()+")")
	case err != nil:
		return nil, broken("%v", err)
	case decoded.Bounds() != image.Rect(0, 0, p.width, p.height):
		return nil, broken("%v is not %d by %d", decoded.Bounds(), p.width, p.height)
	}
	return decoded, nil
}

// formatName is the name of what people upload for an image, by its first bytes; empty for anything else.
func formatName(data []byte) string {
	has := func(at int, s string) bool { return len(data) >= at+len(s) && string(data[at:at+len(s)]) == s }
	head := bytes.ToLower(data[:min(len(data), 1024)])
	switch {
	case has(0, "GIF8"):
		return "GIF"
	case has(0, "RIFF") && has(8, "WEBP"):
		return "WebP"
	case has(0, "BM"):
		return "BMP"
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return "TIFF"
	case has(4, "ftypavif"), has(4, "ftypavis"):
		return "AVIF"
	case has(4, "ftypheic"), has(4, "ftypheix"), has(4, "ftyphevc"), has(4, "ftypmif1"), has(4, "ftypmsf1"):
		return "HEIC"
	case has(0, "\xff\x0a"), has(0, "\x00\x00\x00\x0cJXL "):
		return "JPEG XL"
	case has(0, "\x00\x00\x00\x0cjP  "), has(0, "\xff\x4f\xff\x51"):
		return "JPEG 2000"
	case has(0, "\x8aMNG"), has(0, "\x8bJNG"):
		return "MNG"
	case has(0, "8BPS"):
		return "Photoshop"
	case has(0, "%PDF-"):
		return "PDF"
	case has(0, "PK\x03\x04"):
		return "ZIP"
	case bytes.Contains(head, []byte("<svg")):
		return "SVG"
	case bytes.Contains(head, []byte("<html")), bytes.Contains(head, []byte("<!doctype html")):
		return "HTML"
	}
	return ""
}
