package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

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
	errNotJSON = http.Refuse(nethttp.StatusBadRequest, "malformed_json", "请求体不是有效的 JSON", "the body is not valid JSON")
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
	if err := checkShape[T](raw); err != nil {
		return into, err
	}
	if err := json.Unmarshal(raw, &into); err != nil {
		return into, errNotJSON.Because(err)
	}
	return into, nil
}

func readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || r.Header.Get("Content-Encoding") != "" ||
		(charset != "" && !strings.EqualFold(charset, "utf-8")) {
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
	case !utf8.Valid(raw):
		return nil, errNotJSON.Because(errors.New("not UTF-8"))
	}
	if err := checkSyntax(raw); err != nil {
		return nil, err
	}
	return raw, nil
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
	said := errNotJSON.Text
	said.ZH += fmt.Sprintf("（第%d字节处）", syntax.Offset)
	said.EN += fmt.Sprintf(" (at byte %d)", syntax.Offset)
	return errNotJSON.Saying(said).Because(err)
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
