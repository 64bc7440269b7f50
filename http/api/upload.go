package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	nethttp "net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
)

const (
	formMedia = "multipart/form-data"
	// leastUpload is what a file may always have as it is sent; what a purpose takes is less, where nobody configured more.
	leastUpload = 4 << 20
	// maxForm is what a form may add to that, and what it may have before and behind the file, which is kept in memory.
	maxForm = 16 << 10
	// uploadTimeout bounds the sending of a file: 4 MiB at 600 kbit/s.
	uploadTimeout = time.Minute
)

var errUploadTooSlow = http.Refuse(nethttp.StatusRequestTimeout, "upload_too_slow", "上传超时，请换用更快的网络，或上传较小的文件",
	"the file did not arrive within a minute; try again on a faster connection, or with a smaller file")

var errNotOneFile = http.Refuse(nethttp.StatusBadRequest, "not_one_file", "表单须恰好包含一个文件，且格式正确",
	"the form must be well formed and have exactly one part, the file")

// upload is the file in a request's body, which is read as it comes.
type upload struct {
	from io.Reader
	// form is nil when the file is the body itself, and body what the form is read from.
	form *multipart.Reader
	body *rationed
	// limit is the most that the file may have as it is sent.
	limit int64
}

// rationed is a reader of which at most left bytes can be read.
type rationed struct {
	from io.Reader
	left int64
}

func (r *rationed) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errForm
	}
	n, err := r.from.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// openBody opens the file of an operation that takes one: as the body itself, or as the only part of a form, if the specification has that
// media type for the operation. most is what may be stored of it.
func openBody(c echo.Context, op *operation, most int64) (*upload, error) {
	r := c.Request()
	deadlines := nethttp.NewResponseController(c.Response())
	_ = deadlines.SetReadDeadline(time.Now().Add(uploadTimeout)) // who has none to set waits for nobody
	_ = deadlines.SetWriteDeadline(time.Now().Add(2 * uploadTimeout))
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
	u := &upload{limit: max(leastUpload, (most>>20+1)<<20)}
	if r.ContentLength > u.limit+maxForm || media != formMedia && r.ContentLength > u.limit {
		return nil, u.tooLarge()
	}
	if media != formMedia {
		u.from = nethttp.MaxBytesReader(c.Response(), r.Body, u.limit)
		return u, nil
	}
	if params["boundary"] == "" {
		return nil, errNotOneFile
	}
	u.body = &rationed{from: nethttp.MaxBytesReader(c.Response(), r.Body, u.limit+maxForm)}
	u.form = multipart.NewReader(u.body, params["boundary"])
	part, err := u.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errNotOneFile
	case err != nil:
		return nil, u.explain(err)
	}
	u.from, u.body.left = part, math.MaxInt64
	return u, nil
}

var (
	errForm = errors.New("the form is malformed")
	errSent = errors.New("read what is sent")
)

// next is the form's next part, or io.EOF.
func (u *upload) next() (*multipart.Part, error) {
	u.body.left = maxForm
	part, err := u.form.NextRawPart()
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errForm, err)
	}
	return part, err
}

// Read reads the file. At its end there must be no further part.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	switch {
	case err == nil:
		return n, nil
	case u.form == nil && errors.Is(err, io.EOF):
		return n, io.EOF
	case u.form == nil:
		return n, fmt.Errorf("%w: %w", errSent, err)
	case !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %w", errForm, err)
	}
	if _, err = u.next(); err == nil {
		err = fmt.Errorf("%w: another part", errForm)
	}
	return n, err
}

// explain makes a refusal of an error that comes from reading the body; others stay as they are.
func (u *upload) explain(err error) error {
	var tooLarge *nethttp.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return u.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errUploadTooSlow.Because(err)
	case errors.Is(err, errForm):
		return errNotOneFile.Because(err)
	case errors.Is(err, errSent):
		return http.ErrBadRequest.Because(err)
	}
	return err
}

func (u *upload) tooLarge() error {
	size := fmt.Sprintf("%d MiB", u.limit>>20)
	return errTooLarge.Saying(domain.Text{ZH: "上传的文件不能超过" + size, EN: "the file must be at most " + size})
}
