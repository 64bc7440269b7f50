package api

import (
	"crypto/sha256"
	"encoding/base64"
	nethttp "net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
)

// A representation's ETag holds a digest of all that is shown: much of it comes from other streams than the object's own, and
// some from this binary. That of an object which writes can name has its stream revision in front, the only part that
// If-Match compares: `"7"` as a write answers it, `"7-Vn0…"` as a read does.

// digestBytes is how much of a SHA-256 is in an ETag.
const digestBytes = 12

// etag is the tag that a write answers with.
func etag(revision domain.Revision) string {
	return `"` + strconv.FormatUint(uint64(revision), 10) + `"`
}

// tagOf is the tag of a representation that is no object's.
func tagOf(representation []byte) string { return `"` + digest(representation) + `"` }

func digest(representation []byte) string {
	sum := sha256.Sum256(representation)
	return base64.RawURLEncoding.EncodeToString(sum[:digestBytes])
}

// writable is what If-Match may name.
var writable = regexp.MustCompile(`^(?:W/)?"(0|[1-9][0-9]{0,18})(?:-[A-Za-z0-9_-]{16})?"$`)

// ifMatch is the stream revision that one ETag names; nil for none and for "*", which any revision fits. The weak form of a
// tag is taken too: a proxy that compresses makes it of ours, and the revision is not touched by that.
func ifMatch(values []string) (*domain.Revision, error) {
	if len(values) == 0 || (len(values) == 1 && strings.TrimSpace(values[0]) == "*") {
		return nil, nil
	}
	if found := writable.FindStringSubmatch(values[0]); len(values) == 1 && found != nil {
		if number, err := strconv.ParseUint(found[1], 10, 63); err == nil {
			revision := domain.Revision(number)
			return &revision, nil
		}
	}
	return nil, wrongParameter("If-Match", "bad_etag", `须为接口给出的一个 ETag（如 "7"）或 *`,
		`must be one ETag as an answer gave it, such as "7", or *`)
}

// conditional responds to a read of an object at a stream revision, and with 304 when the caller has just that already.
func conditional(c echo.Context, revision domain.Revision, body any) error {
	raw, err := encode(body)
	if err != nil {
		return err
	}
	tag := `"` + strconv.FormatUint(uint64(revision), 10) + "-" + digest(raw) + `"`
	return tagged(c, tag, echo.MIMEApplicationJSON, raw)
}

// tagged responds with a representation, as far as the request's own tags want it (RFC 9110, 13.1).
func tagged(c echo.Context, tag, media string, representation []byte) error {
	c.Response().Header().Set("ETag", tag)
	header := c.Request().Header
	if named := header.Values("If-Match"); len(named) > 0 && !listsTag(named, tag) {
		return domain.ErrPrecondition
	}
	if listsTag(header.Values("If-None-Match"), tag) {
		return c.NoContent(nethttp.StatusNotModified)
	}
	return http.Respond(c, nethttp.StatusOK, media, representation)
}

// listsTag says whether a tag is in a list of them, or of its weak form, or the list is "*". No tag of ours has a comma in it.
func listsTag(lists []string, tag string) bool {
	for _, list := range lists {
		if slices.ContainsFunc(strings.Split(list, ","), func(one string) bool {
			one = strings.TrimSpace(one)
			return one == "*" || strings.TrimPrefix(one, "W/") == tag
		}) {
			return true
		}
	}
	return false
}
