package api

import (
	"bytes"
	"errors"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"waybill/domain"
)

// FuzzForm: whatever is sent as a form, what comes out is the bytes of exactly one part, no more than may be stored and a little, or a
// refusal that is the sender's.
func FuzzForm(f *testing.F) {
	part := func(head, file string) string { return "--b\r\n" + head + "\r\n\r\n" + file + "\r\n" }
	const field = `Content-Disposition: form-data; name="file"; filename="a.png"`
	for _, seed := range []string{
		"", "--b--\r\n", part(field, "PNG") + "--b--\r\n", part(field, "PNG"), part(field, "one") + part(field, "two") + "--b--\r\n",
		"preamble\r\n" + part(field, "PNG") + "--b--\r\nepilogue", part("", "no head") + "--b--", "--b\n" + field + "\n\nbare\n--b--\n",
		part(field+"\r\nContent-Transfer-Encoding: base64", "UE5H") + "--b--\r\n", part(strings.Repeat("X: y\r\n", 3000), "z") + "--b--\r\n",
		part(field, "\r\n--b") + "--b--\r\n", part(field, "--b--") + "--b --\r\n", part(field, strings.Repeat("z", 5000)) + "--b--\r\n",
	} {
		f.Add("multipart/form-data; boundary=b", seed)
	}
	f.Add(`multipart/form-data; boundary="a b"`, "--a b\r\n\r\nPNG\r\n--a b--")
	f.Add("multipart/form-data", "--\r\n\r\nPNG\r\n----")
	f.Add("multipart/form-data; boundary="+strings.Repeat("b", 80), "x")
	operations, err := loaded()
	if err != nil {
		f.Fatal(err)
	}
	const most = 4096
	f.Fuzz(func(t *testing.T, media, body string) {
		if len(body) > 1<<16 || !strings.HasPrefix(media, formMedia) {
			t.Skip()
		}
		r := httptest.NewRequest(nethttp.MethodPost, "/api/v1/images?purpose=cover", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		read := func() ([]byte, error) {
			u, err := openBody(echo.New().NewContext(r, httptest.NewRecorder()), operations["uploadImage"], most)
			if err != nil {
				return nil, err
			}
			content, err := io.ReadAll(u)
			if err != nil {
				err = u.explain(err)
			}
			return content, err
		}
		content, err := read()
		var refused *domain.Error
		switch {
		case err == nil && !bytes.Contains([]byte(body), content):
			t.Errorf("%q came out of %q", content, body)
		case err == nil && len(content) > most+maxForm:
			t.Errorf("%d bytes came out", len(content))
		case err != nil && (!errors.As(err, &refused) || refused.Kind == domain.KindUnavailable):
			t.Errorf("%q: %v", body, err)
		}
	})
}
