package api

import (
	"context"
	"io"
	nethttp "net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/http"
)

// Images takes, keeps and opens images.
type Images interface {
	// Upload takes an image that an account sends, once for each request that has an id.
	Upload(ctx context.Context, account uuid.UUID, purpose media.Purpose, request uuid.UUID, content io.Reader) (media.Receipt, error)
	// UploadedAt is when the account uploaded it last, for whatever purpose; domain.ErrNotFound when it has not.
	UploadedAt(ctx context.Context, account uuid.UUID, digest string) (time.Time, error)
	// Open opens one, or with a box the picture that fits it. The format is empty when the bytes are no image's.
	Open(ctx context.Context, digest, box string) (content io.ReadSeekCloser, size int64, format media.Format, err error)
}

// noImages is where there are none.
type noImages struct{}

func (noImages) Upload(context.Context, uuid.UUID, media.Purpose, uuid.UUID, io.Reader) (media.Receipt, error) {
	return media.Receipt{}, media.ErrUnavailable
}

func (noImages) UploadedAt(context.Context, uuid.UUID, string) (time.Time, error) {
	return time.Time{}, media.ErrUnavailable
}

func (noImages) Open(context.Context, string, string) (io.ReadSeekCloser, int64, media.Format, error) {
	return nil, 0, "", media.ErrUnavailable
}

// imageTimeout bounds the sending of an image.
const imageTimeout = 30 * time.Second

var errRange = http.Refuse(nethttp.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable", "所求的部分不在文件内",
	"the part asked for is not in the file")

// UploadImage takes one image (R15, R24, R46).
func (s *server) UploadImage(c echo.Context, params UploadImageParams) error {
	in := callOf(c)
	purpose := media.Purpose(params.Purpose)
	content, err := openBody(c, in.op, s.Commands.Policies()[purpose].MaxBytes)
	if err != nil {
		return err
	}
	request := uuid.Nil
	if key := params.IdempotencyKey; key != "" {
		request = uuid.NewSHA1(requests, []byte(in.Account.String()+"\nPOST /api/v1/images\n"+key))
	}
	receipt, err := s.Images.Upload(c.Request().Context(), in.Account, purpose, request, content)
	if err != nil {
		return content.explain(err)
	}
	url := "/media/" + receipt.Digest
	c.Response().Header().Set("Location", url)
	if receipt.Replayed {
		c.Response().Header().Set("Idempotency-Replayed", "true")
	}
	return answer(c, nethttp.StatusCreated, Image{
		Digest: receipt.Digest, Format: ImageFormat(receipt.Format), Width: int32of(receipt.Width), Height: int32of(receipt.Height),
		Bytes: receipt.Bytes, URL: url, Findings: convert(receipt.Findings, func(f media.Finding) ImageFinding {
			return ImageFinding{Code: f.Code, Text: textOf(f.Text)}
		}),
	})
}

// GetImage serves an image to whoever may see it now; to anybody else it is not there.
func (s *server) GetImage(c echo.Context, digest ImageRef, params GetImageParams) error {
	header := c.Response().Header()
	header.Add("Vary", "Authorization")
	public, err := s.maySee(c, digest)
	if err != nil {
		return err
	}
	tag := tagOf([]byte(digest + " " + string(params.Box)))
	header.Set("ETag", tag)
	request := c.Request().Header
	if named := request.Values("If-Match"); len(named) > 0 && !listsTag(named, tag) {
		return domain.ErrPrecondition
	}
	header.Set("Cache-Control", "private, no-cache")
	if public {
		header.Set("Cache-Control", "public, no-cache")
	}
	if listsTag(request.Values("If-None-Match"), tag) {
		return c.NoContent(nethttp.StatusNotModified)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), imageTimeout)
	defer cancel()
	content, _, format, err := s.Images.Open(ctx, digest, string(params.Box))
	if err != nil {
		return err
	}
	defer content.Close()
	if format == "" {
		return domain.ErrNotFound // some file of another kind under a digest's name is not for anybody
	}
	header.Set("Content-Type", string(format))
	header.Set("Content-Disposition", "inline")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	for _, condition := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		request.Del(condition) // they were looked at
	}
	part := &partWriter{ResponseWriter: c.Response()}
	nethttp.ServeContent(part, c.Request(), "", time.Time{}, content)
	if part.refused {
		for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Length"} {
			header.Del(name)
		}
		return errRange
	}
	return nil
}

// partWriter leaves the refusal of a range to whoever writes problems.
type partWriter struct {
	nethttp.ResponseWriter
	refused bool
}

func (w *partWriter) WriteHeader(status int) {
	if status == nethttp.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *partWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// maySee reports whether an image is public; domain.ErrNotFound when the caller may not see it, whether there is one or not. A token
// is looked at only when the image is not public, and then it must be good.
func (s *server) maySee(c echo.Context, digest string) (public bool, err error) {
	ctx := c.Request().Context()
	sight, err := s.pictures.Sight(ctx, digest, uuid.Nil)
	if err != nil || sight.Public {
		return sight.Public, err
	}
	if len(c.Request().Header.Values("Authorization")) == 0 {
		return false, domain.ErrNotFound
	}
	principal, err := s.web.Authenticate(c)
	if err != nil {
		return false, err
	}
	if principal, err = s.checkAccount(c.Request(), principal); err != nil {
		return false, err
	}
	callOf(c).Roles = principal.Roles
	staff := func(roles ...domain.Role) bool { return slices.ContainsFunc(roles, principal.Has) }
	switch {
	case sight.Used && staff(domain.RoleReviewer, domain.RoleAuditor), sight.UsedOpenly && staff(domain.RoleOperator):
		return false, nil
	case !principal.Has(domain.RoleEnterprise):
		return false, domain.ErrNotFound
	}
	return false, s.mayOwn(ctx, digest, principal.AccountID)
}

// mayOwn refuses with domain.ErrNotFound what the account has not uploaded, and none of its objects has: what only its deleted objects had
// is gone for it, too, until it uploads it again.
func (s *server) mayOwn(ctx context.Context, digest string, account uuid.UUID) error {
	sight, err := s.pictures.Sight(ctx, digest, account)
	if err != nil || sight.Own {
		return err
	}
	at, err := s.Images.UploadedAt(ctx, account, digest)
	if err == nil && !at.After(sight.GoneAt) {
		return domain.ErrNotFound
	}
	return err
}
