package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	nethttp "net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
)

const (
	formMedia = "multipart/form-data"
	// maxUpload is the most that a file may have as it is sent; what a purpose takes is less.
	maxUpload = 4 << 20
	// maxForm is what a form may add to that.
	maxForm = 16 << 10
)

var errNotOneFile = http.Refuse(nethttp.StatusBadRequest, "not_one_file", "表单须恰好包含一个文件，且格式正确",
	"the form must be well formed and have exactly one part, the file")

// upload is the file in a request's body, which is read as it comes.
type upload struct {
	from io.Reader
	// form is nil when the file is the body itself.
	form *multipart.Reader
}

// openBody opens the file of an operation that takes one: as the body itself, or as the only part of a form, if the specification has that
// media type for the operation.
func openBody(c echo.Context, op *operation) (*upload, error) {
	r := c.Request()
	values := r.Header.Values("Content-Type")
	if r.ContentLength == 0 {
		return nil, errEmptyBody.Saying(domain.Text{ZH: "请求体为空，须为一个文件", EN: "the body is empty; it must be a file"})
	}
	refused := errMediaType.Saying(domain.Text{
		ZH: "请求体须为以下之一，且不带压缩：" + strings.Join(op.takes, "、"),
		EN: "the body must be one of these, without compression: " + strings.Join(op.takes, ", "),
	})
	if len(values) != 1 || !plainCoding(r.Header) {
		return nil, refused
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil || !op.takesMedia(media) {
		return nil, refused
	}
	if limit := int64(maxUpload); r.ContentLength > limit+maxForm || media != formMedia && r.ContentLength > limit {
		return nil, errUploadTooLarge()
	}
	if media != formMedia {
		return &upload{from: nethttp.MaxBytesReader(c.Response(), r.Body, maxUpload)}, nil
	}
	if params["boundary"] == "" {
		return nil, errNotOneFile
	}
	u := &upload{form: multipart.NewReader(nethttp.MaxBytesReader(c.Response(), r.Body, maxUpload+maxForm), params["boundary"])}
	part, err := u.form.NextRawPart()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errNotOneFile
	case err != nil:
		return nil, u.explain(fmt.Errorf("%w: %w", errForm, err))
	}
	u.from = part
	return u, nil
}

var errForm = errors.New("the form is malformed")

// Read reads the file. At its end there must be no further part.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if u.form == nil || err == nil {
		return n, err
	}
	if errors.Is(err, io.EOF) {
		_, next := u.form.NextRawPart()
		if errors.Is(next, io.EOF) {
			return n, io.EOF
		}
		err = next
	}
	return n, fmt.Errorf("%w: %w", errForm, err)
}

// explain makes a refusal of an error that comes from reading the body; others stay as they are.
func (u *upload) explain(err error) error {
	var tooLarge *nethttp.MaxBytesError
	var refused *domain.Error
	switch {
	case errors.As(err, &tooLarge):
		return errUploadTooLarge()
	case errors.Is(err, errForm):
		return errNotOneFile.Because(err)
	case errors.As(err, &refused):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return http.ErrBadRequest.Because(err)
	}
	return err
}

func errUploadTooLarge() error {
	return errTooLarge.Saying(domain.Text{ZH: "上传的文件不能超过4 MiB", EN: "the file must be at most 4 MiB"})
}
