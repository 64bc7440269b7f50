package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
)

// Limits of a body.
const (
	maxBody  = 1 << 20
	maxDepth = 32
)

var (
	errMediaType = http.Refuse(nethttp.StatusUnsupportedMediaType, "unsupported_media_type", "请求体须为 application/json",
		"the body must be application/json in UTF-8")
	errTooLarge  = http.Refuse(nethttp.StatusRequestEntityTooLarge, "body_too_large", "请求体不能超过1 MiB", "the body must be at most 1 MiB")
	errEmptyBody = http.Refuse(nethttp.StatusBadRequest, "empty_body", "请求体为空，须为一个 JSON 对象",
		"the body is empty; it must be one JSON object")
	errNotJSON        = http.Refuse(nethttp.StatusBadRequest, "malformed_json", "请求体不是有效的 JSON", "the body is not valid JSON")
	errUnexpectedBody = http.Refuse(nethttp.StatusBadRequest, "unexpected_body", "此操作不接受请求体，请不要发送",
		"this operation takes no body; send none")
	errTooDeep = http.Refuse(nethttp.StatusBadRequest, "too_deep", "请求体嵌套过深", "the body is nested too deeply")
)

// decode reads the request's body into a T: one JSON object of exactly T's fields. All that does not fit T is reported at
// once; what the values must be is the domain's to say.
func decode[T any](c echo.Context) (T, error) {
	var into T
	in := callOf(c)
	raw, err := readBody(c)
	if err != nil {
		return into, err
	}
	in.body = raw
	plain, err := checkShape[T](raw)
	if err != nil {
		return into, err
	}
	if err := json.Unmarshal(plain, &into); err != nil {
		return into, errNotJSON.Because(err)
	}
	return into, nil
}

func readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if !isJSON(r.Header) {
		if r.ContentLength == 0 {
			return nil, errEmptyBody
		}
		return nil, errMediaType
	}
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	raw, err := io.ReadAll(nethttp.MaxBytesReader(c.Response(), r.Body, maxBody))
	var tooLarge *nethttp.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, http.ErrBadRequest.Because(err)
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, errEmptyBody
	}
	if err := checkEncoding(raw); err != nil {
		return nil, err
	}
	if err := checkSyntax(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// isJSON says whether a header announces one plain JSON text in UTF-8.
func isJSON(header nethttp.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/json" {
		return false
	}
	if !plainCoding(header) {
		return false
	}
	charset := params["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// plainCoding says whether a header announces a body that is not compressed.
func plainCoding(header nethttp.Header) bool {
	return !slices.ContainsFunc(header.Values("Content-Encoding"), func(coding string) bool {
		return coding != "" && !strings.EqualFold(coding, "identity")
	})
}

// refuseBody refuses a body where none is taken, rather than to act as if it were not there.
func refuseBody(r *nethttp.Request) error {
	if r.ContentLength > 0 {
		return errUnexpectedBody
	}
	switch n, err := io.ReadFull(r.Body, make([]byte, 1)); {
	case n > 0:
		return errUnexpectedBody
	case errors.Is(err, io.EOF):
		return nil
	default:
		return http.ErrBadRequest.Because(err)
	}
}

// checkEncoding says what a text is that is not plain UTF-8.
func checkEncoding(raw []byte) error {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return notJSON("（以字节顺序标记 U+FEFF 开头，请去掉这个标记）", " (it begins with a byte-order mark, U+FEFF; send it without)")
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return notJSON("（编码是 UTF-16，须为 UTF-8）", " (it is in UTF-16; it must be in UTF-8)")
	case !utf8.Valid(raw):
		at := 0
		for at < len(raw) {
			r, size := utf8.DecodeRune(raw[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return notJSON(fmt.Sprintf("（第%d字节处不是 UTF-8）", at+1), fmt.Sprintf(" (at byte %d it is not UTF-8)", at+1))
	}
	return nil
}

// notJSON is errNotJSON that says more.
func notJSON(zh, en string) *http.Refusal {
	return errNotJSON.Saying(domain.Text{ZH: errNotJSON.Text.ZH + zh, EN: errNotJSON.Text.EN + en})
}

// checkSyntax says where the JSON is wrong.
func checkSyntax(raw []byte) error {
	if depthOf(raw) > maxDepth {
		return errTooDeep
	}
	var any json.RawMessage
	err := json.Unmarshal(raw, &any)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return errNotJSON.Because(err)
	}
	return notJSON(fmt.Sprintf("（第%d字节处）", syntax.Offset), fmt.Sprintf(" (at byte %d)", syntax.Offset)).Because(err)
}

// depthOf is the deepest nesting of raw, strings aside; raw need not be valid.
func depthOf(raw []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			depth++
			deepest = max(deepest, depth)
		case b == '}' || b == ']':
			depth--
		}
	}
	return deepest
}
